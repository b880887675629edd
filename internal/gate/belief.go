package gate

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// What is asked of enter.lua.
const (
	askRates  = "rates"
	askAnswer = "answer"
	askChange = "change"
)

// belief is whether what Redis keeps is believed.
//
// A Redis that is reached anew may have come back from an old snapshot, with what
// was so then. So nothing is believed that is older than the connection. And other
// replicas may not have reached it yet, nor told it what they are changing. So
// nothing at all is believed until some time after.
type belief struct {
	settle time.Duration

	mu sync.Mutex
	// turn counts the reasons to doubt, known is that for which since was asked.
	turn, known uint64
	// since is the moment, by Redis's clock in microseconds, before which nothing
	// is believed.
	since int64
	// from is when belief begins, by this machine's clock.
	from time.Time
	// deaf is true while announcements of other replicas would not be heard.
	deaf bool
	// changing is until when a user is not believed about, since a replica has
	// announced a change. When there are sweepAt of them, those are dropped of whom
	// the time is over.
	changing map[auth.Slot]time.Time
	sweepAt  int
	// echoes are announcements that this replica waits to hear itself.
	echoes map[auth.Slot]*echo
}

// moment is what a request knew of since when it was sent.
type moment struct {
	turn  uint64
	redis int64
}

// doubt believes nothing that is kept by now.
func (b *belief) doubt() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	b.from = time.Now().Add(b.settle)
}

// seen learns the time of Redis from an answer to a request that was sent in a
// turn: what is older was not kept since. It reports whether the turn lasts. If it
// does not, the request may have connected anew, and the answer come from a Redis
// that is to be doubted.
func (b *belief) seen(turn uint64, at func() int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if turn != b.turn {
		return false
	}
	if b.known != turn {
		b.known, b.since = turn, at()
	}
	return true
}

// of tells whether what is kept of a user is believed, and since when.
func (b *belief) of(slot auth.Slot, now time.Time) (moment, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := moment{turn: b.turn, redis: b.since}
	if b.deaf || b.known != b.turn || now.Before(b.from) {
		return m, false
	}
	if len(b.changing) == 0 {
		return m, true
	}
	until, changing := b.changing[slot]
	return m, !changing || now.After(until)
}

// listen remembers whether announcements are heard. What was missed meanwhile is
// not known, so all is doubted.
func (b *belief) listen(heard bool) {
	b.doubt()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deaf = !heard
}

// fewChanging are not worth a look at who of them is still changing.
const fewChanging = 1024

// hear does not believe what is kept of a user for as long as a change may take.
func (b *belief) hear(slot auth.Slot, now time.Time, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.changing == nil {
		b.changing, b.sweepAt = map[auth.Slot]time.Time{}, fewChanging
	}
	if len(b.changing) >= b.sweepAt {
		maps.DeleteFunc(b.changing, func(_ auth.Slot, until time.Time) bool { return now.After(until) })
		b.sweepAt = max(2*len(b.changing), fewChanging)
	}
	if until := now.Add(wait); until.After(b.changing[slot]) {
		b.changing[slot] = until
	}
}

// asked is what to ask Redis for an entry.
func (r *Redis) asked(e auth.Entry) (string, moment) {
	since, believed := r.belief.of(e.Slot, time.Now())
	switch {
	case e.Changes:
		return askChange, since
	case e.Question != "" && believed && r.KeepFor > 0:
		return askAnswer, since
	default:
		return askRates, since
	}
}

// dial connects to Redis, which from now on has to be believed anew.
func (r *Redis) dial(ctx context.Context, address string, dialer *net.Dialer, config *tls.Config) (net.Conn, error) {
	defer r.belief.doubt()
	var conn net.Conn
	var err error
	if config == nil {
		conn, err = dialer.DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&tls.Dialer{NetDialer: dialer, Config: config}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, err
	}
	return doubted{conn, &r.belief}, nil
}

// doubted is a connection with whose end belief ends: another node, to which we
// are connected already, may take the place of the one that is gone.
type doubted struct {
	net.Conn
	belief *belief
}

// Close implements net.Conn.
func (c doubted) Close() error {
	c.belief.doubt()
	return c.Conn.Close()
}

// Heard takes what a replica has announced, this one or another: that something
// of a user is changing, though it could not tell Redis.
func (r *Redis) Heard(slot auth.Slot) {
	r.hear(slot)
	r.belief.echoed(slot)
}

func (r *Redis) hear(slot auth.Slot) { r.belief.hear(slot, time.Now(), heardFor+r.KeepFor) }

// Listening is told whether announcements are heard from now on. Without it
// nothing that Redis keeps is believed, unless there are none at all.
func (r *Redis) Listening(heard bool) { r.belief.listen(heard) }

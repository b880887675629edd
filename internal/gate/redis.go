package gate

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// defaultWait is how long a request waits for Redis.
	defaultWait = 50 * time.Millisecond
	// defaultSettle is how long a Redis that was just reached is not believed. By
	// then all replicas that can reach it have done so, and have told it what they
	// are changing.
	defaultSettle = 2 * time.Second
	// markFor is how long a mark stands that nobody takes back, in milliseconds:
	// longer than any change takes.
	markFor = "75000"
	// probeEvery is how often a Redis that is away is asked whether it is back.
	probeEvery = 100 * time.Millisecond
)

var (
	//go:embed enter.lua
	enterSource string
	//go:embed changed.lua
	changedSource string
)

// RedisConfig says which Redis.
type RedisConfig struct {
	// URL is redis:// or rediss://; a node of a cluster stands for all of it.
	URL string
	// Connections is how many there may be to each node.
	Connections int
	// Wait is how long a request waits for Redis; 50 ms if it is not given.
	Wait time.Duration
	// KeepFor is how long answers are kept; not at all if it is zero.
	KeepFor time.Duration
	// Settle is how long a Redis that was just reached is not believed; 2 s if it
	// is not given.
	Settle time.Duration
	// Announce tells the other replicas, in another way than through Redis, that
	// something of a user is changing, or has changed. They pass it to Heard. Nil
	// where there is no such way.
	Announce func(context.Context, auth.Slot) error
	Log      *slog.Logger
}

// Redis holds callers to their rates and remembers answers for all replicas
// together. While Redis does not answer, it counts for this process alone, and
// remembers nothing.
type Redis struct {
	RedisConfig

	local          *Local
	wait           time.Duration
	epochFor       string
	enter, changed *rueidis.Lua
	belief         belief
	keeping        chan keeping

	client atomic.Pointer[rueidis.Client]
	// turns counts how often Redis came and went: it is here while the number is
	// odd. Whoever reports a turn says which it knew, so that one outage which
	// many meet is one, and a late report of it does not count for the next.
	turns atomic.Uint64
	// failed is the slot that was last asked for in vain. In a cluster it may be
	// one node that is away.
	failed atomic.Pointer[auth.Slot]

	// answered and alone count what Enter asked Redis for, and what it answered
	// without.
	answered, alone atomic.Uint64

	stop context.CancelFunc
	done sync.WaitGroup
}

// OpenRedis returns at once and connects in the background, now and whenever the
// connection is lost.
func OpenRedis(ctx context.Context, c RedisConfig) (*Redis, error) { return open(ctx, c, enterSource) }

func open(ctx context.Context, c RedisConfig, enter string) (*Redis, error) {
	option, err := optionOf(c)
	if err != nil {
		return nil, err
	}
	r := &Redis{
		RedisConfig: c, local: NewLocal(time.Now, 0), wait: cmp.Or(c.Wait, defaultWait),
		epochFor: strconv.FormatInt((2 * c.KeepFor).Milliseconds(), 10),
		enter:    rueidis.NewLuaScript(enter), changed: rueidis.NewLuaScript(changedSource),
		keeping: make(chan keeping, mostKeeping),
	}
	r.belief.settle, r.belief.deaf = cmp.Or(c.Settle, defaultSettle), c.Announce != nil && c.KeepFor > 0
	option.DialCtxFn = r.dial
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.done.Go(func() { r.keep(ctx, option) })
	r.done.Go(func() { r.keepAnswers(ctx) })
	return r, nil
}

// Close ends the connections. No request may be under way.
func (r *Redis) Close() {
	r.stop()
	r.done.Wait()
	if client := r.client.Load(); client != nil {
		(*client).Close()
	}
}

// Enter asks Redis, and while it does not answer, counts in this process. A
// caller who goes away has entered all the same.
func (r *Redis) Enter(ctx context.Context, e auth.Entry) auth.Pass {
	if len(e.Rates) == 0 && !e.Changes && (e.Question == "" || r.KeepFor == 0) {
		return auth.Pass{} // nothing is asked
	}
	ctx = context.WithoutCancel(ctx)
	if turn := r.turns.Load(); here(turn) {
		pass, err := r.ask(ctx, r.wait, e)
		if err == nil {
			r.answered.Add(1)
			return pass
		}
		r.lost(ctx, turn, e.Slot, err)
	}
	r.alone.Add(1)
	pass := r.local.Enter(ctx, auth.Entry{Slot: e.Slot, Rates: e.Rates})
	if e.Changes && pass.Allowed() && r.announce(ctx, e.Slot) == nil {
		pass.Mark = auth.Announced
	}
	return pass
}

// ask asks Redis, once: a request that may have been counted is not sent again.
func (r *Redis) ask(ctx context.Context, wait time.Duration, e auth.Entry) (auth.Pass, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	asked, since := r.asked(e)
	keys, args := r.words(e, asked, since)
	answer, err := r.enter.Exec(ctx, *r.client.Load(), keys, args).ToArray()
	if err != nil {
		return auth.Pass{}, fmt.Errorf("enter: %w", err)
	}
	pass, err := passOfRedis(e, answer)
	if !r.belief.seen(since.turn, func() int64 { return number(answer, 1) }) {
		pass.Epoch, pass.Answer = "", nil
	}
	return pass, err
}

// words are the keys and arguments of enter.lua.
func (r *Redis) words(e auth.Entry, asked string, since moment) (keys, args []string) {
	keys, args = make([]string, 0, len(e.Rates)+4), make([]string, 0, 4+2*len(e.Rates))
	args = append(args, asked, strconv.FormatInt(since.redis, 10), r.epochFor, markFor)
	for _, rate := range e.Rates {
		keys = append(keys, rateKey(e.Slot, rate.Name))
		args = append(args, strconv.FormatInt(rate.Cost().Microseconds(), 10), strconv.FormatInt(rate.Whole().Microseconds(), 10))
	}
	switch asked {
	case askChange:
		keys = append(keys, epochKey(e.Slot), marksKey(e.Slot))
	case askAnswer:
		keys = append(keys, epochKey(e.Slot), marksKey(e.Slot), sessionKey(e), answerKey(e))
	default: // the budgets alone; a slot is named so that a cluster knows the node
		if len(keys) == 0 {
			keys = append(keys, epochKey(e.Slot))
		}
	}
	return keys, args
}

// passOfRedis reads what enter.lua answers.
func passOfRedis(e auth.Entry, answer []rueidis.RedisMessage) (auth.Pass, error) {
	budgets := len(e.Rates)
	if len(answer) < 2+budgets {
		return auth.Pass{}, errAnswer
	}
	owed := make([]int64, budgets)
	for n := range owed {
		owed[n] = number(answer, 2+n)
	}
	allowed := number(answer, 0) == 1
	pass := passOf(e.Rates, owed, allowed)
	if allowed && e.Changes {
		pass.Mark = auth.Marked
	}
	if len(answer) == budgets+4 {
		epoch, err := answer[budgets+2].ToString()
		if err != nil {
			return auth.Pass{}, errAnswer
		}
		text, err := answer[budgets+3].ToString()
		if err != nil {
			return auth.Pass{}, errAnswer
		}
		pass.Epoch = auth.Epoch(epoch)
		pass.Answer = read(text, e, pass.Epoch)
	}
	return pass, nil
}

// number is an integer of an answer, zero where there is none.
func number(answer []rueidis.RedisMessage, n int) int64 {
	if n >= len(answer) {
		return 0
	}
	value, err := answer[n].AsInt64()
	if err != nil {
		return 0
	}
	return value
}

// Changed implements auth.Gate. A change that was marked and is not reported
// keeps the user's answers out of use until the mark ends by itself, and one that
// was announced until it must be over. It is announced even so: Redis may be away
// because it has lost the mark, and who listens only now has missed the first word.
// One that nobody was told of has to be told.
func (r *Redis) Changed(ctx context.Context, slot auth.Slot, mark auth.Mark) error {
	ctx = context.WithoutCancel(ctx)
	if turn := r.turns.Load(); here(turn) {
		err := r.report(ctx, slot, mark)
		if err == nil {
			return nil
		}
		r.lost(ctx, turn, slot, err)
	}
	if err := r.announce(ctx, slot); mark == auth.Unmarked {
		return err
	}
	return nil
}

// report lets Redis forget what it keeps of a user.
func (r *Redis) report(ctx context.Context, slot auth.Slot, mark auth.Mark) error {
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	back := "0"
	if mark == auth.Marked {
		back = "1"
	}
	return r.changed.Exec(ctx, *r.client.Load(), []string{epochKey(slot), marksKey(slot)}, []string{back}).Error()
}

func here(turn uint64) bool { return turn%2 == 1 }

package gate

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// presentFor is how long somebody counts as active after a request, in minutes.
	presentFor = 15
	// tellPresentEvery is how often a replica tells the others whom it has seen.
	tellPresentEvery = 5 * time.Second
	// mostPresentTold is how many users are told in one command.
	mostPresentTold = 1000
	// mostUntold is how many users wait to be told at most, while Redis is away.
	mostUntold = 100_000
)

// Presence knows how many users were active in the last 15 minutes: at all
// replicas together where there is a Redis, else in this process. It costs no
// request a call.
//
// In Redis each minute has a HyperLogLog, so the number is about right (0.81 %
// standard error) and the memory small, whoever calls.
type Presence struct {
	now   func() time.Time
	redis *Redis

	mu sync.RWMutex
	// seen is the minute of each user's last request.
	seen   map[auth.Slot]int64
	untold map[int64][]string
	held   int
}

// NewPresence counts for all replicas of the Redis, or for this process alone
// if that is nil.
func NewPresence(now func() time.Time, redis *Redis) *Presence {
	return &Presence{now: now, redis: redis, seen: map[auth.Slot]int64{}, untold: map[int64][]string{}}
}

func (p *Presence) minute() int64 { return p.now().Unix() / 60 }

// Saw tells that a user has been answered.
func (p *Presence) Saw(user auth.Slot) {
	minute := p.minute()
	p.mu.RLock()
	known := p.seen[user] == minute
	p.mu.RUnlock()
	if known {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[user] = minute
	if p.redis != nil && p.held < mostUntold {
		p.untold[minute] = append(p.untold[minute], string(user))
		p.held++
	}
}

// Run tells the other replicas, and forgets who has left, until ctx is done.
func (p *Presence) Run(ctx context.Context) {
	tick := time.NewTicker(tellPresentEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.forget()
			p.tell(ctx)
		}
	}
}

func (p *Presence) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := p.minute() - presentFor
	maps.DeleteFunc(p.seen, func(_ auth.Slot, minute int64) bool { return minute < gone })
}

// tell tells Redis whom this replica has seen. What it does not take is told the
// next time, as long as it counts.
func (p *Presence) tell(ctx context.Context) {
	p.mu.Lock()
	untold := p.untold
	p.untold, p.held = map[int64][]string{}, 0
	p.mu.Unlock()
	for minute, users := range untold {
		if p.redis.present(ctx, minute, users) == nil || minute < p.minute()-presentFor {
			continue
		}
		p.mu.Lock()
		p.untold[minute] = append(p.untold[minute], users...)
		p.held += len(users)
		p.mu.Unlock()
	}
}

// Count is how many users were active. While Redis is away it is those of this
// replica.
func (p *Presence) Count(ctx context.Context) int {
	if p.redis != nil {
		p.tell(ctx)
		if n, err := p.redis.countPresent(ctx, p.minute()); err == nil {
			return int(n)
		}
	}
	p.forget()
	p.mu.RLock()
	defer p.mu.RUnlock()
	return len(p.seen)
}

// presentKey is where the users of a minute are counted; the minutes are in one
// slot of a cluster, so that they can be counted together.
func presentKey(minute int64) string {
	return "codegenapp:{present}:" + strconv.FormatInt(minute, 10)
}

// present adds users to a minute.
func (r *Redis) present(ctx context.Context, minute int64, users []string) error {
	if !here(r.turns.Load()) {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, keepWithin)
	defer cancel()
	client := *r.client.Load()
	var commands rueidis.Commands
	for begin := 0; begin < len(users); begin += mostPresentTold {
		part := users[begin:min(begin+mostPresentTold, len(users))]
		commands = append(commands, client.B().Pfadd().Key(presentKey(minute)).Element(part...).Build())
	}
	commands = append(commands, client.B().Pexpire().Key(presentKey(minute)).
		Milliseconds((presentFor+2)*time.Minute.Milliseconds()).Build())
	for _, result := range client.DoMulti(ctx, commands...) {
		if err := result.Error(); err != nil {
			return err
		}
	}
	return nil
}

// countPresent is how many users there were until the minute.
func (r *Redis) countPresent(ctx context.Context, minute int64) (int64, error) {
	if !here(r.turns.Load()) {
		return 0, errAway
	}
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	keys := make([]string, 0, presentFor+1)
	for ago := range int64(presentFor + 1) {
		keys = append(keys, presentKey(minute-ago))
	}
	client := *r.client.Load()
	return client.Do(ctx, client.B().Pfcount().Key(keys...).Build()).AsInt64()
}

package gate

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/identity"
)

const (
	// defaultWait is how long a request waits for Redis.
	defaultWait = 50 * time.Millisecond
	// probeEvery is how often a Redis that is away is asked whether it is back.
	probeEvery = 100 * time.Millisecond
)

//go:embed spend.lua
var spendSource string

// RedisConfig says which Redis.
type RedisConfig struct {
	// URL is redis:// or rediss://; a node of a cluster stands for all of it.
	URL string
	// Connections is how many there may be to each node.
	Connections int
	// Wait is how long a request waits for Redis; 50 ms if it is not given.
	Wait time.Duration
	Log  *slog.Logger
}

// Redis holds callers to their rates for all replicas together. While Redis does
// not answer, it does so for this process alone.
type Redis struct {
	local *Local
	log   *slog.Logger
	wait  time.Duration
	spend *rueidis.Lua

	client atomic.Pointer[rueidis.Client]
	// turns counts how often Redis came and went: it is here while the number is
	// odd. Whoever reports a turn says which it knew, so that one outage which
	// many meet is one, and a late report of it does not count for the next.
	turns atomic.Uint64
	// failed is the slot that was last asked for in vain. In a cluster it may be
	// one node that is away.
	failed atomic.Pointer[identity.Slot]

	stop context.CancelFunc
	done sync.WaitGroup
}

// OpenRedis returns at once and connects in the background, now and whenever the
// connection is lost.
func OpenRedis(ctx context.Context, c RedisConfig) (*Redis, error) { return open(ctx, c, spendSource) }

func open(ctx context.Context, c RedisConfig, spend string) (*Redis, error) {
	option, err := optionOf(c)
	if err != nil {
		return nil, err
	}
	r := &Redis{local: NewLocal(time.Now), log: c.Log, wait: cmp.Or(c.Wait, defaultWait), spend: rueidis.NewLuaScript(spend)}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.done.Go(func() { r.keep(ctx, option) })
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

// Enter spends one request from each budget, or from none. A caller who goes away
// has entered all the same.
func (r *Redis) Enter(ctx context.Context, e identity.Entry) identity.Pass {
	if turn := r.turns.Load(); here(turn) {
		pass, err := r.ask(context.WithoutCancel(ctx), r.wait, e)
		if err == nil {
			return pass
		}
		r.lost(ctx, turn, e.Slot, err)
	}
	return r.local.Enter(ctx, e)
}

// ask asks Redis, once: a request that may have been counted is not sent again.
func (r *Redis) ask(ctx context.Context, wait time.Duration, e identity.Entry) (identity.Pass, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	keys, args := make([]string, len(e.Rates)), make([]string, 0, 2*len(e.Rates))
	for i, rate := range e.Rates {
		keys[i] = key(e.Slot, rate.Name)
		args = append(args, strconv.FormatInt(rate.Cost().Microseconds(), 10), strconv.FormatInt(rate.Whole().Microseconds(), 10))
	}
	answer, err := r.spend.Exec(ctx, *r.client.Load(), keys, args).AsIntSlice()
	if err != nil {
		return identity.Pass{}, fmt.Errorf("spend: %w", err)
	}
	if len(answer) != 1+len(e.Rates) {
		return identity.Pass{}, errAnswer
	}
	return passOf(e.Rates, answer[1:], answer[0] == 1), nil
}

// key is where a budget is kept. The braces put all keys of one slot on one node
// of a cluster.
func key(slot identity.Slot, rate string) string {
	return strings.Join([]string{"codegenapp:{", string(slot), "}:rate:", rate}, "")
}

func here(turn uint64) bool { return turn%2 == 1 }

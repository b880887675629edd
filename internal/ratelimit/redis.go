package ratelimit

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

const (
	// defaultTimeout is how long a request waits for Redis.
	defaultTimeout = 50 * time.Millisecond
	// repeatTimeout is how long a request waits for a repeated call.
	repeatTimeout = 300 * time.Millisecond
	// backgroundTimeout is how long work waits for Redis that no request waits for.
	backgroundTimeout = time.Second
)

// GCRA is the Lua source that charges the limits of a request. A script that does
// more in the same call is appended to it; gcra.lua says what it finds.
//
//go:embed gcra.lua
var GCRA string

var (
	errNoConnection = errors.New("there is no connection to Redis")
	errReply        = errors.New("unexpected reply from Redis")
)

// Config says which Redis.
type Config struct {
	// URL is redis:// or rediss://; a node of a cluster stands for all of it.
	URL string
	// CAFile contains the authorities that sign Redis's certificate, for rediss://. If
	// empty, those of the system are used, and the name in the certificate is compared.
	CAFile string
	// MaxConnections is the greatest number of connections to each node.
	MaxConnections int
	// Timeout is how long a request waits for Redis; 50 ms if it is zero.
	Timeout time.Duration
	Log     *slog.Logger
}

// Redis limits requests for all replicas together. While Redis does not respond,
// it counts in this process.
//
// It is also the connection for other scripts, see [Redis.Exec].
type Redis struct {
	config Config
	local  *Local
	script *rueidis.Lua

	client  atomic.Pointer[rueidis.Client]
	breaker breaker
	// failed is the key of the last call that failed: in a cluster one node may be
	// down.
	failed atomic.Pointer[Key]
	// byRedis counts the calls that Redis served, byProcess those it did not, timeouts
	// those without a reply in time.
	byRedis, byProcess, timeouts atomic.Uint64
	// unanswered is when the first call began that had no reply in time since the last
	// reply, in Unix nanoseconds; zero without such a call.
	unanswered atomic.Int64

	stop context.CancelFunc
	done sync.WaitGroup
}

// Open returns at once. It connects in the background, now and whenever the
// connection is lost.
func Open(ctx context.Context, c Config) (*Redis, error) { return open(ctx, c, GCRA) }

func open(ctx context.Context, c Config, gcra string) (*Redis, error) {
	option, err := clientOption(c)
	if err != nil {
		return nil, err
	}
	c.Timeout = cmp.Or(c.Timeout, defaultTimeout)
	r := &Redis{config: c, local: NewLocal(time.Now), script: rueidis.NewLuaScript(gcra + "return reply")}
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.done.Go(func() { r.probeLoop(ctx, option) })
	return r, nil
}

// Close closes the connections. No request may be in progress.
func (r *Redis) Close() {
	r.stop()
	r.done.Wait()
	if client := r.client.Load(); client != nil {
		(*client).Close()
	}
}

// Allow counts in Redis, and while that does not respond, in this process. A
// request is charged even if its client disconnects.
func (r *Redis) Allow(ctx context.Context, key Key, rates []Rate) Decision {
	if len(rates) == 0 {
		return nil
	}
	keys, args := Arguments(key, rates)
	reply, err := r.Exec(ctx, r.script, key, keys, args)
	if err == nil {
		var d Decision
		if d, err = DecisionOf(rates, reply); err == nil {
			return d
		}
	}
	return r.local.Allow(ctx, key, rates)
}

// AllowLocally counts in this process, for a script whose Exec failed.
func (r *Redis) AllowLocally(ctx context.Context, key Key, rates []Rate) Decision {
	return r.local.Allow(ctx, key, rates)
}

// Exec runs a script for a key, once: a request that may have been counted is not
// sent again. An error opens the circuit breaker, except a single late reply; while it
// is open, Exec fails at once.
func (r *Redis) Exec(ctx context.Context, script *rueidis.Lua, key Key, keys, args []string) ([]rueidis.RedisMessage, error) {
	reply, err := r.execWithin(ctx, r.config.Timeout, script, key, keys, args)
	if err != nil {
		r.byProcess.Add(1)
	} else {
		r.byRedis.Add(1)
	}
	return reply, err
}

// ExecInBackground is Exec for what no request waits for.
func (r *Redis) ExecInBackground(ctx context.Context, script *rueidis.Lua, key Key, keys, args []string) error {
	_, err := r.execWithin(ctx, max(r.config.Timeout, backgroundTimeout), script, key, keys, args)
	return err
}

// ExecAgain is Exec with a longer timeout, to repeat a call whose failure costs more
// than the wait. While the circuit breaker is open, it fails at once.
func (r *Redis) ExecAgain(ctx context.Context, script *rueidis.Lua, key Key, keys, args []string) error {
	_, err := r.execWithin(ctx, max(r.config.Timeout, repeatTimeout), script, key, keys, args)
	return err
}

func (r *Redis) execWithin(ctx context.Context, timeout time.Duration, script *rueidis.Lua, key Key, keys, args []string) ([]rueidis.RedisMessage, error) {
	epoch, closed := r.breaker.closed()
	if !closed {
		return nil, errNoConnection
	}
	ctx = context.WithoutCancel(ctx)
	began := time.Now()
	reply, err := r.call(ctx, timeout, script, keys, args)
	switch {
	case err != nil:
		r.callFailed(ctx, epoch, key, began, err)
	case r.unanswered.Load() != 0:
		r.unanswered.Store(0)
	}
	return reply, err
}

func (r *Redis) call(ctx context.Context, timeout time.Duration, script *rueidis.Lua, keys, args []string) ([]rueidis.RedisMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return script.Exec(ctx, *r.client.Load(), keys, args).ToArray()
}

// KeyOf returns the name in Redis of something that belongs to a key. The braces put
// everything of one key on one node of a cluster.
func KeyOf(key Key, parts ...string) string {
	return "codegenapp:{" + string(key) + "}:" + strings.Join(parts, ":")
}

// Arguments are the KEYS and ARGV of [GCRA].
func Arguments(key Key, rates []Rate) (keys, args []string) {
	keys, args = make([]string, 0, len(rates)+2), make([]string, 0, 2*len(rates)+12)
	args = append(args, strconv.Itoa(len(rates)))
	for _, rate := range rates {
		keys = append(keys, KeyOf(key, "rate", rate.Name))
		args = append(args, strconv.FormatInt(rate.EmissionInterval().Microseconds(), 10), strconv.FormatInt(rate.Burst().Microseconds(), 10))
	}
	return keys, args
}

// DecisionOf reads the reply of [GCRA].
func DecisionOf(rates []Rate, reply []rueidis.RedisMessage) (Decision, error) {
	if len(reply) < 1+len(rates) {
		return nil, errReply
	}
	ahead := make([]int64, 1+len(rates))
	for n := range ahead {
		var err error
		if ahead[n], err = reply[n].AsInt64(); err != nil {
			return nil, errReply
		}
	}
	return decide(rates, ahead[1:], ahead[0] == 1), nil
}

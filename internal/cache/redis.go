package cache

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

const (
	// maxStores bounds the queue of responses to store. A response that finds it full is
	// not stored.
	maxStores = 256
	// workers make the calls that no request waits for. Their calls share round trips.
	workers = 8
	// minBookkeepingTTL is how long the bookkeeping of an idle user is kept. A user
	// that comes back later waits for a quiet period.
	minBookkeepingTTL = time.Hour
	// format is the version of what is stored. A program of another format does not
	// find it.
	format = "r3"
)

//go:embed cache.lua
var source string

var errReply = errors.New("unexpected reply from Redis")

// Config says how responses are cached in Redis.
type Config struct {
	// TTL is how long a response is cached at most; zero caches none, and yet marks
	// the writes for other replicas.
	TTL time.Duration
	// QuietPeriod is how long new bookkeeping serves nothing, DetachedPeriod how long a
	// replica serves nothing after a notification. Only tests set them.
	QuietPeriod, DetachedPeriod time.Duration
	// Limiter charges the rates at another Redis, or in the process; nil for the Redis
	// of the cache.
	Limiter ratelimit.Limiter
	// Notify sends a payload to every replica by another way than Redis, this one
	// too, which passes it to Received. Nil if there is no such way.
	Notify func(ctx context.Context, payload string) error
}

// Redis caches responses for all replicas together. While Redis does not respond, it
// serves none.
type Redis struct {
	config Config
	redis  *ratelimit.Redis
	script *rueidis.Lua
	trust  trust
	ends   *ends
	// stores are calls that may be dropped, calls those that may not.
	stores, calls chan call

	stop context.CancelFunc
	done sync.WaitGroup
}

// NewRedis returns a cache in a Redis, which stays the caller's to close afterwards.
func NewRedis(ctx context.Context, redis *ratelimit.Redis, c Config) *Redis {
	return newRedis(ctx, redis, c, ratelimit.GCRA)
}

func newRedis(ctx context.Context, redis *ratelimit.Redis, c Config, gcra string) *Redis {
	c.QuietPeriod = cmp.Or(c.QuietPeriod, maxWriteTime)
	r := &Redis{
		config: c, redis: redis, script: rueidis.NewLuaScript(gcra + source),
		ends: newEnds(), stores: make(chan call, maxStores), calls: make(chan call),
	}
	r.trust = trust{period: cmp.Or(c.DetachedPeriod, c.TTL+c.QuietPeriod), nonce: rand.Text(), received: make(chan struct{}, 1)}
	r.trust.listening.Store(c.Notify == nil)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = cancel
	r.done.Go(func() { r.sendEnds(ctx) })
	for range workers {
		r.done.Go(func() { r.work(ctx) })
	}
	return r
}

// Close ends the work behind the responses. No request may be in progress.
func (r *Redis) Close() {
	r.stop()
	r.done.Wait()
}

// Lookup charges the rates and looks for a response.
func (r *Redis) Lookup(ctx context.Context, q Request) Result {
	if r.config.TTL == 0 || !r.trust.ok(time.Now()) {
		return Result{Decision: r.limiter().Allow(ctx, userKey(q.User), q.Rates)}
	}
	rates, decision := r.charge(ctx, q.User, q.Rates)
	if !decision.Allowed() {
		return Result{Decision: decision}
	}
	c := r.call(q.User, rates, []string{resourceKey(q)}, "lookup", q.Session.String(), microseconds(r.config.TTL))
	reply, err := r.exec(ctx, c)
	if err == nil {
		var result Result
		if result, err = resultOf(q, rates, reply); err == nil {
			if len(rates) < len(q.Rates) {
				result.Decision = decision
			}
			if !r.trust.ok(time.Now()) { // a replica has detached itself meanwhile
				return Result{Decision: result.Decision}
			}
			return result
		}
	}
	return Result{Decision: r.chargeLocally(ctx, q.User, rates, decision)}
}

// Store stores the response to a lookup, and that its session was live. It does not
// wait until that is done.
func (r *Redis) Store(q Request, g Generation, s Scope, response Response) {
	if g.IsZero() || len(response.Body) > MaxBody || !r.trust.ok(time.Now()) {
		return
	}
	record := g.id + " " + string(s) + " " + strconv.FormatInt(g.count, 10) + " " + strconv.FormatInt(g.at, 10) + "\n" + q.Resource + "\n" + response.ETag + "\n" + string(response.Body)
	c := r.call(q.User, nil, []string{resourceKey(q)}, "store", g.id, q.Session.String(),
		microseconds(sessionLifetime(r.config.TTL)), record, microseconds(r.config.TTL), strconv.FormatInt(g.at, 10))
	select {
	case r.stores <- c:
	default:
		r.ends.add(c.user, c.ended)
	}
}

// Begin charges the rates, and marks a write before it starts. If it cannot mark it,
// it detaches this replica. Its error says that neither is possible, and that the
// write must not start.
func (r *Redis) Begin(ctx context.Context, w Write) (ratelimit.Decision, Pending, error) {
	rates, decision := r.charge(ctx, w.User, w.Rates)
	p := Pending{user: w.User, scopes: w.Scopes, id: rand.Text(), began: time.Now()}
	if !decision.Allowed() {
		return decision, Pending{}, nil
	}
	reply, err := r.mark(ctx, p, rates)
	if err == nil && len(rates) > 0 {
		decision, err = ratelimit.DecisionOf(rates, reply)
	}
	switch {
	case err == nil && decision.Allowed():
		return decision, p, nil
	case err == nil:
		return decision, Pending{}, nil
	}
	if decision = r.chargeLocally(ctx, w.User, rates, decision); !decision.Allowed() {
		return decision, Pending{}, nil
	}
	p, err = r.markAgain(ctx, p)
	return decision, p, err
}

// markAgain marks a write whose first mark failed or is too old. A single late reply
// must not silence the cache of all replicas. If it cannot mark the write, it detaches
// this replica and returns a write without a mark.
func (r *Redis) markAgain(ctx context.Context, p Pending) (Pending, error) {
	p.began = time.Now()
	c := r.markCall(p, nil)
	if err := r.execAgain(ctx, c); err != nil {
		return Pending{user: p.user, scopes: p.scopes, began: p.began}, r.detach(ctx)
	}
	return p, nil
}

// Renew marks a write anew whose start was late.
func (r *Redis) Renew(ctx context.Context, p Pending) (Pending, error) {
	p.id = cmp.Or(p.id, rand.Text())
	marked, err := r.markAgain(ctx, p)
	marked.id = p.id // its end is counted in any case: an older mark may exist
	return marked, err
}

func (r *Redis) mark(ctx context.Context, p Pending, rates []ratelimit.Rate) ([]rueidis.RedisMessage, error) {
	c := r.markCall(p, rates)
	return r.exec(ctx, c)
}

func (r *Redis) markCall(p Pending, rates []ratelimit.Rate) call {
	return r.call(p.user, rates, nil, "begin", p.id, joinScopes(p.scopes, " "), microseconds(maxWriteTime))
}

// End notes that a write is over. It does not wait until Redis knows that: the next call
// of the user takes it along, or one of its own soon.
func (r *Redis) End(p Pending) {
	if p.id != "" {
		r.ends.add(p.user, p.id+" "+joinScopes(p.scopes, " ")+";")
	}
}

// Invalidate ends all that is cached of a user, responses and sessions, at every
// replica, before it returns. Its error says that replicas may serve it for as long as
// responses are cached.
func (r *Redis) Invalidate(ctx context.Context, user auth.UserID) error {
	c := r.call(user, nil, nil, "invalidate")
	if _, err := r.exec(ctx, c); err == nil {
		return nil
	}
	if err := r.execAgain(ctx, c); err == nil {
		return nil
	}
	// The other replicas get the notification at about the same time as this one, which
	// may be busier or less busy than they are.
	received := time.NewTimer(receiptTimeout)
	defer received.Stop()
	err := r.detach(ctx)
	<-received.C
	return err
}

// Check does what requests do, for an operator. Its error says what is not permitted.
func Check(ctx context.Context, redis *ratelimit.Redis) error {
	r := &Redis{config: Config{TTL: time.Second, QuietPeriod: time.Second}, redis: redis, ends: newEnds(), script: rueidis.NewLuaScript(ratelimit.GCRA + source)}
	probe := Pending{id: "probe", scopes: []Scope{"probe"}}
	q := Request{Resource: "/"}
	for _, c := range []call{
		r.call(q.User, nil, []string{resourceKey(q)}, "lookup", "probe", "0"),
		r.markCall(probe, nil),
	} {
		if err := r.execAgain(ctx, c); err != nil {
			return err
		}
	}
	r.End(probe)
	return r.execAgain(ctx, r.call(q.User, nil, nil, "end"))
}

// limiter is what charges the rates without the cache.
func (r *Redis) limiter() ratelimit.Limiter {
	if r.config.Limiter != nil {
		return r.config.Limiter
	}
	return r.redis
}

// charge charges the rates where that is not done by the call to the cache. It returns
// those that are left for that call.
func (r *Redis) charge(ctx context.Context, user auth.UserID, rates []ratelimit.Rate) ([]ratelimit.Rate, ratelimit.Decision) {
	if r.config.Limiter == nil {
		return rates, nil
	}
	return nil, r.config.Limiter.Allow(ctx, userKey(user), rates)
}

// chargeLocally charges the rates that a failed call has not charged.
func (r *Redis) chargeLocally(ctx context.Context, user auth.UserID, rates []ratelimit.Rate, already ratelimit.Decision) ratelimit.Decision {
	if r.config.Limiter != nil {
		return already
	}
	return r.redis.AllowLocally(ctx, userKey(user), rates)
}

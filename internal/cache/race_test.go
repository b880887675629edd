package cache

import (
	"context"
	"flag"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

var seed = flag.Uint64("cache.seed", rand.Uint64(), "seed of the random writes and faults")

// database is what a database holds of one scope of a user.
type database struct {
	writing sync.Mutex
	// version counts the commits, answered those whose write has ended.
	version, answered atomic.Int64
	user              auth.UserID
	scope             Scope
}

// clients read and write some scopes at several replicas at the same time. A read that
// starts after a write was answered has to show it.
type clients struct {
	t        *testing.T
	replicas []responses
	scopes   []*database
	// limit is how long a write may take; one that takes longer does not commit, as a
	// server ends it.
	limit        time.Duration
	hits, writes atomic.Int64
	stop         chan struct{}
	done         sync.WaitGroup
}

func newClients(t *testing.T, limit time.Duration, replicas ...responses) *clients {
	t.Helper()
	t.Logf("run again with -cache.seed=%d", *seed)
	c := &clients{t: t, replicas: replicas, limit: limit, stop: make(chan struct{})}
	for range 4 {
		user := id.New[auth.User]()
		c.scopes = append(c.scopes, &database{user: user, scope: one}, &database{user: user, scope: two})
	}
	for n := range uint64(10) {
		c.done.Go(func() {
			random := rand.New(rand.NewPCG(*seed, n))
			session := id.New[auth.Session]()
			for {
				select {
				case <-c.stop:
					return
				default:
				}
				r, d := replicas[random.IntN(len(replicas))], c.scopes[random.IntN(len(c.scopes))]
				if n < 2 {
					c.write(random, r, d)
				} else {
					c.read(random, r, d, session)
				}
			}
		})
	}
	return c
}

func (c *clients) end() {
	close(c.stop)
	c.done.Wait()
	c.t.Logf("%d hits during %d writes", c.hits.Load(), c.writes.Load())
}

// more waits until there are some more hits and writes.
func (c *clients) more() {
	c.t.Helper()
	hits, writes := c.hits.Load(), c.writes.Load()
	await(c.t, "there are more hits and writes", func() bool {
		return c.t.Failed() || c.hits.Load() > hits+20 && c.writes.Load() > writes+20
	})
}

func (c *clients) read(random *rand.Rand, r responses, d *database, session auth.SessionID) {
	answered := d.answered.Load()
	q := Request{User: d.user, Session: session, Resource: "/" + string(d.scope)}
	result := r.Lookup(c.t.Context(), q)
	if result.Response != nil {
		c.hits.Add(1)
		if shown, err := strconv.ParseInt(string(result.Response.Body), 10, 64); err != nil || shown < answered {
			c.t.Errorf("%s of %s: version %s is served after %d was answered", d.scope, d.user, result.Response.Body, answered)
		}
		return
	}
	version := strconv.FormatInt(d.version.Load(), 10)
	if random.IntN(4) == 0 {
		time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
	}
	r.Store(q, result.Generation, d.scope, Response{Body: []byte(version)})
}

func (c *clients) write(random *rand.Rand, r responses, d *database) {
	d.writing.Lock()
	defer d.writing.Unlock()
	began := time.Now()
	_, p, err := r.Begin(c.t.Context(), Write{User: d.user, Scopes: []Scope{d.scope}})
	if err != nil {
		return
	}
	time.Sleep(time.Duration(random.IntN(1000)) * time.Microsecond)
	if time.Since(began) < c.limit {
		version := d.version.Add(1)
		d.answered.Store(version)
		c.writes.Add(1)
	}
	r.End(p)
	time.Sleep(time.Duration(random.IntN(10)) * time.Millisecond)
}

func TestCache_ReadsSeeAnsweredWritesInProcess(t *testing.T) {
	t.Parallel()
	c := newClients(t, time.Hour, NewLocal(time.Now, time.Minute, DefaultMaxBytes, ratelimit.NewLocal(time.Now)))
	for range 10 {
		c.more()
	}
	c.end()
}

// A small cache evicts bookkeeping and responses all the time.
func TestCache_ReadsSeeAnsweredWritesWhileEvicting(t *testing.T) {
	t.Parallel()
	c := newClients(t, time.Hour, NewLocal(time.Now, time.Minute, 4000, ratelimit.NewLocal(time.Now)))
	for range 5 {
		c.more()
	}
	c.end()
}

// Three replicas, which notify each other, at a Redis to which everything happens.
func TestCache_ReadsSeeAnsweredWritesWhateverHappensToRedis(t *testing.T) {
	t.Parallel()
	const quiet = 2 * time.Second
	for name, fault := range map[string]func(t *testing.T, server *redisserver.Server){
		"nothing":          func(*testing.T, *redisserver.Server) {},
		"flushed":          commandOf("FLUSHALL"),
		"script flushed":   commandOf("SCRIPT", "FLUSH"),
		"connections cut":  commandOf("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
		"paused by itself": commandOf("CLIENT", "PAUSE", "80", "ALL"),
		"silent": func(_ *testing.T, server *redisserver.Server) {
			server.Pause()
			time.Sleep(100 * time.Millisecond)
			server.Continue()
		},
		"restored from a snapshot": func(t *testing.T, server *redisserver.Server) {
			commandOf("SAVE")(t, server)
			time.Sleep(20 * time.Millisecond)
			server.Kill()
			time.Sleep(50 * time.Millisecond)
			must(t, server.Restart(context.WithoutCancel(t.Context())))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, n := newServer(t), &network{}
			var replicas []responses
			for range 3 {
				r := NewRedis(t.Context(), openLimiter(t, server.URL(), 50*time.Millisecond), Config{
					TTL: 300 * time.Millisecond, QuietPeriod: quiet, DetachedPeriod: quiet + 300*time.Millisecond, Notify: n.notify,
				})
				t.Cleanup(r.Close)
				r.Listening(true)
				n.replicas = append(n.replicas, r)
				replicas = append(replicas, r)
			}
			c := newClients(t, quiet/2, replicas...)
			for range 2 {
				c.more()
				fault(t, server)
			}
			c.more()
			c.end()
		})
	}
}

func commandOf(words ...string) func(*testing.T, *redisserver.Server) {
	return func(t *testing.T, server *redisserver.Server) {
		t.Helper()
		must(t, do(connect(t, server.URL()), words...).Error())
	}
}

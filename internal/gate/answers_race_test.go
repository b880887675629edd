package gate

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// truth is what a database would hold of one user: how often it was changed, and
// how many of the changes were answered.
type truth struct {
	writing        sync.Mutex
	version, known atomic.Int64
}

// crowd reads and changes what is of some users, at several gates at once. A
// reader who begins after a change was answered has to see it.
type crowd struct {
	t      *testing.T
	gates  []auth.Gate
	users  [4096]truth
	began  time.Time
	hits   atomic.Int64
	writes atomic.Int64
	stop   chan struct{}
	done   sync.WaitGroup
}

func newCrowd(t *testing.T, gates ...auth.Gate) *crowd {
	t.Helper()
	c := &crowd{t: t, gates: gates, began: time.Now(), stop: make(chan struct{})}
	for n := range 12 {
		c.done.Go(func() {
			session := newSession()
			for {
				select {
				case <-c.stop:
					return
				default:
				}
				user, g := c.someone(), gates[rand.IntN(len(gates))]
				if n < 2 {
					c.write(g, user)
				} else {
					c.read(g, user, session)
				}
			}
		})
	}
	return c
}

// someone is one of a few users, others each 10 ms: whom a replica has announced
// is not believed about for longer than these tests take.
func (c *crowd) someone() int {
	return (int(time.Since(c.began)/(10*time.Millisecond)) + rand.IntN(8)) % len(c.users)
}

// end ends it all, and fails the test if nothing was tried.
func (c *crowd) end() {
	c.t.Helper()
	close(c.stop)
	c.done.Wait()
	c.t.Logf("%d answers were given during %d changes", c.hits.Load(), c.writes.Load())
	if c.hits.Load() == 0 || c.writes.Load() == 0 {
		c.t.Error("nothing was tried")
	}
}

func (c *crowd) read(g auth.Gate, n int, session auth.SessionID) {
	u, known := &c.users[n], c.users[n].known.Load()
	e := reading(auth.Slot("user "+strconv.Itoa(n)), session, "/projects")
	pass := g.Enter(c.t.Context(), e)
	if pass.Answer != nil {
		c.hits.Add(1)
		if seen, err := strconv.ParseInt(string(pass.Answer.Body), 10, 64); err != nil || seen < known {
			c.t.Errorf("user %d: version %s is given, %d were answered before", n, pass.Answer.Body, known)
		}
		return
	}
	version := strconv.FormatInt(u.version.Load(), 10)
	if rand.IntN(4) == 0 {
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
	}
	g.Keep(e, pass.Epoch, auth.Answer{Body: []byte(version)})
}

func (c *crowd) write(g auth.Gate, n int) {
	u, slot := &c.users[n], auth.Slot("user "+strconv.Itoa(n))
	u.writing.Lock()
	defer u.writing.Unlock()
	mark := g.Enter(c.t.Context(), changing(slot)).Mark
	time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
	version := u.version.Add(1)
	if g.Changed(c.t.Context(), slot, mark) == nil {
		u.known.Store(version)
	}
	c.writes.Add(1)
	time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
}

// lasting is how long a crowd does what it does.
func lasting() time.Duration {
	if os.Getenv("TEST_LONG") != "" {
		return 30 * time.Second
	}
	return time.Second
}

func TestWhoReadsAfterAChangeSeesItInProcess(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, NewLocal(time.Now, time.Minute))
	time.Sleep(lasting())
	c.end()
}

// Three replicas, which hear each other, over a Redis to which everything happens.
func TestWhoReadsAfterAChangeSeesItWhateverBecomesOfRedis(t *testing.T) {
	t.Parallel()
	for what, happen := range map[string]func(t *testing.T, server *redisserver.Server){
		"nothing happens":    func(*testing.T, *redisserver.Server) { time.Sleep(10 * time.Millisecond) },
		"it is flushed":      byHand("FLUSHALL"),
		"its script is":      byHand("SCRIPT", "FLUSH"),
		"clients are cut":    byHand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
		"it holds its peace": byHand("CLIENT", "PAUSE", "80", "ALL"),
		"it is silent": func(_ *testing.T, server *redisserver.Server) {
			server.Pause()
			time.Sleep(100 * time.Millisecond)
			server.Continue()
			time.Sleep(300 * time.Millisecond)
		},
		"it goes back in time": func(t *testing.T, server *redisserver.Server) {
			byHand("SAVE")(t, server)
			time.Sleep(20 * time.Millisecond)
			server.Kill()
			time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
			must(t, server.Restart(context.WithoutCancel(t.Context())))
			time.Sleep(300 * time.Millisecond)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			var replicas []*Redis
			var gates []auth.Gate
			announce := func(_ context.Context, slot auth.Slot) error {
				for _, r := range replicas {
					r.Heard(slot)
				}
				return nil
			}
			for range 3 {
				r := openRedis(t, RedisConfig{URL: server.URL(), Connections: 4, KeepFor: time.Minute, Settle: 50 * time.Millisecond, Announce: announce})
				replicas, gates = append(replicas, r), append(gates, r)
			}
			for _, r := range replicas {
				r.Listening(true)
				awaitHere(t, r)
				awaitBelief(t, r)
			}
			c := newCrowd(t, gates...)
			for end := time.Now().Add(lasting()); time.Now().Before(end); {
				happen(t, server)
			}
			c.end()
		})
	}
}

func byHand(words ...string) func(*testing.T, *redisserver.Server) {
	return func(t *testing.T, server *redisserver.Server) {
		t.Helper()
		run(t, connect(t, server.URL()), words...)
		time.Sleep(time.Duration(100+rand.IntN(100)) * time.Millisecond)
	}
}

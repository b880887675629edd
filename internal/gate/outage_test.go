package gate

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// newServer is a Redis of the test's own, to be broken.
func newServer(t testing.TB, args ...string) *redisserver.Server {
	t.Helper()
	s, err := redisserver.Start(t.Context(), t.TempDir(), args...)
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(s.Stop)
	return s
}

// output is a log that may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

// lines is how often each level was logged.
func (o *output) lines() (warnings, infos int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Count(o.text.String(), "level=WARN"), strings.Count(o.text.String(), "level=INFO")
}

func TestAnOutageIsToldOnceAndSoIsItsEnd(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	log := &output{}
	r := openRedis(t, RedisConfig{URL: server.URL(), Connections: 8, Wait: patience, Log: slog.New(slog.NewTextHandler(log, nil))})
	awaitHere(t, r)
	for outage := 1; outage <= 3; outage++ {
		server.Kill()
		var running sync.WaitGroup
		for n := range 64 {
			running.Go(func() { allowed(t, r, 10, auth.Slot(fmt.Sprint(n)), rate("default", 3, time.Hour)) })
		}
		running.Wait()
		if warnings, infos := log.lines(); warnings != outage || infos != outage {
			t.Errorf("in outage %d it had said %d times that Redis is away and %d times that it is here:\n%s", outage, warnings, infos, log.text.String())
		}
		must(t, server.Restart(t.Context()))
		awaitHere(t, r)
		await(t, "it is told", func() bool { _, infos := log.lines(); return infos == outage+1 })
	}
}

func TestAReplicaCountsByItselfWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r, other := patient(t, server.URL()), patient(t, server.URL())
	hourly := rate("default", 10, time.Hour)
	if got := allowed(t, r, 4, "ann", hourly) + allowed(t, other, 4, "ann", hourly); got != 8 {
		t.Errorf("%d of 8 requests passed", got)
	}
	server.Kill()
	if got := allowed(t, r, 30, "ann", hourly); got != 10 {
		t.Errorf("%d requests passed at a replica by itself, want 10", got)
	}
	if got := allowed(t, other, 30, "ann", hourly); got != 10 {
		t.Errorf("%d requests passed at another, want 10", got)
	}
	must(t, server.Restart(t.Context()))
	awaitHere(t, r)
	awaitHere(t, other)
	if got := allowed(t, r, 30, "ann", hourly) + allowed(t, other, 30, "ann", hourly); got != 10 {
		t.Errorf("%d requests passed at both together again, want 10", got)
	}
}

func TestARedisThatComesLaterIsFound(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	server.Kill()
	log := &output{}
	r := openRedis(t, RedisConfig{URL: server.URL(), Wait: patience, Log: slog.New(slog.NewTextHandler(log, nil))})
	if got := allowed(t, r, 9, "ann", rate("default", 3, time.Hour)); got != 3 {
		t.Errorf("%d requests passed without Redis, want 3", got)
	}
	if err := r.Check(t.Context()); err == nil {
		t.Error("it says that Redis answers")
	}
	await(t, "the outage is told", func() bool { warnings, _ := log.lines(); return warnings == 1 })
	must(t, server.Restart(t.Context()))
	awaitHere(t, r)
	must(t, r.Check(t.Context()))
	if warnings, infos := log.lines(); warnings != 1 || infos > 1 {
		t.Errorf("it has said %d times that Redis is away and %d times that it is here", warnings, infos)
	}
}

// What Redis refuses to do is as bad as no answer, and is asked for until it is
// done: a PING would be answered all the while.
func TestARedisThatTakesNothingIsAway(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ ill, well []string }{
		"full":      {[]string{"CONFIG", "SET", "maxmemory", "1"}, []string{"CONFIG", "SET", "maxmemory", "0"}},
		"read only": {[]string{"REPLICAOF", "127.0.0.1", "1"}, []string{"REPLICAOF", "NO", "ONE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			client := connect(t, server.URL())
			r := patient(t, server.URL())
			must(t, client.Do(t.Context(), client.B().Arbitrary(tc.ill...).Build()).Error())
			if got := allowed(t, r, 9, "ann", rate("default", 3, time.Hour)); got != 3 {
				t.Errorf("%d requests passed, want 3", got)
			}
			for range 5 { // it does not come back by itself
				time.Sleep(probeEvery)
				if r.Check(t.Context()) == nil {
					t.Error("it says that Redis answers")
				}
			}
			if got := r.turns.Load(); got != 2 {
				t.Errorf("turn %d, want 2", got)
			}
			must(t, client.Do(t.Context(), client.B().Arbitrary(tc.well...).Build()).Error())
			awaitHere(t, r)
		})
	}
}

func TestHealthSeesAnOutageThatNobodyMet(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := patient(t, server.URL())
	must(t, r.Check(t.Context()))
	server.Kill()
	if r.Check(t.Context()) == nil {
		t.Error("it says that Redis answers")
	}
	if here(r.turns.Load()) {
		t.Error("requests go on asking it")
	}
}

// A Redis that is cut off costs the requests under way 50 ms, and those that come
// later nothing.
func TestASilentRedisIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := openRedis(t, RedisConfig{URL: server.URL(), Connections: 8})
	awaitHere(t, r)
	server.Pause()
	defer server.Continue()
	var running sync.WaitGroup
	hourly := rate("default", 3, time.Hour)
	for n := range 64 {
		running.Go(func() {
			began := time.Now()
			enter(t, r, auth.Slot(fmt.Sprint(n)), hourly)
			if took := time.Since(began); took > 20*defaultWait { // on a busy machine
				t.Errorf("a request waited %s", took)
			}
		})
	}
	running.Wait()
	await(t, "it has noticed", func() bool { enter(t, r, "ann", hourly); return !here(r.turns.Load()) })
	var took []time.Duration
	for range 1000 {
		began := time.Now()
		enter(t, r, "ann", hourly)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if median := took[500]; median > time.Millisecond {
		t.Errorf("later requests waited %s, at the median", median)
	}
}

// A place that takes connections and says nothing, or nonsense, is no Redis.
func TestWhatIsNoRedisIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]string{"silence": "", "another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			t.Cleanup(func() { must(t, listener.Close()) })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Write([]byte(say))
					t.Cleanup(func() { _ = conn.Close() })
				}
			}()
			log := &output{}
			r := openRedis(t, RedisConfig{URL: "redis://" + listener.Addr().String(), Log: slog.New(slog.NewTextHandler(log, nil))})
			await(t, "the outage is told", func() bool { warnings, _ := log.lines(); return warnings == 1 })
			if got := allowed(t, r, 9, "ann", rate("default", 3, time.Hour)); got != 3 {
				t.Errorf("%d requests passed, want 3", got)
			}
		})
	}
}

// Not parallel: the goroutines of other tests would be taken for leaks.
//
//nolint:paralleltest // see above
func TestAClosedGateLeavesNothingRunning(t *testing.T) {
	server := newServer(t)
	before := goleak.IgnoreCurrent()
	for _, stage := range []struct {
		does  string
		first func()
	}{
		{"answers", func() {}},
		{"is silent", server.Pause},
		{"is away", server.Kill},
	} {
		for range 3 {
			r, err := OpenRedis(t.Context(), RedisConfig{URL: server.URL(), Connections: 8, KeepFor: time.Minute, Settle: soon, Log: logOf(t)})
			must(t, err)
			if stage.does == "answers" {
				awaitHere(t, r)
				awaitBelief(t, r)
			}
			var running sync.WaitGroup
			for n := range 32 {
				running.Go(func() {
					e := reading(auth.Slot(fmt.Sprint(n)), newSession(), "/projects")
					e.Rates = []auth.Rate{rate("default", 3, time.Hour)}
					r.Enter(t.Context(), e)
					r.Keep(e, "1", answer("one that is not kept yet when it closes"))
				})
			}
			running.Wait()
			stage.first()
			allowed(t, r, 3, "ann", rate("default", 3, time.Hour))
			r.Close()
			if t.Failed() {
				t.Fatalf("while Redis %s", stage.does)
			}
		}
	}
	// The client looks at a cluster's nodes once more within a second.
	await(t, "nothing is running", func() bool { return goleak.Find(before) == nil })
}

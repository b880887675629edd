package ratelimit

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// newServer is a Redis of the test's own, to be broken.
func newServer(t testing.TB, args ...string) *redisserver.Server {
	t.Helper()
	s, err := redisserver.Start(t.Context(), t.TempDir(), args...)
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	check(t, err)
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

func TestBreaker_OutageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	log := &output{}
	r := openRedis(t, Config{URL: server.URL(), MaxConnections: 8, Timeout: waitTimeout, Log: slog.New(slog.NewTextHandler(log, nil))})
	awaitClosed(t, r)
	for outage := 1; outage <= 3; outage++ {
		server.Kill()
		var running sync.WaitGroup
		for n := range 64 {
			running.Go(func() { allowed(t, r, 10, Key(fmt.Sprint(n)), rate("default", 3, time.Hour)) })
		}
		running.Wait()
		if warnings, infos := log.lines(); warnings != outage || infos != outage {
			t.Errorf("in outage %d it had logged %d outages and %d ends:\n%s", outage, warnings, infos, log.text.String())
		}
		check(t, server.Restart(t.Context()))
		awaitClosed(t, r)
		await(t, "the end is logged", func() bool { _, infos := log.lines(); return infos == outage+1 })
	}
}

func TestBreaker_ReplicaCountsByItselfWhileOpen(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r, other := connected(t, server.URL()), connected(t, server.URL())
	hourly := rate("default", 10, time.Hour)
	if got := allowed(t, r, 4, "ann", hourly) + allowed(t, other, 4, "ann", hourly); got != 8 {
		t.Errorf("%d of 8 requests were allowed", got)
	}
	server.Kill()
	if got := allowed(t, r, 30, "ann", hourly); got != 10 {
		t.Errorf("%d requests were allowed at a replica, want 10", got)
	}
	if got := allowed(t, other, 30, "ann", hourly); got != 10 {
		t.Errorf("%d requests were allowed at another, want 10", got)
	}
	check(t, server.Restart(t.Context()))
	awaitClosed(t, r)
	awaitClosed(t, other)
	if got := allowed(t, r, 30, "ann", hourly) + allowed(t, other, 30, "ann", hourly); got != 10 {
		t.Errorf("%d requests were allowed at both together again, want 10", got)
	}
}

func TestBreaker_ClosesWhenRedisStartsLater(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	server.Kill()
	log := &output{}
	r := openRedis(t, Config{URL: server.URL(), Timeout: waitTimeout, Log: slog.New(slog.NewTextHandler(log, nil))})
	if got := allowed(t, r, 9, "ann", rate("default", 3, time.Hour)); got != 3 {
		t.Errorf("%d requests were allowed without Redis, want 3", got)
	}
	if err := r.Check(t.Context()); err == nil {
		t.Error("it reports that Redis responds")
	}
	await(t, "the outage is logged", func() bool { warnings, _ := log.lines(); return warnings == 1 })
	check(t, server.Restart(t.Context()))
	awaitClosed(t, r)
	check(t, r.Check(t.Context()))
	if warnings, infos := log.lines(); warnings != 1 || infos > 1 {
		t.Errorf("it has logged %d outages and %d ends", warnings, infos)
	}
}

// A Redis that refuses writes is as bad as one that is down. A PING would succeed.
func TestBreaker_OpensIfRedisAcceptsNoWrites(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ fault, repair []string }{
		"full":      {[]string{"CONFIG", "SET", "maxmemory", "1"}, []string{"CONFIG", "SET", "maxmemory", "0"}},
		"read only": {[]string{"REPLICAOF", "127.0.0.1", "1"}, []string{"REPLICAOF", "NO", "ONE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			client := connect(t, server.URL())
			r := connected(t, server.URL())
			check(t, client.Do(t.Context(), client.B().Arbitrary(tc.fault...).Build()).Error())
			if got := allowed(t, r, 9, "ann", rate("default", 3, time.Hour)); got != 3 {
				t.Errorf("%d requests were allowed, want 3", got)
			}
			for range 5 { // it does not recover by itself
				time.Sleep(probeInterval)
				if r.Check(t.Context()) == nil {
					t.Error("it reports that Redis responds")
				}
			}
			if got := r.breaker.epoch.Load(); got != 2 {
				t.Errorf("epoch %d, want 2", got)
			}
			check(t, client.Do(t.Context(), client.B().Arbitrary(tc.repair...).Build()).Error())
			awaitClosed(t, r)
		})
	}
}

func TestBreaker_HealthCheckOpensIt(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := connected(t, server.URL())
	check(t, r.Check(t.Context()))
	server.Kill()
	if r.Check(t.Context()) == nil {
		t.Error("it reports that Redis responds")
	}
	if closed(r) {
		t.Error("the breaker is closed")
	}
}

// On a busy machine single replies are late. Only the request that waited for one is
// counted in the process.
func TestBreaker_LateReplyIsNoOutage(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := openRedis(t, Config{URL: server.URL(), Timeout: time.Second})
	awaitClosed(t, r)
	before := r.Stats()
	server.Pause()
	allow(t, r, "ann", rate("default", 100, time.Hour))
	server.Continue()
	for range 20 {
		allow(t, r, "ann", rate("default", 100, time.Hour))
	}
	after := r.Stats()
	if !after.Closed || after.Outages != before.Outages || after.Timeouts != before.Timeouts+1 || after.ByRedis != before.ByRedis+20 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// Several late replies without one in between are an outage.
func TestBreaker_SilenceIsAnOutage(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := openRedis(t, Config{URL: server.URL(), Timeout: 100 * time.Millisecond})
	awaitClosed(t, r)
	before := r.Stats()
	server.Pause()
	defer server.Continue()
	calls := 0
	for ; closed(r) && calls < 100; calls++ {
		allow(t, r, "ann", rate("default", 100, time.Hour))
	}
	after := r.Stats()
	if after.Closed || after.Outages != before.Outages+1 || calls > absentAfter {
		t.Errorf("after %d calls: before %+v, after %+v", calls, before, after)
	}
}

// A Redis that rejects the credentials or the commands does respond. The log says so.
func TestBreaker_LogSaysThatRedisRejects(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := connect(t, server.URL())
	check(t, client.Do(t.Context(), client.B().Arbitrary("ACL", "SETUSER", "narrow", "on", ">word", "~codegenapp:*", "+@connection").Build()).Error())
	at := strings.TrimPrefix(strings.TrimSuffix(server.URL(), "/0"), "redis://")
	for name, tc := range map[string]struct{ url, want string }{
		"a wrong password":          {"redis://narrow:wrong@" + at, "WRONGPASS"},
		"missing rights":            {"redis://narrow:word@" + at, "NOPERM"},
		"a database that is absent": {"redis://" + at + "/9999999", "DB index"},
		"nothing":                   {"redis://127.0.0.1:1", "does not respond"},
	} {
		log := &output{}
		openRedis(t, Config{URL: tc.url, Log: slog.New(slog.NewTextHandler(log, nil))})
		await(t, name+" is logged", func() bool { warnings, _ := log.lines(); return warnings == 1 })
		log.mu.Lock()
		text := log.text.String()
		log.mu.Unlock()
		rejected := tc.want != "does not respond"
		if !strings.Contains(text, tc.want) || strings.Contains(text, "Redis responds with an error") != rejected {
			t.Errorf("%s: the log has %s", name, text)
		}
	}
}

// A Redis that does not respond costs the requests in progress 50 ms, and those of the
// next 150 ms; later ones nothing.
func TestBreaker_SilentRedisIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	r := openRedis(t, Config{URL: server.URL(), MaxConnections: 8})
	awaitClosed(t, r)
	server.Pause()
	defer server.Continue()
	var running sync.WaitGroup
	hourly := rate("default", 3, time.Hour)
	for n := range 64 {
		running.Go(func() {
			began := time.Now()
			allow(t, r, Key(fmt.Sprint(n)), hourly)
			if took := time.Since(began); took > 20*defaultTimeout && os.Getenv("TEST_LONG") != "" {
				t.Errorf("a request waited %s", took)
			}
		})
	}
	running.Wait()
	await(t, "the breaker is open", func() bool { allow(t, r, "ann", hourly); return !closed(r) })
	var took []time.Duration
	for range 1000 {
		began := time.Now()
		allow(t, r, "ann", hourly)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if median := took[500]; median > defaultTimeout { // none waits for Redis
		t.Errorf("later requests waited %s, at the median", median)
	}
}

// A server that accepts connections and sends nothing, or something else, is no Redis.
func TestBreaker_StaysOpenForAnotherServer(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]string{"silence": "", "another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			t.Cleanup(func() { check(t, listener.Close()) })
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
			r := openRedis(t, Config{URL: "redis://" + listener.Addr().String(), Log: slog.New(slog.NewTextHandler(log, nil))})
			await(t, "the outage is logged", func() bool { warnings, _ := log.lines(); return warnings == 1 })
			if got := allowed(t, r, 9, "ann", rate("default", 3, time.Hour)); got != 3 {
				t.Errorf("%d requests were allowed, want 3", got)
			}
		})
	}
}

// Not parallel: the goroutines of other tests would count as leaks.
//
//nolint:paralleltest // see above
func TestRedis_CloseLeavesNothingRunning(t *testing.T) {
	server := newServer(t)
	before := goleak.IgnoreCurrent()
	for _, stage := range []struct {
		redis string
		first func()
	}{
		{"responds", func() {}},
		{"is silent", server.Pause},
		{"is down", server.Kill},
	} {
		for range 3 {
			r, err := Open(t.Context(), Config{URL: server.URL(), MaxConnections: 8, Log: logOf(t)})
			check(t, err)
			if stage.redis == "responds" {
				awaitClosed(t, r)
			}
			var running sync.WaitGroup
			for n := range 32 {
				running.Go(func() {
					allow(t, r, Key(fmt.Sprint(n)), rate("default", 3, time.Hour))
				})
			}
			running.Wait()
			stage.first()
			allowed(t, r, 3, "ann", rate("default", 3, time.Hour))
			r.Close()
			if t.Failed() {
				t.Fatalf("while Redis %s", stage.redis)
			}
		}
	}
	// The client looks at a cluster's nodes once more within a second.
	await(t, "nothing is running", func() bool { return goleak.Find(before) == nil })
}

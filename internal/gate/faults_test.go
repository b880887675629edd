package gate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// load is callers who enter one after the other, and how long each entry took.
type load struct {
	mu   sync.Mutex
	took []time.Duration
	stop chan struct{}
	done sync.WaitGroup
}

// callers enter a gate until the load is stopped, each about a thousand times a
// second.
func callers(t *testing.T, count int, g auth.Gate) *load {
	t.Helper()
	l := &load{stop: make(chan struct{})}
	r := rate("default", 100, time.Minute)
	for range count {
		l.done.Go(func() {
			pace := time.NewTicker(time.Millisecond)
			defer pace.Stop()
			for {
				select {
				case <-l.stop:
					return
				case <-pace.C:
				}
				began := time.Now()
				pass := enter(t, g, auth.Slot(fmt.Sprint(rand.IntN(10_000))), r)
				took := time.Since(began)
				if len(pass.Standings) != 1 {
					t.Errorf("a request was answered with %+v", pass)
				}
				l.mu.Lock()
				l.took = append(l.took, took)
				l.mu.Unlock()
			}
		})
	}
	return l
}

// watch tells what the entries took from here on, until after do.
func (l *load) watch(t *testing.T, what string, do func()) (p99 time.Duration) {
	t.Helper()
	l.mu.Lock()
	l.took = nil
	l.mu.Unlock()
	do()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		t.Fatalf("nobody came through while %s", what)
	}
	slices.Sort(l.took)
	p99 = l.took[len(l.took)*99/100]
	t.Logf("%-32s %7d entries, p50 %8s, p99 %8s, max %8s", what, len(l.took),
		l.took[len(l.took)/2].Round(time.Microsecond), p99.Round(time.Microsecond), l.took[len(l.took)-1].Round(time.Microsecond))
	return p99
}

// Redis is flushed, cut off from its clients, silent, killed and started again
// under load. Every request is answered, and none waits long.
//
//nolint:paralleltest // it measures how long things take
func TestFaultsOfRedisAreFeltByNobody(t *testing.T) {
	each := 300 * time.Millisecond
	if os.Getenv("TEST_LONG") != "" {
		each = 10 * time.Second
	}
	server := newServer(t)
	client := connect(t, server.URL())
	r := openRedis(t, RedisConfig{URL: server.URL(), Connections: 10})
	awaitHere(t, r)
	l := callers(t, 16, r)
	defer l.done.Wait()
	defer close(l.stop)
	repeatedly := func(pause time.Duration, do func()) func() {
		return func() {
			for end := time.Now().Add(each); time.Now().Before(end); time.Sleep(pause) {
				do()
			}
		}
	}
	command := func(words ...string) func() {
		return func() { must(t, client.Do(t.Context(), client.B().Arbitrary(words...).Build()).Error()) }
	}
	sleep := func() { time.Sleep(each) }
	for _, phase := range []struct {
		what string
		do   func()
		most time.Duration // of the 99th percentile, on a busy machine
	}{
		{"all is well", sleep, defaultWait},
		{"data are flushed", repeatedly(10*time.Millisecond, command("FLUSHALL")), defaultWait},
		{"the script is flushed", repeatedly(10*time.Millisecond, command("SCRIPT", "FLUSH")), defaultWait},
		{"connections are cut", repeatedly(50*time.Millisecond, command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")), defaultWait},
		{"Redis is silent", func() { server.Pause(); sleep(); server.Continue() }, 2 * defaultWait},
		{"Redis is dead", func() { server.Kill(); sleep(); must(t, server.Restart(t.Context())) }, defaultWait},
		{"Redis comes and goes", repeatedly(50*time.Millisecond, func() { server.Kill(); must(t, server.Restart(t.Context())) }), defaultWait},
		{"all is well again", sleep, defaultWait},
	} {
		awaitHere(t, r)
		if p99 := l.watch(t, phase.what, phase.do); p99 > phase.most {
			t.Errorf("while %s the 99th percentile was %s", phase.what, p99)
		}
	}
}

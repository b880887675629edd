package ratelimit

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// load is concurrent clients, and how long each of their requests took.
type load struct {
	mu   sync.Mutex
	took []time.Duration
	stop chan struct{}
	done sync.WaitGroup
}

// newLoad sends requests until it is stopped, each client about a thousand a second.
func newLoad(t *testing.T, clients int, limiter Limiter) *load {
	t.Helper()
	l := &load{stop: make(chan struct{})}
	r := rate("default", 100, time.Minute)
	for range clients {
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
				decision := allow(t, limiter, Key(fmt.Sprint(rand.IntN(10_000))), r)
				took := time.Since(began)
				if len(decision) != 1 {
					t.Errorf("the decision is %+v", decision)
				}
				l.mu.Lock()
				l.took = append(l.took, took)
				l.mu.Unlock()
			}
		})
	}
	return l
}

// watch measures the requests while do runs.
func (l *load) watch(t *testing.T, what string, do func()) (p99 time.Duration) {
	t.Helper()
	l.mu.Lock()
	l.took = nil
	l.mu.Unlock()
	do()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		t.Fatalf("no request ended while %s", what)
	}
	slices.Sort(l.took)
	p99 = l.took[len(l.took)*99/100]
	t.Logf("%-32s %7d requests, p50 %8s, p99 %8s, max %8s", what, len(l.took),
		l.took[len(l.took)/2].Round(time.Microsecond), p99.Round(time.Microsecond), l.took[len(l.took)-1].Round(time.Microsecond))
	return p99
}

// Redis is flushed, disconnected, silenced, killed and started again under load. Each
// request gets a decision, and few wait. The times are logged; only long runs, on an idle
// machine, hold them to a bound.
//
//nolint:paralleltest // it measures how long things take
func TestBreaker_FaultsCostRequestsLittle(t *testing.T) {
	each := 300 * time.Millisecond
	if os.Getenv("TEST_LONG") != "" {
		each = 10 * time.Second
	}
	server := newServer(t)
	client := connect(t, server.URL())
	r := openRedis(t, Config{URL: server.URL(), MaxConnections: 10})
	awaitClosed(t, r)
	l := newLoad(t, 16, r)
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
		return func() { check(t, client.Do(t.Context(), client.B().Arbitrary(words...).Build()).Error()) }
	}
	sleep := func() { time.Sleep(each) }
	for _, phase := range []struct {
		what  string
		do    func()
		limit time.Duration // of the 99th percentile
	}{
		{"all is well", sleep, defaultTimeout},
		{"data are flushed", repeatedly(10*time.Millisecond, command("FLUSHALL")), defaultTimeout},
		{"the script is flushed", repeatedly(10*time.Millisecond, command("SCRIPT", "FLUSH")), defaultTimeout},
		{"connections are cut", repeatedly(50*time.Millisecond, command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")), defaultTimeout},
		{"Redis is silent", func() { server.Pause(); sleep(); server.Continue() }, 2 * defaultTimeout},
		{"Redis is dead", func() { server.Kill(); sleep(); check(t, server.Restart(t.Context())) }, defaultTimeout},
		{"Redis comes and goes", repeatedly(50*time.Millisecond, func() { server.Kill(); check(t, server.Restart(t.Context())) }), defaultTimeout},
		{"all is well again", sleep, defaultTimeout},
	} {
		awaitClosed(t, r)
		if p99 := l.watch(t, phase.what, phase.do); p99 > phase.limit && os.Getenv("TEST_LONG") != "" {
			t.Errorf("while %s the 99th percentile was %s", phase.what, p99)
		}
	}
}

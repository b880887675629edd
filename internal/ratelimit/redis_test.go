package ratelimit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRedis_ReplicasShareLimits(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	replicas := []*Redis{connected(t, url), connected(t, url), connected(t, url)}
	r := rate("default", 100, time.Hour)
	var passed atomic.Int64
	var running sync.WaitGroup
	for n := range 300 {
		running.Go(func() {
			if allow(t, replicas[n%3], "ann", r).Allowed() {
				passed.Add(1)
			}
		})
	}
	running.Wait()
	if got := passed.Load(); got != 100 {
		t.Errorf("%d of 300 concurrent requests were allowed at three replicas, want 100", got)
	}
	for _, replica := range replicas {
		if got := replica.breaker.epoch.Load(); got != 1 {
			t.Errorf("a replica lost Redis meanwhile: epoch %d", got)
		}
	}
}

func TestRedis_LimitsFollowTheClockOfRedis(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	r, client := connected(t, url), connect(t, url)
	began := time.Now()
	fast := rate("default", 4, time.Second)
	allowed(t, r, 4, "ann", fast)
	await(t, "the limit has regained a request", func() bool { return allow(t, r, "ann", fast).Allowed() })
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("a request was allowed after %s, want not before 250 ms", took)
	}
	name := KeyOf("ann", "rate", "default")
	left, err := client.Do(t.Context(), client.B().Pttl().Key(name).Build()).AsInt64()
	check(t, err)
	if left > 1000 {
		t.Errorf("the key lives for %d ms, longer than the burst", left)
	}
	await(t, "the key has expired", func() bool {
		count, err := client.Do(t.Context(), client.B().Exists().Key(name).Build()).AsInt64()
		check(t, err)
		return count == 0
	})
}

func TestRedis_MayLoseData(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	r, client := connected(t, url), connect(t, url)
	for name, command := range map[string][]string{
		"the script": {"SCRIPT", "FLUSH"}, // of other tests, too: they bear it as well
		"all":        {"FLUSHDB"},
	} {
		check(t, client.Do(t.Context(), client.B().Arbitrary(command...).Build()).Error())
		if got := allowed(t, r, 5, Key(name), rate("default", 3, time.Hour)); got != 3 {
			t.Errorf("after Redis has lost %s %d requests were allowed, want 3", name, got)
		}
	}
	if got := r.breaker.epoch.Load(); got != 1 {
		t.Errorf("the breaker opened: epoch %d", got)
	}
}

// The reply to a call that has timed out still arrives. It must not reach the next call
// on the connection.
func TestRedis_RepliesReachTheirCalls(t *testing.T) {
	t.Parallel()
	r := connected(t, newRedis(t))
	var answered, timedOut atomic.Int64
	var running sync.WaitGroup
	for n := range 32 {
		running.Go(func() {
			// Limits regain next to nothing, and no two have the same emission interval.
			e := struct {
				key   Key
				rates []Rate
			}{Key(fmt.Sprint(n)), []Rate{rate("first", 100_000+n, 100_000*time.Hour)}}
			if n%2 == 0 {
				e.rates = append(e.rates, rate("second", 200_000+n, 100_000*time.Hour))
			}
			cost := e.rates[0].EmissionInterval()
			for try := range 300 {
				wait := time.Duration(rand.Int64N(int64(2 * time.Millisecond)))
				if n%4 == 0 {
					wait = waitTimeout
				}
				decision, err := r.callAllow(t.Context(), wait, e.key, e.rates)
				if err != nil {
					timedOut.Add(1)
					continue
				}
				answered.Add(1)
				requests := float64(decision[0].Reset) / float64(cost)
				if whole := math.Ceil(requests); whole-requests > 0.01 || whole < 1 || int(whole) > try+1 || !decision.Allowed() {
					t.Errorf("%s, try %d: the reply is that of %.3f requests", e.key, try, requests)
				}
			}
		})
	}
	running.Wait()
	if answered.Load() < 1000 || timedOut.Load() < 100 {
		t.Errorf("%d calls were answered and %d timed out: nothing was tried", answered.Load(), timedOut.Load())
	}
}

func TestRedis_DisconnectedClientIsCharged(t *testing.T) {
	t.Parallel()
	r := connected(t, newRedis(t))
	gone, leave := context.WithCancel(t.Context())
	leave()
	ann := struct {
		key   Key
		rates []Rate
	}{"ann", []Rate{rate("default", 3, time.Hour)}}
	r.Allow(gone, ann.key, ann.rates)
	if got := r.Allow(t.Context(), ann.key, ann.rates)[0].Remaining; got != 1 {
		t.Errorf("%d requests remain, want 1", got)
	}
	if got := r.breaker.epoch.Load(); got != 1 {
		t.Errorf("the breaker opened because a client disconnected: epoch %d", got)
	}
}

func TestRedis_ConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	for given, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 10: 4} {
		t.Run(fmt.Sprint(given), func(t *testing.T) {
			t.Parallel()
			url := newRedis(t)
			client := connect(t, url)
			r := openRedis(t, Config{URL: url + "?client_name=" + strings.ReplaceAll(t.Name(), "/", "-"), MaxConnections: given, Timeout: waitTimeout})
			awaitClosed(t, r)
			var running sync.WaitGroup
			for n := range 40 * want {
				running.Go(func() { allow(t, r, Key(fmt.Sprint(n)), rate("default", 3, time.Hour)) })
			}
			running.Wait()
			clients, err := client.Do(t.Context(), client.B().Arbitrary("CLIENT", "LIST").Build()).ToString()
			check(t, err)
			if got := strings.Count(clients, "name="+strings.ReplaceAll(t.Name(), "/", "-")+" "); got > want || got < 1 {
				t.Errorf("%d connections, want up to %d", got, want)
			}
		})
	}
}

func TestRedis_CheckURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"redis://localhost:6379":              true,
		"redis://localhost:6379/3":            true,
		"redis://user:p%40ss@cache.internal":  true,
		"rediss://:password@cache.internal/0": true,
		"rediss://cache.internal?skip_verify": true,
		"redis://[::1]:6379/0":                true,
		"redis://localhost:6379/":             true,
		"redis://localhost:6379/0/":           true,
		" redis://localhost:6379 ":            true,
		"Redis://localhost:6379":              true,
		"REDISS://localhost:6379/1":           true,
		"":                                    false,
		"localhost:6379":                      false,
		"http://localhost:6379":               false,
		"unix:///var/run/redis.sock":          false,
		"redis://localhost:6379/zero":         false,
		"redis://localhost:6379/0/1":          false,
		"redis://local host":                  false,
		"redis://localhost:port":              false,
		"memory://":                           false,
	} {
		if err := CheckURL(url); (err == nil) != want {
			t.Errorf("CheckURL(%q) = %v", url, err)
		}
	}
}

// callAllow is Allow with a timeout of its own, and without the circuit breaker.
func (r *Redis) callAllow(ctx context.Context, timeout time.Duration, key Key, rates []Rate) (Decision, error) {
	keys, args := Arguments(key, rates)
	reply, err := r.call(ctx, timeout, r.script, keys, args)
	if err != nil {
		return nil, err
	}
	return DecisionOf(rates, reply)
}

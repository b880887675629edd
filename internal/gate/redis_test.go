package gate

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

	"github.com/codegenapp/codegenapp/internal/auth"
)

func TestReplicasShareOneBudget(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	replicas := []*Redis{patient(t, url), patient(t, url), patient(t, url)}
	r := rate("default", 100, time.Hour)
	var passed atomic.Int64
	var running sync.WaitGroup
	for n := range 300 {
		running.Go(func() {
			if enter(t, replicas[n%3], "ann", r).Allowed() {
				passed.Add(1)
			}
		})
	}
	running.Wait()
	if got := passed.Load(); got != 100 {
		t.Errorf("%d of 300 concurrent requests passed at three replicas, want 100", got)
	}
	for _, replica := range replicas {
		if got := replica.turns.Load(); got != 1 {
			t.Errorf("a replica lost Redis meanwhile: turn %d", got)
		}
	}
}

func TestBudgetsGrowByTheClockOfRedis(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	r, client := patient(t, url), connect(t, url)
	began := time.Now()
	fast := rate("default", 4, time.Second)
	allowed(t, r, 4, "ann", fast)
	await(t, "the budget has grown", func() bool { return enter(t, r, "ann", fast).Allowed() })
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("a request passed after %s, want not before 250 ms", took)
	}
	name := rateKey("ann", "default")
	left, err := client.Do(t.Context(), client.B().Pttl().Key(name).Build()).AsInt64()
	must(t, err)
	if left > 1000 {
		t.Errorf("the key lives for %d ms, longer than a whole budget takes", left)
	}
	await(t, "the key has expired", func() bool {
		count, err := client.Do(t.Context(), client.B().Exists().Key(name).Build()).AsInt64()
		must(t, err)
		return count == 0
	})
}

func TestRedisMayForget(t *testing.T) {
	t.Parallel()
	url := newRedis(t)
	r, client := patient(t, url), connect(t, url)
	for name, command := range map[string][]string{
		"the script": {"SCRIPT", "FLUSH"}, // of other tests, too: they bear it as well
		"all":        {"FLUSHDB"},
	} {
		must(t, client.Do(t.Context(), client.B().Arbitrary(command...).Build()).Error())
		if got := allowed(t, r, 5, auth.Slot(name), rate("default", 3, time.Hour)); got != 3 {
			t.Errorf("after Redis had forgotten %s %d requests passed, want 3", name, got)
		}
	}
	if got := r.turns.Load(); got != 1 {
		t.Errorf("Redis was taken for lost: turn %d", got)
	}
}

// A call that was given up leaves its answer on the way. It must not reach the
// next caller on the connection.
func TestAnswersBelongToTheirCallers(t *testing.T) {
	t.Parallel()
	r := patient(t, newRedis(t))
	var answered, givenUp atomic.Int64
	var running sync.WaitGroup
	for n := range 32 {
		running.Go(func() {
			// Budgets grow by nothing to speak of, and no two have the same cost.
			e := auth.Entry{Slot: auth.Slot(fmt.Sprint(n)), Rates: []auth.Rate{rate("first", 100_000+n, 100_000*time.Hour)}}
			if n%2 == 0 {
				e.Rates = append(e.Rates, rate("second", 200_000+n, 100_000*time.Hour))
			}
			cost := e.Rates[0].Cost()
			for try := range 300 {
				wait := time.Duration(rand.Int64N(int64(2 * time.Millisecond)))
				if n%4 == 0 {
					wait = patience
				}
				pass, err := r.ask(t.Context(), wait, e)
				if err != nil {
					givenUp.Add(1)
					continue
				}
				answered.Add(1)
				requests := float64(pass.Standings[0].Reset) / float64(cost)
				if whole := math.Ceil(requests); whole-requests > 0.01 || whole < 1 || int(whole) > try+1 || !pass.Allowed() {
					t.Errorf("%s, try %d: answered for %.3f requests", e.Slot, try, requests)
				}
			}
		})
	}
	running.Wait()
	if answered.Load() < 1000 || givenUp.Load() < 100 {
		t.Errorf("%d calls were answered and %d given up: nothing was tried", answered.Load(), givenUp.Load())
	}
}

func TestACallerWhoLeavesHasEntered(t *testing.T) {
	t.Parallel()
	r := patient(t, newRedis(t))
	gone, leave := context.WithCancel(t.Context())
	leave()
	ann := auth.Entry{Slot: "ann", Rates: []auth.Rate{rate("default", 3, time.Hour)}}
	r.Enter(gone, ann)
	if got := r.Enter(t.Context(), ann).Standings[0].Remaining; got != 1 {
		t.Errorf("%d requests remain, want 1", got)
	}
	if got := r.turns.Load(); got != 1 {
		t.Errorf("Redis was taken for lost because a caller left: turn %d", got)
	}
}

func TestConnectionsAreNoMoreThanAllowed(t *testing.T) {
	t.Parallel()
	for given, want := range map[int]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 10: 4} {
		t.Run(fmt.Sprint(given), func(t *testing.T) {
			t.Parallel()
			url := newRedis(t)
			client := connect(t, url)
			r := openRedis(t, RedisConfig{URL: url + "?client_name=" + strings.ReplaceAll(t.Name(), "/", "-"), Connections: given, Wait: patience})
			awaitHere(t, r)
			var running sync.WaitGroup
			for n := range 40 * want {
				running.Go(func() { enter(t, r, auth.Slot(fmt.Sprint(n)), rate("default", 3, time.Hour)) })
			}
			running.Wait()
			clients, err := client.Do(t.Context(), client.B().Arbitrary("CLIENT", "LIST").Build()).ToString()
			must(t, err)
			if got := strings.Count(clients, "name="+strings.ReplaceAll(t.Name(), "/", "-")+" "); got > want || got < 1 {
				t.Errorf("%d connections, want up to %d", got, want)
			}
		})
	}
}

func TestARedisURLIsOne(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"redis://localhost:6379":              true,
		"redis://localhost:6379/3":            true,
		"redis://user:p%40ss@cache.internal":  true,
		"rediss://:password@cache.internal/0": true,
		"rediss://cache.internal?skip_verify": true,
		"redis://[::1]:6379/0":                true,
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
		if got := ValidURL(url); got != want {
			t.Errorf("ValidURL(%q) = %t", url, got)
		}
	}
}

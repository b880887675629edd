package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// waitTimeout limits how long these tests wait for Redis, unless they test its absence.
// It is long because the machine may be busy.
const waitTimeout = 60 * time.Second

// start is the time at which the clocks of these tests begin.
var start = time.Date(2026, time.November, 22, 17, 12, 10, 123_456_000, time.UTC)

// clock is a clock that stands until it is moved.
type clock struct{ since atomic.Int64 }

func (c *clock) now() time.Time        { return start.Add(time.Duration(c.since.Load())) }
func (c *clock) move(by time.Duration) { c.since.Add(int64(by)) }

// fixture is a limiter, and what moves its clock.
type fixture struct {
	Limiter

	move func(time.Duration)
}

// limiters are the implementations, which must not differ.
var limiters = map[string]func(testing.TB) fixture{
	"process": func(testing.TB) fixture {
		c := &clock{}
		return fixture{NewLocal(c.now), c.move}
	},
	"Redis": func(t testing.TB) fixture {
		t.Helper()
		url := newRedis(t)
		c, client := &clock{}, connect(t, url)
		move := func(by time.Duration) {
			c.move(by)
			now := fmt.Sprintf("[%d,%d]", c.now().Unix(), c.now().Nanosecond()/1000)
			check(t, client.Do(context.WithoutCancel(t.Context()), client.B().Set().Key("clock").Value(now).Build()).Error())
		}
		move(0)
		source := strings.Replace(GCRA, "redis.call('TIME')", "cjson.decode(redis.call('GET', 'clock'))", 1)
		if source == GCRA {
			t.Fatal("the script does not read the time as it did")
		}
		r, err := open(t.Context(), Config{URL: url, Timeout: waitTimeout, Log: logOf(t)}, source)
		check(t, err)
		t.Cleanup(r.Close)
		awaitClosed(t, r)
		return fixture{r, move}
	},
}

// newRedis returns the URL of a database of the test's own. It is testkit.NewRedis,
// which depends on the whole server, and so on this package.
func newRedis(t testing.TB) string {
	t.Helper()
	url, err := redisserver.NewDatabase(t.Context())
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	check(t, err)
	return url
}

// eachLimiter runs a test with each implementation.
func eachLimiter(t *testing.T, test func(t *testing.T, f fixture)) {
	t.Helper()
	for name, newFixture := range limiters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newFixture(t))
		})
	}
}

// openRedis opens a limiter that is closed after the test.
func openRedis(t testing.TB, c Config) *Redis {
	t.Helper()
	if c.Log == nil {
		c.Log = logOf(t)
	}
	r, err := Open(t.Context(), c)
	check(t, err)
	t.Cleanup(r.Close)
	return r
}

// connected returns a limiter that is connected, and waits for Redis for long.
func connected(t testing.TB, url string) *Redis {
	t.Helper()
	r := openRedis(t, Config{URL: url, Timeout: waitTimeout})
	awaitClosed(t, r)
	return r
}

func closed(r *Redis) bool {
	_, closed := r.breaker.closed()
	return closed
}

// awaitClosed waits until the circuit breaker is closed.
func awaitClosed(t testing.TB, r *Redis) {
	t.Helper()
	await(t, "Redis responds", func() bool { return closed(r) })
}

// await waits until a condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitTimeout); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s until %s", waitTimeout, what)
		}
	}
}

// connect returns a client of the test's own.
func connect(t testing.TB, url string) rueidis.Client {
	t.Helper()
	option, err := rueidis.ParseURL(url)
	check(t, err)
	option.DisableCache, option.PipelineMultiplex = true, -1
	client, err := rueidis.NewClient(option)
	check(t, err)
	t.Cleanup(client.Close)
	return client
}

func logOf(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// allow charges one request to each rate.
func allow(t testing.TB, l Limiter, key Key, rates ...Rate) Decision {
	t.Helper()
	return l.Allow(t.Context(), key, rates)
}

// allowed returns how many of n requests are allowed.
func allowed(t testing.TB, l Limiter, n int, key Key, rates ...Rate) int {
	t.Helper()
	count := 0
	for range n {
		if allow(t, l, key, rates...).Allowed() {
			count++
		}
	}
	return count
}

func rate(name string, requests int, per time.Duration) Rate {
	return Rate{Name: name, Requests: requests, Per: per}
}

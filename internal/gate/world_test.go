package gate

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

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// patience is how long these tests wait for Redis where its absence is not what
// they are about. Their machine may be busy.
const patience = 20 * time.Second

// begin is when the clocks of these tests begin to run.
var begin = time.Date(2026, time.November, 22, 17, 12, 10, 123_456_000, time.UTC)

// clock is a clock that stands until it is moved.
type clock struct{ since atomic.Int64 }

func (c *clock) now() time.Time        { return begin.Add(time.Duration(c.since.Load())) }
func (c *clock) move(by time.Duration) { c.since.Add(int64(by)) }

// world is a gate, and what moves its clock.
type world struct {
	auth.Gate
	move func(time.Duration)
}

// worlds are the two gates, which must not be told apart.
var worlds = map[string]func(testing.TB) world{
	"in process": func(testing.TB) world {
		c := &clock{}
		return world{NewLocal(c.now, time.Minute), c.move}
	},
	"Redis": func(t testing.TB) world {
		t.Helper()
		url := newRedis(t)
		c, client := &clock{}, connect(t, url)
		move := func(by time.Duration) {
			c.move(by)
			now := fmt.Sprintf("[%d,%d]", c.now().Unix(), c.now().Nanosecond()/1000)
			must(t, client.Do(context.WithoutCancel(t.Context()), client.B().Set().Key("clock").Value(now).Build()).Error())
		}
		move(0)
		source := strings.Replace(enterSource, "redis.call('TIME')", "cjson.decode(redis.call('GET', 'clock'))", 1)
		if source == enterSource {
			t.Fatal("the script does not ask for the time as it did")
		}
		r, err := open(t.Context(), RedisConfig{URL: url, Wait: patience, Log: logOf(t)}, source)
		must(t, err)
		t.Cleanup(r.Close)
		awaitHere(t, r)
		return world{r, move}
	},
}

// newRedis lends a database of the test's own. It is testkit.NewRedis, which
// stands on the whole server, and so on this package.
func newRedis(t testing.TB) string {
	t.Helper()
	url, err := redisserver.NewDatabase(t.Context())
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	must(t, err)
	return url
}

// everywhere runs a test against both gates.
func everywhere(t *testing.T, test func(t *testing.T, w world)) {
	t.Helper()
	for name, start := range worlds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// openRedis opens a gate that is closed after the test.
func openRedis(t testing.TB, c RedisConfig) *Redis {
	t.Helper()
	if c.Log == nil {
		c.Log = logOf(t)
	}
	r, err := OpenRedis(t.Context(), c)
	must(t, err)
	t.Cleanup(r.Close)
	return r
}

// patient is a gate of the whole Redis at url that is connected.
func patient(t testing.TB, url string) *Redis {
	t.Helper()
	r := openRedis(t, RedisConfig{URL: url, Wait: patience})
	awaitHere(t, r)
	return r
}

func awaitHere(t testing.TB, r *Redis) {
	t.Helper()
	await(t, "Redis answers", func() bool { return here(r.turns.Load()) })
}

// await looks again and again, until it sees what it waits for.
func await(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

// connect is a client of the test's own.
func connect(t testing.TB, url string) rueidis.Client {
	t.Helper()
	option, err := rueidis.ParseURL(url)
	must(t, err)
	option.DisableCache, option.PipelineMultiplex = true, -1
	client, err := rueidis.NewClient(option)
	must(t, err)
	t.Cleanup(client.Close)
	return client
}

func logOf(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// enter spends one request from each rate.
func enter(t testing.TB, g auth.Gate, slot auth.Slot, rates ...auth.Rate) auth.Pass {
	t.Helper()
	return g.Enter(t.Context(), auth.Entry{Slot: slot, Rates: rates})
}

// allowed is how many of n requests are let through.
func allowed(t testing.TB, g auth.Gate, n int, slot auth.Slot, rates ...auth.Rate) int {
	t.Helper()
	passed := 0
	for range n {
		if enter(t, g, slot, rates...).Allowed() {
			passed++
		}
	}
	return passed
}

func rate(name string, requests int, per time.Duration) auth.Rate {
	return auth.Rate{Name: name, Requests: requests, Per: per}
}

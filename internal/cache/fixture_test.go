package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// waitTimeout limits how long these tests wait for Redis, unless they test its absence.
// It is long because the machine may be busy.
const waitTimeout = 60 * time.Second

// responses is what both implementations do.
type responses interface {
	Lookup(ctx context.Context, q Request) Result
	Store(q Request, g Generation, s Scope, r Response)
	Begin(ctx context.Context, w Write) (ratelimit.Decision, Pending, error)
	Renew(ctx context.Context, p Pending) (Pending, error)
	End(p Pending)
	Invalidate(ctx context.Context, user auth.UserID) error
}

// fixture is a cache whose calls in the background are made by flush, and whose clock
// stands until it is moved.
type fixture struct {
	responses

	move  func(time.Duration)
	flush func()
}

// clock is a clock that stands until it is moved.
type clock struct{ since atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, time.November, 22, 17, 12, 10, 123_456_000, time.UTC).Add(time.Duration(c.since.Load()))
}

// caches are the implementations, with a TTL.
var caches = map[string]func(testing.TB, time.Duration) fixture{
	"process": func(_ testing.TB, ttl time.Duration) fixture {
		c := &clock{}
		l := NewLocal(c.now, ttl, DefaultMaxBytes, ratelimit.NewLocal(c.now))
		return fixture{l, func(d time.Duration) { c.since.Add(int64(d)) }, func() {}}
	},
	"Redis": func(t testing.TB, ttl time.Duration) fixture {
		t.Helper()
		f, _ := newFixture(t, newRedisURL(t), Config{TTL: ttl})
		return f
	},
}

// newFixture returns a cache in a Redis whose scripts read a clock of the test's.
func newFixture(t testing.TB, url string, c Config) (fixture, rueidis.Client) {
	t.Helper()
	client, clock := connect(t, url), &clock{}
	run := func(words ...string) { must(t, do(client, words...).Error()) }
	move := func(d time.Duration) {
		clock.since.Add(int64(d))
		run("SET", "clock", fmt.Sprintf("[%d,%d]", clock.now().Unix(), clock.now().Nanosecond()/1000))
		const age = `for _, key in ipairs(redis.call('KEYS', '*}:r3:*')) do
	redis.call('PEXPIRE', key, redis.call('PTTL', key) - ARGV[1])
end
return 1`
		run("EVAL", age, "0", strconv.FormatInt(d.Milliseconds(), 10))
	}
	move(0)
	gcra := strings.Replace(ratelimit.GCRA, "redis.call('TIME')", "cjson.decode(redis.call('GET', 'clock'))", 1)
	if gcra == ratelimit.GCRA {
		t.Fatal("the script does not read the time as it did")
	}
	r := newRedis(t.Context(), openLimiter(t, url, waitTimeout), c, gcra)
	r.Close() // the calls in the background are made by flush
	flush := func() {
		for {
			select {
			case c := <-r.stores:
				r.do(t.Context(), c)
			default:
				for _, user := range r.ends.users() {
					r.do(t.Context(), r.call(user, nil, nil, "end"))
				}
				return
			}
		}
	}
	return fixture{r, move, flush}, client
}

// newRedisURL returns the URL of a database of the test's own.
func newRedisURL(t testing.TB) string {
	t.Helper()
	url, err := redisserver.NewDatabase(t.Context())
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	must(t, err)
	return url
}

// newServer starts a Redis of the test's own, to be broken.
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

// openLimiter returns a connection whose breaker is closed.
func openLimiter(t testing.TB, url string, timeout time.Duration) *ratelimit.Redis {
	t.Helper()
	r, err := ratelimit.Open(t.Context(), ratelimit.Config{
		URL: url, MaxConnections: 4, Timeout: timeout, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	must(t, err)
	t.Cleanup(r.Close)
	awaitClosed(t, r)
	return r
}

func awaitClosed(t testing.TB, r *ratelimit.Redis) {
	t.Helper()
	await(t, "Redis responds", func() bool { return r.Stats().Closed })
}

// newReplica returns a cache as a server has it.
func newReplica(t testing.TB, url string, c Config) *Redis {
	t.Helper()
	r := NewRedis(t.Context(), openLimiter(t, url, waitTimeout), c)
	t.Cleanup(r.Close)
	return r
}

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

func do(client rueidis.Client, words ...string) rueidis.RedisResult {
	return client.Do(context.Background(), client.B().Arbitrary(words...).Build())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

// read returns a read of a resource by a new session of a new user.
func read(resource string) Request {
	return Request{User: id.New[auth.User](), Session: id.New[auth.Session](), Resource: resource}
}

func response(text string) Response { return Response{ETag: `"` + text + `"`, Body: []byte(text)} }

// ready waits out the quiet period of a user's new bookkeeping.
func (f fixture) ready(t testing.TB, q Request) {
	t.Helper()
	f.Lookup(t.Context(), q)
	f.move(maxWriteTime)
}

// store stores the response to a read that is not cached.
func (f fixture) store(t testing.TB, q Request, s Scope, r Response) {
	t.Helper()
	f.Store(q, f.wantMiss(t, q), s, r)
	f.flush()
}

// wantMiss fails unless a read is not cached, and its response may be stored.
func (f fixture) wantMiss(t testing.TB, q Request) Generation {
	t.Helper()
	result := f.Lookup(t.Context(), q)
	if result.Response != nil || result.Generation.IsZero() {
		t.Fatalf("%s: want a miss, got %s", q.Resource, result)
	}
	return result.Generation
}

// wantBypass fails unless a read is neither served nor may be stored.
func (f fixture) wantBypass(t testing.TB, q Request) {
	t.Helper()
	if result := f.Lookup(t.Context(), q); result.Response != nil || !result.Generation.IsZero() {
		t.Errorf("%s: want a bypass, got %s", q.Resource, result)
	}
}

func (f fixture) wantHit(t testing.TB, q Request, want Response) {
	t.Helper()
	got := f.Lookup(t.Context(), q).Response
	if got == nil || got.ETag != want.ETag || string(got.Body) != string(want.Body) {
		t.Errorf("%s: want %.60q, got %.60v", q.Resource, want, got)
	}
}

// String shows a result in a failure.
func (r Result) String() string {
	if r.Response != nil {
		return fmt.Sprintf("a hit: %.60q", r.Response.Body)
	}
	return fmt.Sprintf("no response, generation %v", r.Generation)
}

// begin marks a write.
func (f fixture) begin(t testing.TB, user auth.UserID, scopes ...Scope) Pending {
	t.Helper()
	d, p, err := f.Begin(t.Context(), Write{User: user, Scopes: scopes})
	must(t, err)
	if !d.Allowed() || p.id == "" {
		t.Fatalf("the write is not marked: %v", d)
	}
	return p
}

// write begins and ends a write.
func (f fixture) write(t testing.TB, user auth.UserID, scopes ...Scope) {
	t.Helper()
	f.End(f.begin(t, user, scopes...))
	f.flush()
}

package httpapi_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestHealth_ReportsRedis(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	s := testkit.Start(t, withRateLimits(100, 100, 100), func(s *server.Settings) {
		s.RedisURL, s.RateLimitURL = server.Secret(testkit.NewRedis(t)), server.Secret(redis.URL()) // rate limits use the second
		s.RedisTimeout = 5 * time.Second
	})
	health := func() map[string]any {
		got := s.Anonymous(t).Get("/health").Want(200).JSON()
		delete(got, "version")
		return got
	}
	whole := map[string]any{"status": "ok", "checks": map[string]any{"database": "ok", "redis": "ok"}}
	awaitRedisHealth(t, s, 200)
	if diff := cmp.Diff(map[string]any{"status": "ok"}, s.Anonymous(t).Get("/health/redis").JSON()); diff != "" {
		t.Errorf("/health/redis (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(whole, health()); diff != "" {
		t.Errorf("health (-want +got):\n%s", diff)
	}

	redis.Kill()
	awaitRedisHealth(t, s, 503)
	want := map[string]any{"status": "degraded", "checks": map[string]any{"database": "ok", "redis": "unavailable"}}
	if diff := cmp.Diff(want, health()); diff != "" {
		t.Errorf("health without Redis (-want +got):\n%s", diff)
	}
	for _, path := range []string{"/health/ready", "/health/live", "/health/db"} {
		s.Anonymous(t).Get(path).Want(200)
	}
	ann := s.SignUp(t)
	if got := remainingRequests(ann.Get(projectsPath).Want(200)); got != 99 {
		t.Errorf("%d requests remain without Redis, want 99", got)
	}

	if err := redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitRedisHealth(t, s, 200)
	if diff := cmp.Diff(whole, health()); diff != "" {
		t.Errorf("health with Redis again (-want +got):\n%s", diff)
	}
}

// Redis is killed, restarted and paused under load. No client gets a different
// response.
func TestRedis_FailuresCauseNoErrors(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	s := testkit.Start(t, withRateLimits(1_000_000, 100, 100), func(s *server.Settings) { s.RedisURL = server.Secret(redis.URL()) })
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	var sent atomic.Int64
	var running sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := ann.Get(p.path()); got.Status != 200 || remainingRequests(got) < 0 {
					t.Errorf("got %d: %s", got.Status, got.Body)
				}
				sent.Add(1)
			}
		})
	}
	// Each state of Redis lasts for 200 ms, so that it is noticed, and for 20 requests,
	// however slow the machine is.
	underLoad := func() {
		from, deadline := sent.Load(), time.Now().Add(time.Minute)
		for time.Sleep(200 * time.Millisecond); sent.Load() < from+20; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("only %d requests in a minute", sent.Load()-from)
			}
		}
	}
	defer running.Wait()
	defer close(stop)
	for range 2 {
		redis.Kill()
		underLoad()
		if err := redis.Restart(t.Context()); err != nil {
			t.Error(err)
		}
		underLoad()
		redis.Pause()
		underLoad()
		redis.Continue()
		underLoad()
	}
}

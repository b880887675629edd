package httpapi_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// ownRedis is a Redis that nobody else uses, to be broken.
func ownRedis(t *testing.T) *redisserver.Server {
	t.Helper()
	redis, err := redisserver.Start(t.Context(), t.TempDir())
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Stop)
	return redis
}

// awaitRedis waits until a server says so of its Redis; a check may be a second
// old.
func awaitRedis(t *testing.T, s *testkit.Server, status int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.Anonymous(t).Get("/health/redis").Status != status; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("/health/redis does not answer %d", status)
		}
	}
}

func TestHealthTellsOfRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	s := testkit.Start(t, limited(100, 100, 100), func(s *server.Settings) {
		s.RedisURL, s.RateLimitURL = server.Secret(testkit.NewRedis(t)), server.Secret(redis.URL()) // the second counts
		s.RedisWait = 5 * time.Second
	})
	health := func() map[string]any {
		got := s.Anonymous(t).Get("/health").Want(200).JSON()
		delete(got, "version")
		return got
	}
	whole := map[string]any{"status": "ok", "checks": map[string]any{"database": "ok", "redis": "ok"}}
	awaitRedis(t, s, 200)
	if diff := cmp.Diff(map[string]any{"status": "ok"}, s.Anonymous(t).Get("/health/redis").JSON()); diff != "" {
		t.Errorf("/health/redis (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(whole, health()); diff != "" {
		t.Errorf("health (-want +got):\n%s", diff)
	}

	redis.Kill()
	awaitRedis(t, s, 503)
	want := map[string]any{"status": "degraded", "checks": map[string]any{"database": "ok", "redis": "unavailable"}}
	if diff := cmp.Diff(want, health()); diff != "" {
		t.Errorf("health without Redis (-want +got):\n%s", diff)
	}
	for _, path := range []string{"/health/ready", "/health/live", "/health/db"} {
		s.Anonymous(t).Get(path).Want(200)
	}
	ann := s.SignUp(t)
	if got := remaining(ann.Get(projectsPath).Want(200)); got != 99 {
		t.Errorf("%d requests remain without Redis, want 99", got)
	}

	if err := redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitRedis(t, s, 200)
	if diff := cmp.Diff(whole, health()); diff != "" {
		t.Errorf("health with Redis again (-want +got):\n%s", diff)
	}
}

// Redis is killed, started, silenced and emptied while people work. Nobody gets
// an answer that they would not get otherwise.
func TestFaultsOfRedisAreNobodysErrors(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	s := testkit.Start(t, limited(1_000_000, 100, 100), func(s *server.Settings) { s.RedisURL = server.Secret(redis.URL()) })
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	stop, done := make(chan struct{}), make(chan int)
	for range 8 {
		go func() {
			count := 0
			defer func() { done <- count }()
			for {
				select {
				case <-stop:
					return
				default:
				}
				if got := ann.Get(p.path()); got.Status != 200 || remaining(got) < 0 {
					t.Errorf("answered %d: %s", got.Status, got.Body)
				}
				count++
			}
		}()
	}
	for range 2 {
		redis.Kill()
		time.Sleep(200 * time.Millisecond)
		if err := redis.Restart(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(200 * time.Millisecond)
		redis.Pause()
		time.Sleep(200 * time.Millisecond)
		redis.Continue()
		time.Sleep(200 * time.Millisecond)
	}
	close(stop)
	requests := 0
	for range 8 {
		requests += <-done
	}
	if requests < 100 {
		t.Errorf("only %d requests were made", requests)
	}
}

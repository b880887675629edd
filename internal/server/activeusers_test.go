package server

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// activeUsersAt returns active users whose clock is set by the test.
func activeUsersAt(shared distinctCounter) (*activeUsers, *atomic.Int64) {
	clock := &atomic.Int64{}
	clock.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Unix())
	return newActiveUsers(func() time.Time { return time.Unix(clock.Load(), 0) }, shared), clock
}

func openRedis(t *testing.T, server *redisserver.Server) *ratelimit.Redis {
	t.Helper()
	r, err := ratelimit.Open(t.Context(), ratelimit.Config{URL: server.URL(), Timeout: 20 * time.Second, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	awaitRedis(t, r, true)
	return r
}

func awaitRedis(t *testing.T, r *ratelimit.Redis, closed bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); r.Stats().Closed != closed; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the circuit breaker is not closed: want %t", closed)
		}
		if !closed {
			_ = r.Check(t.Context()) // it opens by a failure
		}
	}
}

func startRedis(t *testing.T) *redisserver.Server {
	t.Helper()
	server, err := redisserver.Start(t.Context(), t.TempDir())
	if errors.Is(err, redisserver.ErrNoProgram) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

func TestActiveUsers_CountForFifteenMinutes(t *testing.T) {
	t.Parallel()
	a, clock := activeUsersAt(nil)
	count := func(want int) {
		t.Helper()
		if got := a.Count(t.Context()); got != want {
			t.Errorf("%d users are active, want %d", got, want)
		}
	}
	count(0)
	a.Touch("ann")
	a.Touch("ben")
	a.Touch("ann")
	count(2)
	clock.Add(10 * 60)
	a.Touch("ann")
	count(2)
	clock.Add(6 * 60)
	count(1)
	clock.Add(10 * 60)
	count(0)
}

func TestActiveUsers_CountOverAllReplicas(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	one, clock := activeUsersAt(openRedis(t, server))
	two, other := activeUsersAt(openRedis(t, server))
	for n := range 30 {
		one.Touch(fmt.Sprint("user ", n))
		two.Touch(fmt.Sprint("user ", n+20))
	}
	two.report(t.Context())
	if got := one.Count(t.Context()); got != 50 { // so few are counted exactly
		t.Errorf("%d users are active, want 50", got)
	}
	clock.Add(16 * 60)
	other.Add(16 * 60)
	two.Touch("user 1")
	if got := two.Count(t.Context()); got != 1 {
		t.Errorf("%d users are active after 16 minutes, want 1", got)
	}
	server.Kill()
	one.Touch("user 2")
	if got := one.Count(t.Context()); got != 1 {
		t.Errorf("without Redis a replica counts %d users, want its own one", got)
	}
}

func TestActiveUsers_ReportsWhenRedisIsBack(t *testing.T) {
	t.Parallel()
	server := startRedis(t)
	r := openRedis(t, server)
	a, _ := activeUsersAt(r)
	server.Kill()
	awaitRedis(t, r, false)
	a.Touch("ann")
	a.report(t.Context())
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	awaitRedis(t, r, true)
	b, _ := activeUsersAt(r)
	b.Touch("ben")
	a.report(t.Context())
	if got := b.Count(t.Context()); got != 2 {
		t.Errorf("%d users are active, want 2", got)
	}
}

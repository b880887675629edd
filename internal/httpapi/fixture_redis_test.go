package httpapi_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// startRedis starts a Redis of this test, which may be broken.
func startRedis(t *testing.T) *redisserver.Server {
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

// awaitRedisHealth waits until a server reports this status for its Redis. A
// health check may be cached for a second.
func awaitRedisHealth(t *testing.T, s *testkit.Server, status int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); s.Anonymous(t).Get("/health/redis").Status != status; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("/health/redis does not answer %d", status)
		}
	}
}

// sendRedis sends commands to a Redis and fails the test unless each succeeds.
func sendRedis(t *testing.T, redis *redisserver.Server, commands ...string) {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(t.Context(), "tcp", redis.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, c := range commands {
		fmt.Fprintf(conn, "%s\r\n", c)
		if answer, err := answers.ReadString('\n'); err != nil || strings.HasPrefix(answer, "-") {
			t.Fatalf("%s: %q, %v", c, answer, err)
		}
	}
}

// redisFailure is what happens to a Redis before a logout and after it.
// recover repairs it.
type redisFailure struct {
	name                   string
	before, after, recover func(t *testing.T)
}

// redisFailures are the failures, one at a time.
func redisFailures(t *testing.T, redis *redisserver.Server) []redisFailure {
	t.Helper()
	nothing := func(*testing.T) {}
	kill := func(*testing.T) { redis.Kill() }
	restart := func(t *testing.T) {
		t.Helper()
		if err := redis.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var fill []string
	for n := range 400 {
		fill = append(fill, fmt.Sprintf("SETRANGE filler:%d 20000 x", n))
	}
	return []redisFailure{
		{"up", nothing, nothing, nothing},
		{"flushed", nothing, func(t *testing.T) { sendRedis(t, redis, "FLUSHALL") }, nothing},
		{"evicting", func(t *testing.T) {
			sendRedis(t, redis, "CONFIG SET maxmemory 3mb", "CONFIG SET maxmemory-policy allkeys-lru")
		}, func(t *testing.T) { sendRedis(t, redis, fill...) }, func(t *testing.T) { sendRedis(t, redis, "CONFIG SET maxmemory 0") }},
		{"back from an old snapshot", func(t *testing.T) { sendRedis(t, redis, "SAVE") }, func(t *testing.T) { redis.Kill(); restart(t) }, nothing},
		{"killed before", kill, restart, nothing},
		{"killed after", nothing, kill, restart},
	}
}

package httpapi_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

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

// No state in Redis decides about a session, so no failure of Redis restores
// one.
func TestLogout_IsFinalDuringRedisFailures(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	counted := func(s *server.Settings) {
		withRateLimits(100_000, 100_000, 100_000)(s)
		s.RedisURL, s.RedisWait = server.Secret(redis.URL()), 5*time.Second
	}
	s := testkit.StartFirst(t, counted)
	replicas := []*testkit.Server{s, s.Replica(t, counted), s.Replica(t, counted)}
	for _, fault := range redisFailures(t, redis) {
		t.Run(fault.name, func(t *testing.T) {
			ann, other := s.SignUp(t), s.SignUp(t)
			for _, replica := range replicas {
				ann.At(replica).For(t).Get(mePath).Want(200)
			}
			fault.before(t)
			ann.For(t).Post(logoutPath, `{}`).Want(204)
			for _, then := range []func(*testing.T){fault.after, fault.recover} { // immediately, and after the next failure
				for _, replica := range replicas {
					ann.At(replica).For(t).Get(mePath).WantProblem(401, "token_revoked")
					refresh(t, replica, ann.RefreshToken).WantProblem(401, "refresh_token_invalid")
					other.At(replica).For(t).Get(mePath).Want(200)
				}
				then(t)
			}
		})
	}
}

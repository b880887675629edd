package httpapi_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// command sends commands to a Redis, and fails the test unless it takes each.
func command(t *testing.T, redis *redisserver.Server, commands ...string) {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", redis.Address)
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

// Redis holds nothing that decides about a session, so nothing that happens to it
// brings one back. It fails in one way at a time.
func TestALogoutIsFinalWhateverHappensToRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	counted := func(s *app.Settings) {
		limited(100_000, 100_000, 100_000)(s)
		s.RedisURL, s.RedisWait = app.Secret(redis.URL()), 5*time.Second
	}
	s := testkit.StartFirst(t, counted)
	replicas := []*testkit.Server{s, s.Replica(t, counted), s.Replica(t, counted)}
	restart := func(t *testing.T) {
		t.Helper()
		if err := redis.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, fault := range []struct {
		name          string
		before, after func(t *testing.T)
	}{
		{"up", func(*testing.T) {}, func(*testing.T) {}},
		{"flushed", func(*testing.T) {}, func(t *testing.T) { command(t, redis, "FLUSHALL") }},
		{"evicting", func(t *testing.T) {
			command(t, redis, "CONFIG SET maxmemory 3mb", "CONFIG SET maxmemory-policy allkeys-lru")
		}, func(t *testing.T) {
			for n := range 400 {
				command(t, redis, fmt.Sprintf("SETRANGE filler:%d 20000 x", n))
			}
			command(t, redis, "CONFIG SET maxmemory 0")
		}},
		{"back from an old snapshot", func(t *testing.T) { command(t, redis, "SAVE") }, func(t *testing.T) { redis.Kill(); restart(t) }},
		{"killed before", func(*testing.T) { redis.Kill() }, restart},
		{"killed after", func(*testing.T) {}, func(*testing.T) { redis.Kill() }},
	} {
		t.Run(fault.name, func(t *testing.T) {
			ann, other := s.SignUp(t), s.SignUp(t)
			for _, replica := range replicas {
				ann.At(replica).For(t).Get(mePath).Want(200)
			}
			fault.before(t)
			ann.For(t).Post(logoutPath, `{}`).Want(204)
			for range 2 { // at once, and after what happens next
				for _, replica := range replicas {
					ann.At(replica).For(t).Get(mePath).WantProblem(401, "token_revoked")
					refresh(t, replica, ann.RefreshToken).WantProblem(401, "refresh_token_invalid")
					other.At(replica).For(t).Get(mePath).Want(200)
				}
				fault.after(t)
				fault.after = func(*testing.T) {}
			}
		})
	}
}

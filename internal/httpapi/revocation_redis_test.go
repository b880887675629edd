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

// faultOfRedis is what happens to a Redis before a logout, and after it; end makes
// it well again.
type faultOfRedis struct {
	name               string
	before, after, end func(t *testing.T)
}

// faultsOfRedis are its faults, one at a time.
func faultsOfRedis(t *testing.T, redis *redisserver.Server) []faultOfRedis {
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
	return []faultOfRedis{
		{"up", nothing, nothing, nothing},
		{"flushed", nothing, func(t *testing.T) { command(t, redis, "FLUSHALL") }, nothing},
		{"evicting", func(t *testing.T) {
			command(t, redis, "CONFIG SET maxmemory 3mb", "CONFIG SET maxmemory-policy allkeys-lru")
		}, func(t *testing.T) { command(t, redis, fill...) }, func(t *testing.T) { command(t, redis, "CONFIG SET maxmemory 0") }},
		{"back from an old snapshot", func(t *testing.T) { command(t, redis, "SAVE") }, func(t *testing.T) { redis.Kill(); restart(t) }, nothing},
		{"killed before", kill, restart, nothing},
		{"killed after", nothing, kill, restart},
	}
}

// Redis holds nothing that decides about a session, so nothing that happens to it
// brings one back. It fails in one way at a time.
func TestALogoutIsFinalWhateverHappensToRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	counted := func(s *server.Settings) {
		limited(100_000, 100_000, 100_000)(s)
		s.RedisURL, s.RedisWait = server.Secret(redis.URL()), 5*time.Second
	}
	s := testkit.StartShared(t, counted)
	replicas := []*testkit.Server{s, s.Replica(t, counted), s.Replica(t, counted)}
	for _, fault := range faultsOfRedis(t, redis) {
		t.Run(fault.name, func(t *testing.T) {
			ann, other := s.SignUp(t), s.SignUp(t)
			for _, replica := range replicas {
				ann.At(replica).WithT(t).Get(mePath).Want(200)
			}
			fault.before(t)
			ann.WithT(t).Post(logoutPath, `{}`).Want(204)
			for _, then := range []func(*testing.T){fault.after, fault.end} { // at once, and after what happens next
				for _, replica := range replicas {
					ann.At(replica).WithT(t).Get(mePath).WantProblem(401, "token_revoked")
					refresh(t, replica, ann.RefreshToken).WantProblem(401, "refresh_token_invalid")
					other.At(replica).WithT(t).Get(mePath).Want(200)
				}
				then(t)
			}
		})
	}
}

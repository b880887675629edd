package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// concurrentClients are many users that sign in, read and log out at several
// replicas.
type concurrentClients struct {
	t        *testing.T
	replicas []*testkit.Server
	users    atomic.Int64
	accepted atomic.Int64
	failures atomic.Int64
}

// fail reports the first failures only.
func (c *concurrentClients) fail(format string, args ...any) {
	if c.failures.Add(1) <= 20 {
		c.t.Errorf(format, args...)
	}
}

// forEachConcurrently calls do for all elements, eight at a time.
func forEachConcurrently[T any](all []T, do func(n int, one T)) {
	var running sync.WaitGroup
	next := make(chan int)
	for range 8 {
		running.Go(func() {
			for n := range next {
				do(n, all[n])
			}
		})
	}
	for n := range all {
		next <- n
	}
	close(next)
	running.Wait()
}

// signInCached signs in a new user whose session is then cached as live at all
// replicas. A user who signs in before a replica has reconnected to Redis
// stays uncached for minutes, so another one is tried.
func (c *concurrentClients) signInCached() (token string) {
	for range 20 {
		token = c.signIn()
		if !slices.ContainsFunc(c.replicas, func(s *testkit.Server) bool { return !awaitCached(s, mePath, token, 3*time.Second) }) {
			return token
		}
	}
	c.fail("no session was cached")
	return token
}

func (c *concurrentClients) signIn() string {
	email := fmt.Sprintf("client-%d@example.com", c.users.Add(1))
	raw, err := c.replicas[0].Issuer.IDToken(issuer.Claims{Email: email})
	if err != nil {
		c.fail("%v", err)
		return ""
	}
	signedIn, _ := serveWithBody(c.replicas[0], http.MethodPost, loginPath, "", fmt.Sprintf(`{"id_token":%q}`, raw))
	var g struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(signedIn.Body.Bytes(), &g); err != nil || g.AccessToken == "" {
		c.fail("a sign-in got %d: %s", signedIn.Code, signedIn.Body)
	}
	return g.AccessToken
}

// logout ends the session of a token at one of the replicas and checks all of
// them.
func (c *concurrentClients) logout(n int, token string) {
	if left, _ := serveWithBody(c.replicas[n%len(c.replicas)], http.MethodPost, logoutPath, token, "{}"); left.Code != http.StatusNoContent {
		c.fail("a logout got %d: %s", left.Code, left.Body)
		return
	}
	c.checkRevoked(token)
}

// checkRevoked counts the replicas that accept a revoked token.
func (c *concurrentClients) checkRevoked(token string) {
	for n, s := range c.replicas {
		answer, hit := serve(s, http.MethodGet, mePath, token)
		if answer.Code == http.StatusOK {
			c.accepted.Add(1)
		}
		if answer.Code != http.StatusUnauthorized {
			c.fail("a revoked token got %d at replica %d, from the cache: %t", answer.Code, n, hit)
		}
	}
}

// Each token was used at every replica, and its session was cached as live
// there. Once the logout is answered, no replica accepts the token, whatever
// happens to Redis next.
func TestLogout_RevokedTokenStaysRejectedDuringFailures(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	shared := func(s *server.Settings) {
		s.RedisURL, s.RedisTimeout, s.PoolOverflow = server.Secret(redis.URL()), 5*time.Second, 20
	}
	s := testkit.StartShared(t, shared)
	c := &concurrentClients{t: t, replicas: []*testkit.Server{s, s.Replica(t, shared), s.Replica(t, shared)}}
	wave, wanted, began := 20, testkit.Repetitions(120, 100_000), time.Now()
	if testkit.Long() {
		wave = 500
	}
	faults := redisFailures(t, redis)
	revoked, by := 0, map[string]int{}
	for n := 0; revoked < wanted && time.Since(began) < 15*time.Minute && !t.Failed(); n++ {
		fault := faults[n%len(faults)]
		tokens := make([]string, wave)
		forEachConcurrently(tokens, func(k int, _ string) { tokens[k] = c.signInCached() })
		fault.before(t)
		forEachConcurrently(tokens, c.logout)
		fault.after(t)
		forEachConcurrently(tokens, func(_ int, token string) { c.checkRevoked(token) })
		fault.recover(t)
		revoked += len(tokens)
		by[fault.name] += len(tokens)
		if testkit.Long() && n%20 == 19 {
			t.Logf("%4.0f s: %d tokens revoked, %d times accepted", time.Since(began).Seconds(), revoked, c.accepted.Load())
		}
	}
	t.Logf("%d tokens revoked in %.0f s, each tried 6 times: %d times accepted; while Redis was %v",
		revoked, time.Since(began).Seconds(), c.accepted.Load(), by)
	if revoked < wanted {
		t.Errorf("only %d tokens were revoked", revoked)
	}
}

// No state in Redis decides about a session, so no failure of Redis restores
// one.
func TestLogout_IsFinalDuringRedisFailures(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	counted := func(s *server.Settings) {
		withRateLimits(100_000, 100_000, 100_000)(s)
		s.RedisURL, s.RedisTimeout = server.Secret(redis.URL()), 5*time.Second
	}
	s := testkit.StartShared(t, counted)
	replicas := []*testkit.Server{s, s.Replica(t, counted), s.Replica(t, counted)}
	for _, fault := range redisFailures(t, redis) {
		t.Run(fault.name, func(t *testing.T) {
			ann, other := s.SignUp(t), s.SignUp(t)
			for _, replica := range replicas {
				ann.At(replica).WithT(t).Get(mePath).Want(200)
			}
			fault.before(t)
			ann.WithT(t).Post(logoutPath, `{}`).Want(204)
			for _, then := range []func(*testing.T){fault.after, fault.recover} { // immediately, and after the next failure
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

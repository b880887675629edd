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

// crowd is many who sign in, read and leave at several replicas.
type crowd struct {
	t        *testing.T
	replicas []*testkit.Server
	people   atomic.Int64
	accepted atomic.Int64
	mishaps  atomic.Int64
}

// wrong tells of the first few.
func (c *crowd) wrong(format string, args ...any) {
	if c.mishaps.Add(1) <= 20 {
		c.t.Errorf(format, args...)
	}
}

// each does something for all, some at a time.
func each[T any](all []T, do func(n int, one T)) {
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

// arrive signs in somebody new, whose session the gates of all replicas pass for
// live then. Who signs in before a replica has found Redis again has to be
// announced, and is asked about for minutes, so somebody else is tried.
func (c *crowd) arrive() (token string) {
	for range 20 {
		token = c.signIn()
		if !slices.ContainsFunc(c.replicas, func(s *testkit.Server) bool { return !keptBy(s, mePath, token, 3*time.Second) }) {
			return token
		}
	}
	c.wrong("nobody is answered by a gate")
	return token
}

func (c *crowd) signIn() string {
	email := fmt.Sprintf("crowd-%d@example.com", c.people.Add(1))
	raw, err := c.replicas[0].Issuer.IDToken(issuer.Claims{Email: email})
	if err != nil {
		c.wrong("%v", err)
		return ""
	}
	signedIn, _ := askWith(c.replicas[0], http.MethodPost, loginPath, "", fmt.Sprintf(`{"id_token":%q}`, raw))
	var g struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(signedIn.Body.Bytes(), &g); err != nil || g.AccessToken == "" {
		c.wrong("a sign-in is answered %d: %s", signedIn.Code, signedIn.Body)
	}
	return g.AccessToken
}

// leave ends the session of a token at one of the replicas, and tries it at all.
func (c *crowd) leave(n int, token string) {
	if left, _ := askWith(c.replicas[n%len(c.replicas)], http.MethodPost, logoutPath, token, "{}"); left.Code != http.StatusNoContent {
		c.wrong("a logout is answered %d: %s", left.Code, left.Body)
		return
	}
	c.try(token)
}

// try counts where a token is accepted that was revoked.
func (c *crowd) try(token string) {
	for n, s := range c.replicas {
		answer, byGate := ask(s, http.MethodGet, mePath, token)
		if answer.Code == http.StatusOK {
			c.accepted.Add(1)
		}
		if answer.Code != http.StatusUnauthorized {
			c.wrong("a revoked token is answered %d at replica %d, by its gate: %t", answer.Code, n, byGate)
		}
	}
}

// Each token was used a moment before at every replica, whose gates answered by
// themselves: its session passed for live there. Once the logout is answered it is
// accepted nowhere, also after what happens to Redis next.
func TestNoRevokedTokenIsAcceptedWhateverHappensToRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	shared := func(s *server.Settings) {
		s.RedisURL, s.RedisWait, s.PoolOverflow = server.Secret(redis.URL()), 5*time.Second, 20
	}
	s := testkit.StartShared(t, shared)
	c := &crowd{t: t, replicas: []*testkit.Server{s, s.Replica(t, shared), s.Replica(t, shared)}}
	wave, wanted, began := 20, testkit.Repetitions(120, 100_000), time.Now()
	if testkit.Long() {
		wave = 500
	}
	faults := faultsOfRedis(t, redis)
	revoked, by := 0, map[string]int{}
	for n := 0; revoked < wanted && time.Since(began) < 15*time.Minute && !t.Failed(); n++ {
		fault := faults[n%len(faults)]
		tokens := make([]string, wave)
		each(tokens, func(k int, _ string) { tokens[k] = c.arrive() })
		fault.before(t)
		each(tokens, c.leave)
		fault.after(t)
		each(tokens, func(_ int, token string) { c.try(token) })
		fault.end(t)
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

package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// revocation is an action that ends sessions or changes what they may do.
type revocation struct {
	// revoke performs the action, by an admin or by one of the user's
	// sessions, at any replica.
	revoke func(t *testing.T, x *cachedSessions)
	// revoked are the indexes of the sessions that the action ends.
	revoked []int
	// changed is what /users/me shows to the remaining sessions; empty if
	// nothing changed.
	changed string
}

// cachedSessions is a user with several sessions, each of them cached as live
// at all replicas.
type cachedSessions struct {
	replicas []*testkit.Server
	admin    *testkit.Client
	email    string
	sessions []*testkit.Client
}

// lastReplica is another replica than the first, where there are several.
func (x *cachedSessions) lastReplica() *testkit.Server { return x.replicas[len(x.replicas)-1] }

var revocations = map[string]revocation{
	"a logout": {func(t *testing.T, x *cachedSessions) {
		x.sessions[0].At(x.lastReplica()).WithT(t).Post(logoutPath, `{}`).Want(204)
	}, []int{0}, ""},
	"a logout by the refresh token alone": {func(t *testing.T, x *cachedSessions) {
		x.lastReplica().Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": x.sessions[0].RefreshToken}).Want(204)
	}, []int{0}, ""},
	"a logout of all sessions": {func(t *testing.T, x *cachedSessions) {
		x.sessions[2].At(x.lastReplica()).WithT(t).Post(logoutPath, `{"all_sessions": true}`).Want(204)
	}, []int{0, 1, 2}, ""},
	"the end of another session": {func(t *testing.T, x *cachedSessions) {
		x.sessions[2].At(x.lastReplica()).WithT(t).Delete("/api/v1/auth/sessions/" + x.sessions[0].Session).Want(204)
	}, []int{0}, ""},
	"reuse of a refresh token": {func(t *testing.T, x *cachedSessions) {
		reuseRefreshToken(t, x.lastReplica(), x.sessions[0].WithT(t))
	}, []int{0}, ""},
	"the 21st sign-in": {func(t *testing.T, x *cachedSessions) {
		for range 18 {
			x.lastReplica().SignIn(t, x.email)
		}
	}, []int{0}, ""},
	"a suspension": {func(t *testing.T, x *cachedSessions) {
		x.admin.At(x.lastReplica()).WithT(t).Patch(usersPath+"/"+x.sessions[0].User, `{"suspended": true}`).Want(200)
	}, []int{0, 1, 2}, ""},
	"the end of the account": {func(t *testing.T, x *cachedSessions) {
		x.sessions[1].At(x.lastReplica()).WithT(t).Delete(mePath).Want(204)
	}, []int{0, 1, 2}, ""},
	"another role": {func(t *testing.T, x *cachedSessions) {
		x.admin.At(x.lastReplica()).WithT(t).Patch(usersPath+"/"+x.sessions[0].User, `{"role": "auditor"}`).Want(200)
	}, nil, `"role":"auditor"`},
	"another name": {func(t *testing.T, x *cachedSessions) {
		x.sessions[1].At(x.lastReplica()).WithT(t).Patch(mePath, `{"name": "Another"}`).Want(200)
	}, nil, `"name":"Another"`},
}

// Each read is a cache hit at each replica before the action.
func TestCache_EveryRevocationInvalidates(t *testing.T) {
	t.Parallel()
	shared := testkit.StartShared(t, withAdmin)
	alone := testkit.Start(t, withAdmin)
	for name, replicas := range map[string][]*testkit.Server{
		"Redis":      {shared, shared.Replica(t, withAdmin), shared.Replica(t, withAdmin)},
		"in process": {alone},
	} {
		admin := replicas[0].SignIn(t, adminEmail)
		for what, e := range revocations {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				x := &cachedSessions{replicas: replicas, admin: admin, email: fmt.Sprintf("ending-%d@example.com", requestCount.Add(1))}
				for range 3 {
					x.sessions = append(x.sessions, x.replicas[0].SignIn(t, x.email))
				}
				fillCaches(t, replicas, mePath, x.sessions...)
				e.revoke(t, x)
				for range 2 { // the second time the remaining sessions are cached again
					e.check(t, x)
				}
			})
		}
	}
}

// check fails the test unless all replicas reject the revoked sessions and
// accept the others.
func (e revocation) check(t *testing.T, x *cachedSessions) {
	t.Helper()
	for n, c := range x.sessions {
		for k, s := range x.replicas {
			answer, hit := serve(s, http.MethodGet, mePath, c.Token)
			if dead := slices.Contains(e.revoked, n); dead && answer.Code != http.StatusUnauthorized || !dead && answer.Code != http.StatusOK {
				t.Errorf("session %d got %d at replica %d, from the cache: %t", n, answer.Code, k, hit)
			}
		}
	}
	for n, c := range x.sessions {
		if slices.Contains(e.revoked, n) {
			continue
		}
		for k, s := range x.replicas {
			if !awaitCached(s, mePath, c.Token, time.Minute) {
				t.Errorf("session %d is not live again at replica %d", n, k)
			}
			if answer, _ := serve(s, http.MethodGet, mePath, c.Token); e.changed != "" && !strings.Contains(answer.Body.String(), e.changed) {
				t.Errorf("replica %d shows %s, want %s", k, answer.Body, e.changed)
			}
		}
	}
}

// With a separate Redis for rate limits, the cache stays in the other one.
func TestLogout_IsFinalWithSeparateRateLimitRedis(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t, withRateLimits(100_000, 100_000, 100_000), func(s *server.Settings) { s.RateLimitURL = server.Secret(testkit.NewRedis(t)) })
	ann := s.SignUp(t)
	fillCaches(t, []*testkit.Server{s}, mePath, ann)
	ann.Post(logoutPath, `{}`).Want(204)
	ann.Get(mePath).WantProblem(401, "token_revoked")
}

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

// ending is something that ends sessions, or what they may.
type ending struct {
	// do is done by an admin, or by a person with several sessions at any replica.
	do func(t *testing.T, x *remembered)
	// dead are the numbers of the sessions that have ended then, of all.
	dead []int
	// changed is what /users/me shows then to the others, if it has changed.
	changed string
}

// remembered is a person whose sessions pass for live at the gates of all
// replicas, which answer by themselves.
type remembered struct {
	replicas []*testkit.Server
	admin    *testkit.Client
	email    string
	sessions []*testkit.Client
}

// anywhere is a replica, another than the first where there are more.
func (x *remembered) anywhere() *testkit.Server { return x.replicas[len(x.replicas)-1] }

var endings = map[string]ending{
	"a logout": {func(t *testing.T, x *remembered) {
		x.sessions[0].At(x.anywhere()).WithT(t).Post(logoutPath, `{}`).Want(204)
	}, []int{0}, ""},
	"a logout by the refresh token alone": {func(t *testing.T, x *remembered) {
		x.anywhere().Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": x.sessions[0].RefreshToken}).Want(204)
	}, []int{0}, ""},
	"a logout of all sessions": {func(t *testing.T, x *remembered) {
		x.sessions[2].At(x.anywhere()).WithT(t).Post(logoutPath, `{"all_sessions": true}`).Want(204)
	}, []int{0, 1, 2}, ""},
	"the end of another session": {func(t *testing.T, x *remembered) {
		x.sessions[2].At(x.anywhere()).WithT(t).Delete("/api/v1/auth/sessions/" + x.sessions[0].Session).Want(204)
	}, []int{0}, ""},
	"reuse of a refresh token": {func(t *testing.T, x *remembered) {
		refreshTwice(t, x.anywhere(), x.sessions[0].WithT(t))
	}, []int{0}, ""},
	"the 21st sign-in": {func(t *testing.T, x *remembered) {
		for range 18 {
			x.anywhere().SignIn(t, x.email)
		}
	}, []int{0}, ""},
	"a suspension": {func(t *testing.T, x *remembered) {
		x.admin.At(x.anywhere()).WithT(t).Patch(usersPath+"/"+x.sessions[0].User, `{"suspended": true}`).Want(200)
	}, []int{0, 1, 2}, ""},
	"the end of the account": {func(t *testing.T, x *remembered) {
		x.sessions[1].At(x.anywhere()).WithT(t).Delete(mePath).Want(204)
	}, []int{0, 1, 2}, ""},
	"another role": {func(t *testing.T, x *remembered) {
		x.admin.At(x.anywhere()).WithT(t).Patch(usersPath+"/"+x.sessions[0].User, `{"role": "auditor"}`).Want(200)
	}, nil, `"role":"auditor"`},
	"another name": {func(t *testing.T, x *remembered) {
		x.sessions[1].At(x.anywhere()).WithT(t).Patch(mePath, `{"name": "Another"}`).Want(200)
	}, nil, `"name":"Another"`},
}

// Each read was answered by the gate a moment before, at each replica.
func TestNothingThatEndsASessionIsMissedByAGate(t *testing.T) {
	t.Parallel()
	shared := testkit.StartShared(t, withAdmin)
	alone := testkit.Start(t, withAdmin)
	for name, replicas := range map[string][]*testkit.Server{
		"Redis":      {shared, shared.Replica(t, withAdmin), shared.Replica(t, withAdmin)},
		"in process": {alone},
	} {
		admin := replicas[0].SignIn(t, adminEmail)
		for what, e := range endings {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				x := &remembered{replicas: replicas, admin: admin, email: fmt.Sprintf("ending-%d@example.com", asked.Add(1))}
				for range 3 {
					x.sessions = append(x.sessions, x.replicas[0].SignIn(t, x.email))
				}
				warmAll(t, replicas, mePath, x.sessions...)
				e.do(t, x)
				for range 2 { // the second time the others pass for live again
					e.hold(t, x)
				}
			})
		}
	}
}

// hold fails the test unless all replicas know what has ended.
func (e ending) hold(t *testing.T, x *remembered) {
	t.Helper()
	for n, c := range x.sessions {
		for k, s := range x.replicas {
			answer, byGate := ask(s, http.MethodGet, mePath, c.Token)
			if dead := slices.Contains(e.dead, n); dead && answer.Code != http.StatusUnauthorized || !dead && answer.Code != http.StatusOK {
				t.Errorf("session %d is answered %d at replica %d, by its gate: %t", n, answer.Code, k, byGate)
			}
		}
	}
	for n, c := range x.sessions {
		if slices.Contains(e.dead, n) {
			continue
		}
		for k, s := range x.replicas {
			if !keptBy(s, mePath, c.Token, 20*time.Second) {
				t.Errorf("session %d is not live again at replica %d", n, k)
			}
			if answer, _ := ask(s, http.MethodGet, mePath, c.Token); e.changed != "" && !strings.Contains(answer.Body.String(), e.changed) {
				t.Errorf("replica %d shows %s, want %s", k, answer.Body, e.changed)
			}
		}
	}
}

// Where a Redis of its own counts, the other one keeps.
func TestALogoutIsFinalWhereAnotherRedisCounts(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t, limited(100_000, 100_000, 100_000), func(s *server.Settings) { s.RateLimitURL = server.Secret(testkit.NewRedis(t)) })
	ann := s.SignUp(t)
	warmAll(t, []*testkit.Server{s}, mePath, ann)
	ann.Post(logoutPath, `{}`).Want(204)
	ann.Get(mePath).WantProblem(401, "token_revoked")
}

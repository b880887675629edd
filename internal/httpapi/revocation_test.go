package httpapi_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestThe21stSignInEndsTheOldestSession(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	var callers []*testkit.Client
	for range 20 {
		callers = append(callers, withToken(t, s, signIn(t, s, issuer.Claims{Email: "eve@example.com"}).AccessToken))
	}
	other := s.SignUp(t)
	for n, c := range callers {
		if got := c.Get(projectsPath); got.Status != 200 {
			t.Errorf("session %d of 20 has ended: %s", n+1, got.Body)
		}
	}
	for n := range 3 {
		newest := signIn(t, s, issuer.Claims{Email: "eve@example.com"})
		callers = append(callers, withToken(t, s, newest.AccessToken))
		callers[n].Get(projectsPath).WantProblem(401, "token_revoked")
		for _, c := range callers[n+1:] {
			c.Get(projectsPath).Want(200)
		}
		if live := number(t, s, "SELECT count(*) FROM sessions WHERE user_id = $1 AND revoked_at IS NULL", newest.User.ID); live != 20 {
			t.Errorf("%d live sessions", live)
		}
	}
	other.Get(projectsPath).Want(200)
}

func TestADeadSessionIsToldWhateverElseIsWrong(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ways := map[string]string{
		"revoked":               "UPDATE sessions SET revoked_at = now() WHERE id = $1",
		"unused for too long":   "UPDATE sessions SET expires_at = now() - interval '1 second', created_at = now() - interval '2 days', last_used_at = now() - interval '1 day' WHERE id = $1",
		"at its greatest age":   "UPDATE sessions SET expires_at = now() - interval '1 second', ends_at = now() - interval '1 second', created_at = now() - interval '30 days' WHERE id = $1",
		"gone with its account": "DELETE FROM users WHERE id = (SELECT user_id FROM sessions WHERE id = $1)",
	}
	for way, statement := range ways {
		dead := s.SignUp(t)
		p := newProject(dead, "Invoices")
		newProject(dead, "Bills")
		token := list(dead, "page_size", "1").NextPageToken
		sql(t, s, statement, dead.Session)
		for name, r := range map[string]struct {
			method, path string
			body         any
			headers      []string
		}{
			"a good list":                    {"GET", projectsPath, nil, nil},
			"a good page":                    {"GET", projectsPath + query("page_size", "1", "page_token", token), nil, nil},
			"a good read":                    {"GET", p.path(), nil, nil},
			"a good HEAD":                    {"HEAD", p.path(), nil, nil},
			"a read of what one has":         {"GET", p.path(), nil, []string{"If-None-Match", "*"}},
			"a good create":                  {"POST", projectsPath, titled("x"), nil},
			"a good replace":                 {"PUT", p.path(), titled("x"), nil},
			"a good patch":                   {"PATCH", p.path(), titled("x"), nil},
			"a good delete":                  {"DELETE", p.path(), nil, nil},
			"a good restore":                 {"POST", p.path() + "/restore", nil, nil},
			"an old version":                 {"PATCH", p.path(), titled("x"), []string{"If-Match", `"9"`}},
			"an invalid body of a create":    {"POST", projectsPath, titled(""), nil},
			"an invalid body of a replace":   {"PUT", p.path(), `{"x": 1}`, nil},
			"an invalid body of a patch":     {"PATCH", p.path(), `{"title": 1}`, nil},
			"malformed JSON":                 {"POST", projectsPath, `{`, nil},
			"no body":                        {"PATCH", p.path(), ``, nil},
			"too large a body":               {"POST", projectsPath, padded(mebibyte + 1), nil},
			"a body that is text":            {"POST", projectsPath, `x`, []string{"Content-Type", "text/plain"}},
			"a body that is compressed":      {"PUT", p.path(), `x`, []string{"Content-Encoding", "gzip"}},
			"a malformed id":                 {"GET", projectsPath + "/x", nil, nil},
			"a malformed id of a replace":    {"PUT", projectsPath + "/x", titled("x"), nil},
			"a malformed id of a patch":      {"PATCH", projectsPath + "/x", titled("x"), nil},
			"a malformed id of a delete":     {"DELETE", projectsPath + "/x", nil, nil},
			"a malformed id of a restore":    {"POST", projectsPath + "/x/restore", nil, nil},
			"an id that is not there":        {"GET", projectsPath + "/" + dead.User, nil, nil},
			"an unknown parameter":           {"GET", projectsPath + "?x=1", nil, nil},
			"a parameter twice":              {"GET", projectsPath + "?page_size=1&page_size=1", nil, nil},
			"a parameter out of range":       {"GET", projectsPath + "?page_size=0", nil, nil},
			"an order that is none":          {"GET", projectsPath + "?order_by=x", nil, nil},
			"a page token that is none":      {"GET", projectsPath + "?page_token=x", nil, nil},
			"a page token that is too long":  {"GET", projectsPath + "?page_token=" + strings.Repeat("x", 3000), nil, nil},
			"a query that is not encoded":    {"GET", projectsPath + "?%zz", nil, nil},
			"a broken If-Match":              {"DELETE", p.path(), nil, []string{"If-Match", "1"}},
			"an empty If-Match":              {"DELETE", p.path(), nil, []string{"If-Match", " "}},
			"a broken If-Match and no fault": {"PUT", p.path(), titled("x"), []string{"If-Match", `"`}},
		} {
			t.Run("a session "+way+", with "+name, func(t *testing.T) {
				t.Parallel()
				answer := dead.WithT(t).Do(r.method, r.path, r.body, r.headers...).Want(401)
				if r.method == "HEAD" {
					return
				}
				answer.WantProblem(401, "token_revoked")
				if got := answer.Header.Get("WWW-Authenticate"); got != `Bearer realm="codegenapp", error="invalid_token"` {
					t.Errorf("WWW-Authenticate = %s", got)
				}
			})
		}
	}
}

func TestARevokedSessionIsDeadOnEveryReplicaAtOnce(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	other := s.Replica(t)
	first := signIn(t, s, issuer.Claims{Email: "eve@example.com"})
	second := withToken(t, s, signIn(t, s, issuer.Claims{Email: "eve@example.com"}).AccessToken)
	dead := withToken(t, s, first.AccessToken)
	for _, replica := range []*testkit.Server{s, other} {
		dead.At(replica).Get(projectsPath).Want(200)
	}
	second.Delete("/api/v1/auth/sessions/" + first.SessionID).Want(204)
	for _, replica := range []*testkit.Server{other, s} {
		dead.At(replica).Get(projectsPath).WantProblem(401, "token_revoked")
		dead.At(replica).Post(projectsPath, titled("x")).WantProblem(401, "token_revoked")
		second.At(replica).Get(projectsPath).Want(200)
	}
	if got := number(t, s, "SELECT count(*) FROM projects"); got != 0 {
		t.Errorf("a dead session made %d projects", got)
	}
}

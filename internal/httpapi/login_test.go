package httpapi_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

const loginPath = "/api/v1/auth/login"

func TestLogin_RespondsWithTokenPair(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	token := idToken(t, s, issuer.Claims{Email: "eve@example.com", Name: "Eve", Picture: "https://example.com/eve.png"})
	answer := s.Anonymous(t).Post(loginPath, map[string]any{"id_token": token}).Want(200)
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %s", got)
	}
	var g loginResponse
	answer.Decode(&g)
	if parts := strings.Split(g.AccessToken, "."); len(parts) != 3 {
		t.Errorf("access_token = %s", g.AccessToken)
	}
	if strings.Contains(g.RefreshToken, ".") || len(g.RefreshToken) < 43 || g.RefreshToken == g.AccessToken {
		t.Errorf("refresh_token = %s", g.RefreshToken)
	}
	if !sixDigits.MatchString(g.User.CreatedAt) || g.User.LastLoginAt != g.User.CreatedAt {
		t.Errorf("created_at = %s, last_login_at = %s", g.User.CreatedAt, g.User.LastLoginAt)
	}
	if g.User.PictureURL == nil || !strings.HasPrefix(*g.User.PictureURL, "https://") {
		t.Errorf("picture_url = %v", g.User.PictureURL)
	}
	want := g
	want.TokenType, want.ExpiresIn, want.RefreshExpiresIn = "Bearer", 3600, 86400
	want.User.Email, want.User.Name, want.User.Role = "eve@example.com", "Eve", "user"
	if diff := cmp.Diff(want, g); diff != "" {
		t.Errorf("token pair (-want +got):\n%s", diff)
	}
	for name, tc := range map[string]struct {
		of   map[string]any
		want []string
	}{
		"the pair": {answer.JSON(), []string{
			"access_token", "expires_in", "refresh_expires_in", "refresh_token", "session_id", "token_type", "user",
		}},
		"the user": {answer.JSON()["user"].(map[string]any), []string{
			"created_at", "email", "id", "last_login_at", "managed_by", "name", "picture_url", "role",
		}},
	} {
		if diff := cmp.Diff(tc.want, slices.Sorted(maps.Keys(tc.of))); diff != "" {
			t.Errorf("fields of %s (-want +got):\n%s", name, diff)
		}
	}
	withToken(t, s, g.AccessToken).Get(projectsPath).Want(200)
}

func TestLogin_IDTokenIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	other := s.Replica(t)
	token := idToken(t, s, issuer.Claims{Email: "eve@example.com"})
	body := map[string]any{"id_token": token}
	s.Anonymous(t).Post(loginPath, body).Want(200)
	s.Anonymous(t).Post(loginPath, body).WantProblem(401, "google_token_invalid")
	other.Anonymous(t).Post(loginPath, body).WantProblem(401, "google_token_invalid")
	if got := queryInt(t, s, "SELECT count(*) FROM sessions"); got != 1 {
		t.Errorf("%d sessions", got)
	}
}

func TestLogin_ConcurrentUsesOfOneTokenSucceedOnce(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replicas := []*testkit.Server{s, s.Replica(t)}
	body := map[string]any{"id_token": idToken(t, s, issuer.Claims{Email: "eve@example.com"})}
	answers := races.SendConcurrently(t, 12, func(n int) *testkit.Response { return replicas[n%2].Anonymous(t).WithRetry().Post(loginPath, body) })
	if diff := cmp.Diff(map[int]int{200: 1, 401: 11}, statuses(answers)); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	for _, a := range answers {
		if a.Status == 401 {
			a.WantProblem(401, "google_token_invalid")
		}
	}
	if got := queryInt(t, s, "SELECT count(*) FROM users"); got != 1 {
		t.Errorf("%d users", got)
	}
}

func TestLogin_ConcurrentFirstSignInsCreateOneUser(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replicas := []*testkit.Server{s, s.Replica(t)}
	for range 5 {
		tokens := make([]string, 2)
		for i := range tokens {
			tokens[i] = idToken(t, s, issuer.Claims{Email: "eve@example.com"})
		}
		answers := races.SendConcurrently(t, len(tokens), func(n int) *testkit.Response {
			return replicas[n%2].Anonymous(t).WithRetry().Post(loginPath, map[string]any{"id_token": tokens[n]})
		})
		seen := map[string]bool{}
		for _, a := range answers {
			var g loginResponse
			a.Want(200).Decode(&g)
			seen[g.User.ID] = true
			withToken(t, s, g.AccessToken).Get(projectsPath).Want(200)
		}
		if got := queryInt(t, s, "SELECT count(*) FROM users"); len(seen) != 1 || got != 1 {
			t.Errorf("the responses name %d users, %d are stored", len(seen), got)
		}
		execSQL(t, s, "DELETE FROM users")
	}
}

// statuses counts responses by status.
func statuses(answers []*testkit.Response) map[int]int {
	counted := map[int]int{}
	for _, a := range answers {
		counted[a.Status]++
	}
	return counted
}

func TestLogin_UserIsIdentifiedByIssuerAndSubject(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct {
		first, second issuer.Claims
		same          bool
	}{
		"a second sign-in": {
			issuer.Claims{Email: "a@example.com"}, issuer.Claims{Email: "a@example.com"}, true,
		},
		"another address": {
			issuer.Claims{Subject: "101", Email: "b@example.com"}, issuer.Claims{Subject: "101", Email: "new@example.com"}, true,
		},
		"another name": {
			issuer.Claims{Subject: "102", Email: "c@example.com"}, issuer.Claims{Subject: "102", Email: "c@example.com", Name: "C."}, true,
		},
		"the same address of another subject": {
			issuer.Claims{Subject: "103", Email: "d@example.com"}, issuer.Claims{Subject: "104", Email: "d@example.com"}, false,
		},
		"a subject in another case": {
			issuer.Claims{Subject: "abc", Email: "e@example.com"}, issuer.Claims{Subject: "ABC", Email: "e@example.com"}, false,
		},
		"a subject with a zero before it": {
			issuer.Claims{Subject: "105", Email: "f@example.com"}, issuer.Claims{Subject: "0105", Email: "f@example.com"}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := signIn(t, s, tc.first), signIn(t, s, tc.second)
			if same := first.User.ID == second.User.ID; same != tc.same {
				t.Errorf("users %s and %s", first.User.ID, second.User.ID)
			}
			if first.SessionID == second.SessionID || first.RefreshToken == second.RefreshToken || first.AccessToken == second.AccessToken {
				t.Error("two sign-ins share a session or a token")
			}
			if second.User.Email != tc.second.Email {
				t.Errorf("email = %s after signing in as %s", second.User.Email, tc.second.Email)
			}
			if tc.same && (second.User.CreatedAt != first.User.CreatedAt || second.User.LastLoginAt <= first.User.LastLoginAt) {
				t.Errorf("first %+v, then %+v", first.User, second.User)
			}
			if tc.same && second.User.Name != first.User.Name {
				t.Errorf("the name went from %q to %q", first.User.Name, second.User.Name)
			}
			made := newProject(withToken(t, s, first.AccessToken), "Invoices")
			want := 200
			if !tc.same {
				want = 404
			}
			withToken(t, s, second.AccessToken).Get(made.path()).Want(want)
		})
	}
}

func TestLogin_RejectedIDTokens(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	good := idToken(t, s, issuer.Claims{Email: "good@example.com"})
	for name, tc := range map[string]struct {
		body   map[string]any
		status int
		code   string
	}{
		"a word as token":           {map[string]any{"id_token": "x"}, 401, "google_token_invalid"},
		"a token without signature": {map[string]any{"id_token": good[:strings.LastIndex(good, ".")+1]}, 401, "google_token_invalid"},
		"a token and a line feed":   {map[string]any{"id_token": good + "\n"}, 401, "google_token_invalid"},
		"a token of another application": {
			map[string]any{"id_token": idToken(t, s, issuer.Claims{Audience: "another"})}, 401, "google_token_invalid",
		},
		"an expired token": {
			map[string]any{"id_token": idToken(t, s, issuer.Claims{Extra: map[string]any{"exp": 1}})}, 401, "google_token_invalid",
		},
		"a token of another nonce": {
			map[string]any{"id_token": idToken(t, s, issuer.Claims{Nonce: "one"}), "nonce": "two"}, 401, "google_token_invalid",
		},
		"a nonce that the token has not": {
			map[string]any{"id_token": idToken(t, s, issuer.Claims{}), "nonce": "two"}, 401, "google_token_invalid",
		},
		"an address that is not verified": {
			map[string]any{"id_token": idToken(t, s, issuer.Claims{Extra: map[string]any{"email_verified": false}})}, 403, "email_not_verified",
		},
		"an address that is verified in a string": {
			map[string]any{"id_token": idToken(t, s, issuer.Claims{Extra: map[string]any{"email_verified": "true"}})}, 403, "email_not_verified",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := s.Anonymous(t).Post(loginPath, tc.body)
			problem := answer.WantProblem(tc.status, tc.code)
			if challenge := answer.Header.Get("WWW-Authenticate"); (tc.status == 401) != strings.HasPrefix(challenge, "Bearer") {
				t.Errorf("WWW-Authenticate = %q", challenge)
			}
			if revealsInternals(problem.Detail) || strings.Contains(string(answer.Body), good[:20]) {
				t.Errorf("it has the detail %q", problem.Detail)
			}
		})
	}
	t.Run("a token with its nonce signs in", func(t *testing.T) {
		t.Parallel()
		token := idToken(t, s, issuer.Claims{Email: "nonce@example.com", Nonce: "one"})
		s.Anonymous(t).Post(loginPath, map[string]any{"id_token": token, "nonce": "one"}).Want(200)
	})
	t.Run("a suspended account", func(t *testing.T) {
		t.Parallel()
		g := signIn(t, s, issuer.Claims{Email: "suspended@example.com"})
		execSQL(t, s, "UPDATE users SET suspended_at = now() WHERE id = $1", g.User.ID)
		token := idToken(t, s, issuer.Claims{Email: "suspended@example.com"})
		s.Anonymous(t).Post(loginPath, map[string]any{"id_token": token}).WantProblem(403, "account_suspended")
	})
	t.Run("a bearer token is ignored", func(t *testing.T) {
		t.Parallel()
		token := idToken(t, s, issuer.Claims{Email: "bearer@example.com"})
		answer := s.Anonymous(t).Post(loginPath, map[string]any{"id_token": token}, "Authorization", "Bearer x").Want(200)
		if got := answer.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control = %s", got)
		}
	})
}

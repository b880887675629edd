package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// pkceChallenge is the challenge of pkceVerifier (RFC 7636, appendix B).
const pkceChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

// loopback is the redirect URI of a program on this machine.
const loopback = "http://127.0.0.1/callback"

// openPage requests an address with cookies as a browser does, without
// following redirects.
func openPage(t *testing.T, address string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Add(headers[n], headers[n+1])
	}
	res, err := noRedirects.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

var noRedirects = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// authorizationCode signs Ann in on the issuer's page, as her own front end
// does, and returns the code.
func authorizationCode(t *testing.T, s *testkit.Server, redirectURI string) string {
	t.Helper()
	res := openPage(t, s.Issuer.URL+"/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {testkit.ClientID}, "redirect_uri": {redirectURI}, "scope": {"openid email"},
		"code_challenge": {pkceChallenge}, "code_challenge_method": {"S256"}, "login_hint": {"ann@example.com"},
	}.Encode())
	back, err := res.Location()
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("the issuer responded %s to %v", res.Status, back)
	}
	return back.Query().Get("code")
}

func TestLogin_CodeIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	body := codeBody(authorizationCode(t, s, loopback), pkceVerifier, loopback)
	var g loginResponse
	s.Anonymous(t).Post(loginPath, body).Want(200).Decode(&g)
	if g.User.Email != "ann@example.com" || g.RefreshToken == "" {
		t.Errorf("got %+v", g)
	}
	withToken(t, s, g.AccessToken).Get(projectsPath).Want(200)
	s.Anonymous(t).Post(loginPath, body).WantProblem(401, "google_token_invalid")

	// Both flows identify the same user.
	if other := signIn(t, s, issuer.Claims{Email: "ann@example.com"}); other.User.ID != g.User.ID {
		t.Errorf("by an ID token she is %s, by a code %s", other.User.ID, g.User.ID)
	}
}

func TestLogin_CodeNeedsItsVerifierAndRedirectURI(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	wrong := map[string]string{
		"another verifier":     codeBody(authorizationCode(t, s, loopback), strings.Repeat("v", 43), loopback),
		"the challenge":        codeBody(authorizationCode(t, s, loopback), pkceChallenge, loopback),
		"another redirect URI": codeBody(authorizationCode(t, s, loopback), pkceVerifier, "http://127.0.0.1/another"),
		"another code":         codeBody("4/another", pkceVerifier, loopback),
		"an ID token":          codeBody(idToken(t, s, issuer.Claims{}), pkceVerifier, loopback),
	}
	for name, body := range wrong {
		t.Run(name, func(t *testing.T) {
			s.Anonymous(t).Post(loginPath, body).WantProblem(401, "google_token_invalid")
		})
	}
	if got := queryInt(t, s, "SELECT count(*) FROM users"); got != 0 {
		t.Errorf("%d users", got)
	}
	if got := queryInt(t, s, "SELECT count(*) FROM audit_events WHERE action = 'session.refused'"); got != len(wrong) {
		t.Errorf("the audit has %d rejections, want %d", got, len(wrong))
	}
}

func TestLogin_CodeOfForeignRedirectURIIsRejected(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.CORSOrigins = []string{"https://app.example.com"} })
	own := strings.TrimPrefix(s.URL, "http://")
	for redirectURI, allowed := range map[string]bool{
		s.URL + "/signed-in":                            true,
		"https://app.example.com/signed-in":             true,
		"https://app.example.com":                       true,
		"http://127.0.0.1:5173/callback":                true,
		"http://localhost:5173/":                        true,
		"http://[::1]:5173/callback":                    true,
		"postmessage":                                   true,
		"https://elsewhere.example.com/callback":        false, // registered at the client
		"http://app.example.com/signed-in":              false,
		"https://app.example.com:8443/signed-in":        false,
		"https://app.example.com.evil.example/":         false,
		"https://app.example.com@evil.example/":         false,
		"https://user@app.example.com/signed-in":        false,
		"https://" + own + "/signed-in":                 false,
		"https://127.0.0.1/callback":                    false,
		"http://127.0.0.1.evil.example/":                false,
		"http://localhost.evil.example/":                false,
		"/signed-in":                                    false,
		"//app.example.com/":                            false,
		"com.example.app:/callback":                     false,
		"javascript:alert(1)":                           false,
		"postmessage2":                                  false,
		"POSTMESSAGE":                                   false,
		`https://app.example.com\@evil.example/`:        false,
		"https://app.example.com/%5C%5Cevil.example":    false,
		"https://app.example.com/\u202eevil":            false,
		"https://app.example.com/ https://evil.example": false,
	} {
		t.Run(redirectURI, func(t *testing.T) {
			t.Parallel()
			answer := s.Anonymous(t).Post(loginPath, map[string]any{"code": "4/x", "code_verifier": pkceVerifier, "redirect_uri": redirectURI})
			if allowed { // then only the code is invalid
				answer.WantProblem(401, "google_token_invalid")
				return
			}
			if got := answer.WantProblem(422, "validation_failed").FieldErrors(); len(got) != 1 || got[0] != "/redirect_uri not_allowed" {
				t.Errorf("field errors %v", got)
			}
		})
	}
}

func TestLogin_UserStoreToken(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	storeToken := func(c issuer.Claims) string {
		raw, err := s.Issuer.UserStore.IDToken(c)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	raw := storeToken(issuer.Claims{})
	var g loginResponse
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": raw}).Want(200).Decode(&g)
	withToken(t, s, g.AccessToken).Get(projectsPath).Want(200)
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": raw}).WantProblem(401, "google_token_invalid")

	// Issuer and subject identify a user: a user of Google Sign-In with the
	// same subject and address is another one.
	if other := signIn(t, s, issuer.Claims{}); other.User.ID == g.User.ID || other.User.Email != g.User.Email {
		t.Errorf("%+v and %+v", other.User, g.User)
	}
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": storeToken(issuer.Claims{Omit: []string{"email"}})}).WantProblem(401, "google_token_invalid")
	s.Anonymous(t).Post(loginPath, map[string]any{
		"id_token": storeToken(issuer.Claims{Extra: map[string]any{"email_verified": false}}),
	}).WantProblem(403, "email_not_verified")

	without := s.Replica(t, func(s *server.Settings) { s.GoogleProject = "" })
	without.Anonymous(t).Post(loginPath, map[string]any{"id_token": storeToken(issuer.Claims{})}).WantProblem(401, "google_token_invalid")
}

func TestLogin_HostedDomainAppliesToEveryFlow(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.GoogleHostedDomains = []string{"corp.example.com"} })
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": idToken(t, s, issuer.Claims{HostedDomain: "corp.example.com"})}).Want(200)
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": idToken(t, s, issuer.Claims{})}).WantProblem(403, "domain_not_allowed")
	s.Anonymous(t).Post(loginPath, codeBody(authorizationCode(t, s, loopback), pkceVerifier, loopback)).WantProblem(403, "domain_not_allowed")
	raw, err := s.Issuer.UserStore.IDToken(issuer.Claims{Email: "ann@corp.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	s.Anonymous(t).Post(loginPath, map[string]any{"id_token": raw}).WantProblem(403, "domain_not_allowed")
	res := newBrowser(t, s).signIn("/docs", "ann@example.com")
	if got := res.Header.Get("Location"); got != "/docs?error=domain_not_allowed" {
		t.Errorf("the browser is sent to %s", got)
	}
}

func TestLogin_CodeWhileGoogleIsUnavailable(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	body := codeBody(authorizationCode(t, s, loopback), pkceVerifier, loopback)
	away := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	}
	s.Issuer.Wrap.Store(&away)
	for _, answer := range []*testkit.Response{s.Anonymous(t).Post(loginPath, body), s.Anonymous(t).Get(authorizePath)} {
		answer.WantProblem(503, "unavailable")
		if answer.Header.Get("Retry-After") == "" {
			t.Errorf("a 503 without Retry-After: %s", answer.Body)
		}
	}
}

// What is not configured is said with a status that clients do not repeat.
func TestLogin_WithoutAnOAuthClient(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.GoogleClientIDs = nil })
	away := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	}
	s.Issuer.Wrap.Store(&away) // the issuer is not queried
	rejected := s.Anonymous(t).Post(loginPath, codeBody("4/x", pkceVerifier, loopback)).WantProblem(422, "validation_failed")
	if got := rejected.FieldErrors(); len(got) != 1 || got[0] != "/code not_allowed" {
		t.Errorf("field errors %v", got)
	}
	s.Anonymous(t).Get(authorizePath).WantProblem(404, "route_not_found")
}

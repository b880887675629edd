package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// refreshCookie is the name of the cookie of the refresh token, which contains the port.
func refreshCookie(s *testkit.Server) string {
	return "refresh_token_" + s.URL[strings.LastIndex(s.URL, ":")+1:]
}

// signInWithCookie signs a user in with the refresh token in a cookie.
func signInWithCookie(t *testing.T, s *testkit.Server, email string, headers ...string) *browser {
	t.Helper()
	b := newBrowser(t, s)
	answer := s.Anonymous(t).Post(loginPath, map[string]any{"id_token": idToken(t, s, issuer.Claims{Email: email}), "cookie": true}, headers...).Want(200)
	b.storeCookies(answer.Header)
	if _, there := answer.JSON()["refresh_token"]; there || len(b.cookies) != 1 {
		t.Fatalf("the refresh token is in %s, the cookies are %v", answer.Body, b.cookies)
	}
	return b
}

func TestRefresh_TokenInCookie(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := signInWithCookie(t, s, "ann@example.com")
	want := http.Cookie{Name: refreshCookie(s), Path: "/", MaxAge: 86400, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if diff := cmp.Diff(want, cookieAttributes(b.cookies[refreshCookie(s)])); diff != "" {
		t.Errorf("cookie (-want +got):\n%s", diff)
	}

	first := b.cookies[refreshCookie(s)].Value
	var g loginResponse
	answer := b.post(refreshPath).Want(200).Decode(&g)
	if _, there := answer.JSON()["refresh_token"]; there || b.cookies[refreshCookie(s)].Value == first {
		t.Errorf("the token is not rotated: %s with %v", answer.Body, b.cookies)
	}
	if diff := cmp.Diff(want, cookieAttributes(b.cookies[refreshCookie(s)])); diff != "" {
		t.Errorf("cookie after a refresh (-want +got):\n%s", diff)
	}
	ann := withToken(t, s, g.AccessToken)
	ann.Get(projectsPath).Want(200)

	second := b.cookies[refreshCookie(s)].Value
	left := b.post(logoutPath).Want(204)
	want.MaxAge = -1
	if diff := cmp.Diff([]http.Cookie{want}, responseCookies(left)); diff != "" {
		t.Errorf("cookie after the logout (-want +got):\n%s", diff)
	}
	ann.Get(projectsPath).WantProblem(401, "token_revoked")
	s.Anonymous(t).Post(refreshPath, "{}", "Cookie", refreshCookie(s)+"="+second).WantProblem(401, "refresh_token_invalid")
}

func responseCookies(a *testkit.Response) []http.Cookie {
	var all []http.Cookie
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		all = append(all, cookieAttributes(c))
	}
	return all
}

func TestRefresh_TokenInBodyPrecedesCookie(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := signInWithCookie(t, s, "ann@example.com")
	ben := s.SignUp(t)
	var g loginResponse
	answer := s.Anonymous(t).Post(refreshPath, map[string]any{"refresh_token": ben.RefreshToken}, "Cookie", b.cookie(), "Origin", "https://evil.example").Want(200).Decode(&g)
	if g.SessionID != ben.Session || g.RefreshToken == "" || answer.Header.Get("Set-Cookie") != "" {
		t.Errorf("got %+v with %v", g, answer.Header)
	}
	// A logout by a token in the body ends the session of that token.
	s.Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": g.RefreshToken}, "Cookie", b.cookie()).Want(204)
	ben.Get(projectsPath).WantProblem(401, "token_revoked")
	b.post(refreshPath).Want(200)
}

func TestCSRF_CookieAuthenticatesOnlyRefreshAndLogout(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := signInWithCookie(t, s, "ann@example.com")
	for path, method := range map[string]string{
		projectsPath: "GET", "/api/v1/users/me": "DELETE", sessionsPath: "GET", "/api/v1/users/me/export": "GET", projectsPath + "?": "POST",
	} {
		s.Anonymous(t).Do(method, path, nil, "Cookie", b.cookie()).WantProblem(401, "token_missing")
		s.Anonymous(t).Do(method, path, nil, "Cookie", b.cookie(), "Sec-Fetch-Site", "same-origin", "Content-Type", "application/json").WantProblem(401, "token_missing")
	}
	s.Anonymous(t).Post(logoutPath, "{}", "Cookie", "access_token="+b.cookies[refreshCookie(s)].Value).WantProblem(401, "token_missing")
	for _, cookie := range []string{"", refreshCookie(s) + "=", "Refresh_Token=x", "refresh_token_1=" + b.cookies[refreshCookie(s)].Value, "__Host-refresh_token=" + b.cookies[refreshCookie(s)].Value} {
		s.Anonymous(t).Post(refreshPath, "{}", "Cookie", cookie).WantProblem(401, "refresh_token_invalid")
	}
	b.post(refreshPath).Want(200)
}

// crossSiteRequests are the headers of requests to refresh and logout with a
// cookie, as browsers and other clients send them.
var crossSiteRequests = map[string]struct {
	headers []string
	allowed bool
}{
	"neither header, so no browser":    {nil, true},
	"a page of the server":             {[]string{"Sec-Fetch-Site", "same-origin", "Origin", "SELF"}, true},
	"the address bar":                  {[]string{"Sec-Fetch-Site", "none"}, true},
	"an old browser at its own origin": {[]string{"Origin", "SELF"}, true},
	"a trusted site":                   {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example.com"}, true},
	"a trusted sibling host":           {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://app.example.com"}, true},
	"an old browser at a trusted site": {[]string{"Origin", "https://app.example.com"}, true},
	"JSON with a charset":              {[]string{"Content-Type", "application/json; charset=UTF-8"}, true},
	"JSON in capitals":                 {[]string{"Content-Type", "Application/JSON"}, true},

	"another site":                   {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false},
	"another site without a name":    {[]string{"Sec-Fetch-Site", "cross-site"}, false},
	"a sibling host":                 {[]string{"Sec-Fetch-Site", "same-site", "Origin", "https://other.example.com"}, false},
	"an old browser at another site": {[]string{"Origin", "https://evil.example"}, false},
	"a sandbox":                      {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, false},
	"an old browser in a sandbox":    {[]string{"Origin", "null"}, false},
	"a trusted name at the front":    {[]string{"Origin", "https://app.example.com.evil.example"}, false},
	"a trusted name as the user":     {[]string{"Origin", "https://app.example.com@evil.example"}, false},
	"a trusted name at a port":       {[]string{"Origin", "https://app.example.com:8443"}, false},
	"a trusted name over HTTP":       {[]string{"Origin", "http://app.example.com"}, false},
	"an unknown Sec-Fetch-Site":      {[]string{"Sec-Fetch-Site", "cousin", "Origin", "https://evil.example"}, false},

	"no content type":            {[]string{"Content-Type", ""}, false},
	"a form":                     {[]string{"Content-Type", "application/x-www-form-urlencoded"}, false},
	"a form with files":          {[]string{"Content-Type", "multipart/form-data; boundary=x"}, false},
	"text":                       {[]string{"Content-Type", "text/plain"}, false},
	"text with a JSON parameter": {[]string{"Content-Type", "text/plain; application/json"}, false},
	"a content type twice":       {[]string{"Content-Type", "text/plain, application/json"}, false},
}

func TestCSRF_CookieRequestsNeedAllowedOrigin(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.CORSOrigins = []string{"https://app.example.com"} })
	for name, tc := range crossSiteRequests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := append([]string(nil), tc.headers...)
			for n := range headers {
				headers[n] = strings.Replace(headers[n], "SELF", s.URL, 1)
			}
			for _, path := range []string{refreshPath, logoutPath} {
				b := signInWithCookie(t, s, strings.ReplaceAll(name, " ", "-")+"@example.com")
				answer := b.post(path, headers...)
				if tc.allowed {
					if answer.Status != 200 && answer.Status != 204 {
						t.Errorf("%s got %d: %s", path, answer.Status, answer.Body)
					}
					continue
				}
				answer.WantProblem(403, "csrf_rejected")
				if got := answer.Header.Get("Set-Cookie"); got != "" {
					t.Errorf("%s sets %s", path, got)
				}
				b.post(refreshPath).Want(200) // the session is unchanged
			}
			// A sign-in that sets the cookie follows the same rules.
			login := s.Anonymous(t).Post(loginPath, map[string]any{"id_token": idToken(t, s, issuer.Claims{}), "cookie": true}, headers...)
			switch {
			case tc.allowed:
				login.Want(200)
			case login.Status != 415: // the body is not read unless it is JSON
				login.WantProblem(403, "csrf_rejected")
			}
		})
	}
}

// A request without a body could come from a form.
func TestCSRF_LogoutWithoutBodyNeedsContentType(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := signInWithCookie(t, s, "ann@example.com")
	s.Anonymous(t).Post(logoutPath, nil, "Cookie", b.cookie()).WantProblem(403, "csrf_rejected")
	s.Anonymous(t).Post(refreshPath, nil, "Cookie", b.cookie()).WantProblem(403, "csrf_rejected")
	b.storeCookies(s.Anonymous(t).Post(refreshPath, nil, "Cookie", b.cookie(), "Content-Type", "application/json").Want(200).Header)
	s.Anonymous(t).Post(logoutPath, nil, "Cookie", b.cookie(), "Content-Type", "application/json").Want(204)
	b.post(refreshPath).WantProblem(401, "refresh_token_invalid")
}

// A browser never sends an access token on its own. So a request with one
// needs no allowed origin, and its cookie is ignored.
func TestCSRF_LogoutByAccessTokenNeedsNoOrigin(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := signInWithCookie(t, s, "ann@example.com")
	var g loginResponse
	b.post(refreshPath).Want(200).Decode(&g)
	evil := []string{"Cookie", b.cookie(), "Origin", "https://evil.example"}
	withToken(t, s, "expired.or.forged").Post(logoutPath, "{}", evil...).WantProblem(401, "token_invalid")
	b.post(refreshPath).Want(200).Decode(&g)
	ann := withToken(t, s, g.AccessToken)
	if left := responseCookies(ann.Post(logoutPath, "{}", "Cookie", b.cookie(), "Origin", "https://evil.example").Want(204)); len(left) != 1 || left[0].MaxAge != -1 {
		t.Errorf("the cookies are %v", left)
	}
	ann.Get(projectsPath).WantProblem(401, "token_revoked")

	// If the access token is not valid, the cookie is used.
	b = signInWithCookie(t, s, "ann@example.com")
	withToken(t, s, "expired.or.forged").Post(logoutPath, "{}", "Cookie", b.cookie()).Want(204)
	b.post(refreshPath).WantProblem(401, "refresh_token_invalid")
}

func TestLogout_ByCookieEndsAllSessions(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b, other := signInWithCookie(t, s, "ann@example.com"), s.SignIn(t, "ann@example.com")
	s.Anonymous(t).Post(logoutPath, map[string]any{"all_sessions": true}, "Cookie", b.cookie()).Want(204)
	other.Get(projectsPath).WantProblem(401, "token_revoked")
}

// Under HTTPS the names of cookies exclude those that another host has set.
func TestCSRF_CookiesUnderHTTPSHaveHostPrefix(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	server := httptest.NewTLSServer(s.Handler)
	t.Cleanup(server.Close)
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	call := func(method, path string, body any, cookie string) *http.Response {
		written, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, bytes.NewReader(written))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cookie", cookie)
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	one := func(res *http.Response, status int) *http.Cookie {
		t.Helper()
		if len(res.Cookies()) != 1 || res.StatusCode != status {
			t.Fatalf("%s with the cookies %v", res.Status, res.Cookies())
		}
		return res.Cookies()[0]
	}
	refreshed := one(call("POST", loginPath, map[string]any{"id_token": idToken(t, s, issuer.Claims{}), "cookie": true}, ""), 200)
	want := http.Cookie{Name: "__Host-refresh_token", Path: "/", MaxAge: 86400, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if diff := cmp.Diff(want, cookieAttributes(refreshed)); diff != "" {
		t.Errorf("cookie (-want +got):\n%s", diff)
	}
	if res := call("POST", refreshPath, map[string]any{}, "refresh_token="+refreshed.Value); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("a cookie without the prefix got %s", res.Status)
	}
	next := one(call("POST", refreshPath, map[string]any{}, "__Host-refresh_token="+refreshed.Value), 200)
	want.MaxAge = -1
	gone := one(call("POST", logoutPath, map[string]any{}, "__Host-refresh_token="+next.Value), 204)
	if diff := cmp.Diff(want, cookieAttributes(gone)); diff != "" {
		t.Errorf("cookie after the logout (-want +got):\n%s", diff)
	}

	begun := call("GET", authorizePath, nil, "")
	state := cookieAttributes(one(begun, 302))
	want = http.Cookie{Name: state.Name, Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if diff := cmp.Diff(want, state); diff != "" || !strings.HasPrefix(state.Name, "__Host-google_sign_in_") {
		t.Errorf("state cookie (-want +got):\n%s", diff)
	}
	page, err := begun.Location()
	if err != nil || page.Query().Get("redirect_uri") != server.URL+callbackPath {
		t.Errorf("the redirect URI is %v, %v", page, err)
	}
}

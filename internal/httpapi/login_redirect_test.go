package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestLogin_FailureRedirectsWithReason(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct {
		returnTo string
		answer   url.Values
		want     string
	}{
		"the user declines":          {"/docs", url.Values{"error": {"access_denied"}}, "/docs?error=access_denied"},
		"Google has failed":          {"/docs", url.Values{"error": {"server_error"}, "error_description": {"canary"}}, "/docs?error=unavailable"},
		"the client is unauthorized": {"/docs", url.Values{"error": {"unauthorized_client"}}, "/docs?error=unavailable"},
		"neither code nor error":     {"/docs", url.Values{}, "/docs?error=google_token_invalid"},
		"a code that is unknown":     {"/docs", url.Values{"code": {"4/canary"}}, "/docs?error=google_token_invalid"},
		"with parameters of Google":  {"/docs", url.Values{"code": {"4/x"}, "scope": {"a", "b"}, "authuser": {"0"}, "hd": {""}, "iss": {"x"}}, "/docs?error=google_token_invalid"},
		"a page with parameters":     {"/docs?tab=1&error=old#top", url.Values{"code": {"4/x"}}, "/docs?error=google_token_invalid&tab=1#top"},
		"a page with a fragment":     {"/#/home", url.Values{"code": {"4/x"}}, "/?error=google_token_invalid#/home"},
		"the origin alone":           {s.URL, url.Values{"code": {"4/x"}}, s.URL + "?error=google_token_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, s)
			tc.answer.Set("state", b.authorize(tc.returnTo).Query().Get("state"))
			answer := b.get(callbackPath + "?" + tc.answer.Encode()).Want(302)
			if got := answer.Header.Get("Location"); got != tc.want {
				t.Errorf("the browser is sent to %s, want %s", got, tc.want)
			}
			if len(b.cookies) != 0 {
				t.Errorf("the browser still has %v", b.cookies)
			}
		})
	}
	t.Run("a suspended account", func(t *testing.T) {
		t.Parallel()
		b := newBrowser(t, s)
		b.signIn("/docs", "ann@example.com")
		execSQL(t, s, "UPDATE users SET suspended_at = now()")
		if got := b.signIn("/docs", "ann@example.com").Header.Get("Location"); got != "/docs?error=account_suspended" {
			t.Errorf("the browser is sent to %s", got)
		}
	})
	t.Run("a parameter given twice", func(t *testing.T) {
		t.Parallel()
		s.Anonymous(t).Get(callbackPath+"?state=a&state=b").WantProblem(400, "invalid_parameter")
	})
}

func TestLogin_RedirectsOnlyToTrustedOrigins(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.CORSOrigins = []string{"https://app.example.com", "http://localhost:5173"} })
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	for _, good := range []string{
		"/", "/docs", "/docs?tab=1", "/#/home", "/a%20b", "/caf%C3%A9", "/a/../b", "/@ann", "/?next=https://example.com",
		s.URL, s.URL + "/docs", "https://app.example.com", "https://app.example.com/", "https://app.example.com/a?b#c", "http://localhost:5173/x",
	} {
		if got := newBrowser(t, s).signIn(good, "ann@example.com").Header.Get("Location"); got != good {
			t.Errorf("instead of %s the browser is sent to %s", good, got)
		}
	}
	for _, bad := range []string{
		"//evil.example", "///evil.example", "////evil.example", `/\evil.example`, `\\evil.example`, `\/evil.example`, `/\/evil.example`,
		"/%2fevil.example", "/%2Fevil.example", "%2f%2fevil.example", "/%5cevil.example", "/.//evil.example", "/x//evil.example", "/..//evil.example",
		"/\t/evil.example", "/\n/evil.example", "\t//evil.example", " //evil.example", "/%09/evil.example", "/%0d%0aSet-Cookie:x=1", "/\r\nSet-Cookie: x=1",
		"https:evil.example", "https:/evil.example", "https:///evil.example", "https://evil.example", "http:evil.example", "https:", "https://",
		"evil.example", "docs", "./docs", "../docs", "?x", "#x", ".evil.example", "@evil.example", ":443/evil",
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd", "blob:https://app.example.com/x",
		"https://app.example.com.evil.example/", "https://evil.example/https://app.example.com", "https://evil.example?https://app.example.com",
		"https://evil.example#https://app.example.com", "https://app.example.com@evil.example/", "https://app.example.com:x@evil.example/",
		"https://user@app.example.com/", "https://@app.example.com/", `https://app.example.com\@evil.example/`, `https://evil.example\@app.example.com/`,
		"https://app.example.com:8443/", "https://app.example.com:443/", "https://app.example.com./", "http://app.example.com/", "//app.example.com/",
		"https://app.example.com%2eevil.example/", "https://app.example.com%00.evil.example/", "https://app.exampIe.com/", "https://аpp.example.com/",
		"http://127.0.0.1/", "http://127.0.0.1:1/", "http://localhost" + port + "/", "http://localhost:5173.evil.example/", "http://user@127.0.0.1" + port + "/",
		"https://127.0.0.1" + port + "/", "http://127.0.0.1" + port + "@evil.example/", "http://[::1]" + port + "/", "/\u2028", "/\x00", "/\x7f",
		"https://app.example.com/\\evil", "*", "null",
	} {
		t.Run(bad, func(t *testing.T) {
			t.Parallel()
			answer := s.Anonymous(t).Get(authorizePath + encodeQuery("return_to", bad))
			answer.WantProblem(400, "invalid_parameter")
			if got := answer.Header.Get("Location") + answer.Header.Get("Set-Cookie"); got != "" {
				t.Errorf("it sets %s", got)
			}
		})
	}
	for what, path := range map[string]string{
		"nothing":            authorizePath + "?return_to=",
		"two addresses":      authorizePath + "?return_to=/&return_to=//evil.example",
		"a long one":         authorizePath + "?return_to=/" + strings.Repeat("a", 2000),
		"another parameter":  authorizePath + "?return_to=/&prompt=none",
		"another's spelling": authorizePath + "?Return_To=/",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s.Anonymous(t).Get(path).WantProblem(400, "invalid_parameter")
		})
	}
}

// Without return_to the browser is redirected to the root.
func TestLogin_RedirectsToRootByDefault(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newBrowser(t, s)
	page, err := url.Parse(b.get(authorizePath).Want(302).Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.get(b.chooseAccount(page, "ann@example.com")).Want(302).Header.Get("Location"); got != "/" {
		t.Errorf("the browser is sent to %s", got)
	}
}

func TestLogin_RedirectContainsNoToken(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.CORSOrigins = []string{"https://app.example.com"} })
	b := newBrowser(t, s)
	done := b.signIn("https://app.example.com/x", "ann@example.com")
	if got := done.Header.Get("Location"); got != "https://app.example.com/x" || len(done.Body) != 0 {
		t.Errorf("the browser is sent to %s with %q", got, done.Body)
	}
}

// A sign-in that fails before it can return leads to a page below the prefix.
func TestLogin_FailureBehindPrefixStaysBelowIt(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, public("https://app.example.test/backend"))
	failed := s.Anonymous(t).Get(callbackPath+"?state=unknown&code=4/x", "Accept", "text/html").Want(302)
	if got := failed.Header.Get("Location"); got != "/backend/problems/csrf_rejected" {
		t.Errorf("the browser is sent to %s", got)
	}
	begun := newBrowser(t, s)
	begun.get(authorizePath + encodeQuery("return_to", "/backend/p/x/12")).Want(302)
}

// Cookies ignore ports, so the servers of one machine get each other's.
func TestLogin_ServersOnOneHostDoNotEndEachOthersSessions(t *testing.T) {
	t.Parallel()
	one, two := testkit.Start(t), testkit.Start(t)
	jar := map[string]*http.Cookie{}
	first, second := newBrowser(t, one), newBrowser(t, two)
	first.cookies, second.cookies = jar, jar
	begun := first.authorize("/p/x/12")
	second.signIn("/", "ann@example.com")
	back := first.get(first.chooseAccount(begun, "ann@example.com")).Want(302)
	if got := back.Header.Get("Location"); got != "/p/x/12" {
		t.Errorf("the sign-in that began first leads to %s", got)
	}
	first.post(refreshPath).Want(200) // a token of the other server would be rejected
	second.post(refreshPath).Want(200)
	first.post(logoutPath).Want(204)
	first.post(refreshPath).WantProblem(401, "refresh_token_invalid")
	second.post(refreshPath).Want(200)
}

package httpapi_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	beginPath    = "/api/v1/auth/google"
	callbackPath = beginPath + "/callback"
)

// visitor is a browser that keeps cookies, and goes one step at a time.
type visitor struct {
	t       *testing.T
	server  *testkit.Server
	cookies map[string]*http.Cookie
}

func newVisitor(t *testing.T, s *testkit.Server) *visitor {
	t.Helper()
	return &visitor{t: t, server: s, cookies: map[string]*http.Cookie{}}
}

// cookie is the header that the browser sends.
func (b *visitor) cookie() string {
	var all []string
	for _, c := range b.cookies {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func (b *visitor) keep(header http.Header) {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
}

// open opens a page of the server, checked against the contract.
func (b *visitor) open(path string) *testkit.Response {
	b.t.Helper()
	answer := b.server.Anonymous(b.t).Get(path, "Cookie", b.cookie())
	b.keep(answer.Header)
	return answer
}

// post calls the server as a page of its own would.
func (b *visitor) post(path string, headers ...string) *testkit.Response {
	b.t.Helper()
	answer := b.server.Anonymous(b.t).Post(path, "{}", append([]string{"Cookie", b.cookie()}, headers...)...)
	b.keep(answer.Header)
	return answer
}

// begin goes as far as Google's page.
func (b *visitor) begin(returnTo string) *url.URL {
	b.t.Helper()
	page, err := url.Parse(b.open(beginPath + query("return_to", returnTo)).Want(302).Header.Get("Location"))
	if err != nil || !strings.HasPrefix(page.String(), b.server.Issuer.URL+"/authorize?") {
		b.t.Fatalf("the browser is sent to %v, %v", page, err)
	}
	return page
}

// choose signs in on Google's page, and returns the path to come back to.
func (b *visitor) choose(page *url.URL, email string) string {
	b.t.Helper()
	back, err := visit(b.t, page.String()+"&login_hint="+url.QueryEscape(email)).Location()
	if err != nil || !strings.HasPrefix(back.String(), b.server.URL+callbackPath+"?") {
		b.t.Fatalf("Google sends the browser to %v, %v", back, err)
	}
	return back.RequestURI()
}

// signIn goes all the way.
func (b *visitor) signIn(returnTo, email string) *testkit.Response {
	b.t.Helper()
	return b.open(b.choose(b.begin(returnTo), email)).Want(302)
}

func TestABrowserSignsIn(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newVisitor(t, s)
	page := b.begin("/docs?tab=1#top")
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(page.Query().Get(name)) < 26 {
			t.Errorf("%s is %q", name, page.Query().Get(name))
		}
	}
	attempt := b.cookies["google_sign_in"]
	want := http.Cookie{Name: "google_sign_in", Path: beginPath, MaxAge: 600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if diff := cmp.Diff(want, attributes(attempt)); diff != "" {
		t.Errorf("cookie of the attempt (-want +got):\n%s", diff)
	}
	done := b.open(b.choose(page, "ann@example.com")).Want(302)
	if got := done.Header.Get("Location"); got != "/docs?tab=1#top" {
		t.Errorf("the browser is sent to %s", got)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := done.Header.Get(name); got != want {
			t.Errorf("%s = %s", name, got)
		}
	}
	if b.cookies["google_sign_in"] != nil {
		t.Error("the attempt is kept")
	}
	want = http.Cookie{Name: "refresh_token", Path: "/", MaxAge: 86400, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if diff := cmp.Diff(want, attributes(b.cookies["refresh_token"])); diff != "" {
		t.Errorf("cookie of the refresh token (-want +got):\n%s", diff)
	}
	var g grant
	b.post(refreshPath).Want(200).Decode(&g)
	if g.User.Email != "ann@example.com" || g.RefreshToken != "" {
		t.Errorf("got %+v", g)
	}
	withToken(t, s, g.AccessToken).Get(projectsPath).Want(200)
}

// attributes are a cookie without its value.
func attributes(c *http.Cookie) http.Cookie {
	if c == nil {
		return http.Cookie{}
	}
	bare := *c
	bare.Value, bare.Raw, bare.Expires, bare.RawExpires = "", "", time.Time{}, ""
	return bare
}

func TestAnAnswerOfGoogleThatDoesNotBelongToTheBrowser(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	altered := func(sealed string, change func([]byte) []byte) string {
		raw, err := base64.RawURLEncoding.DecodeString(sealed)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(change(raw))
	}
	for name, change := range map[string]func(b *visitor, answer url.Values){
		"no cookie":        func(b *visitor, _ url.Values) { clear(b.cookies) },
		"an empty cookie":  func(b *visitor, _ url.Values) { b.cookies["google_sign_in"].Value = "" },
		"a cookie of text": func(b *visitor, _ url.Values) { b.cookies["google_sign_in"].Value = "x" },
		"another browser's cookie": func(b *visitor, _ url.Values) {
			other := newVisitor(b.t, b.server)
			other.begin("/docs")
			b.cookies = other.cookies
		},
		"a cookie of another server": func(b *visitor, _ url.Values) {
			other := newVisitor(b.t, b.server.Replica(b.t, func(s *server.Settings) { s.SecretKey = "another-secret-key-of-the-tests-of-32-bytes" }))
			other.begin("/docs")
			b.cookies = other.cookies
		},
		"an altered return address": func(b *visitor, _ url.Values) {
			c := b.cookies["google_sign_in"]
			c.Value = altered(c.Value, func(raw []byte) []byte { return []byte(strings.Replace(string(raw), "/docs", "//evil", 1)) })
		},
		"an altered seal": func(b *visitor, _ url.Values) {
			c := b.cookies["google_sign_in"]
			c.Value = altered(c.Value, func(raw []byte) []byte { raw[0] ^= 1; return raw })
		},
		"a seal alone": func(b *visitor, _ url.Values) {
			c := b.cookies["google_sign_in"]
			c.Value = altered(c.Value, func(raw []byte) []byte { return raw[:32] })
		},
		"no seal": func(b *visitor, _ url.Values) {
			c := b.cookies["google_sign_in"]
			c.Value = altered(c.Value, func(raw []byte) []byte { return raw[32:] })
		},
		"no state":          func(_ *visitor, answer url.Values) { answer.Del("state") },
		"another state":     func(_ *visitor, answer url.Values) { answer.Set("state", answer.Get("state")+"x") },
		"half a state":      func(_ *visitor, answer url.Values) { answer.Set("state", answer.Get("state")[:13]) },
		"an error and none": func(_ *visitor, answer url.Values) { answer.Del("state"); answer.Set("error", "access_denied") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newVisitor(t, s)
			back, err := url.Parse(b.choose(b.begin("/docs"), "ann@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			answer := back.Query()
			change(b, answer)
			refused := b.open(callbackPath + "?" + answer.Encode())
			refused.WantProblem(403, "csrf_rejected")
			if got := refused.Header.Values("Set-Cookie"); got != nil {
				t.Errorf("it sets %v", got)
			}
		})
	}
	if got := number(t, s, "SELECT count(*) FROM sessions"); got != 0 {
		t.Errorf("%d sessions", got)
	}
}

func TestAnAnswerOfGoogleCountsOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newVisitor(t, s)
	back := b.choose(b.begin("/docs"), "ann@example.com")
	kept := *b.cookies["google_sign_in"]
	b.open(back).Want(302)
	b.open(back).WantProblem(403, "csrf_rejected")

	// Somebody who has copied the cookie too gets no further.
	thief := newVisitor(t, s)
	thief.cookies[kept.Name] = &kept
	again := thief.open(back).Want(302)
	if got := again.Header.Get("Location"); got != "/docs?error=google_token_invalid" || thief.cookies["refresh_token"] != nil {
		t.Errorf("the thief is sent to %s with %v", got, thief.cookies)
	}
	if got := number(t, s, "SELECT count(*) FROM sessions"); got != 1 {
		t.Errorf("%d sessions", got)
	}
}

func TestASignInThatFailsGoesBackWithItsReason(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct {
		returnTo string
		answer   url.Values
		want     string
	}{
		"who declines":               {"/docs", url.Values{"error": {"access_denied"}}, "/docs?error=access_denied"},
		"Google has failed":          {"/docs", url.Values{"error": {"server_error"}, "error_description": {"canary"}}, "/docs?error=unavailable"},
		"our client is not liked":    {"/docs", url.Values{"error": {"unauthorized_client"}}, "/docs?error=unavailable"},
		"neither code nor error":     {"/docs", url.Values{}, "/docs?error=google_token_invalid"},
		"a code that is unknown":     {"/docs", url.Values{"code": {"4/canary"}}, "/docs?error=google_token_invalid"},
		"with parameters of Google":  {"/docs", url.Values{"code": {"4/x"}, "scope": {"a", "b"}, "authuser": {"0"}, "hd": {""}, "iss": {"x"}}, "/docs?error=google_token_invalid"},
		"a page with parameters":     {"/docs?tab=1&error=old#top", url.Values{"code": {"4/x"}}, "/docs?error=google_token_invalid&tab=1#top"},
		"a page with a fragment":     {"/#/home", url.Values{"code": {"4/x"}}, "/?error=google_token_invalid#/home"},
		"a page of the whole origin": {s.URL, url.Values{"code": {"4/x"}}, s.URL + "?error=google_token_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newVisitor(t, s)
			tc.answer.Set("state", b.begin(tc.returnTo).Query().Get("state"))
			answer := b.open(callbackPath + "?" + tc.answer.Encode()).Want(302)
			if got := answer.Header.Get("Location"); got != tc.want {
				t.Errorf("the browser is sent to %s, want %s", got, tc.want)
			}
			if len(b.cookies) != 0 {
				t.Errorf("it keeps %v", b.cookies)
			}
		})
	}
	t.Run("a suspended account", func(t *testing.T) {
		t.Parallel()
		b := newVisitor(t, s)
		b.signIn("/docs", "ann@example.com")
		sql(t, s, "UPDATE users SET suspended_at = now()")
		if got := b.signIn("/docs", "ann@example.com").Header.Get("Location"); got != "/docs?error=account_suspended" {
			t.Errorf("the browser is sent to %s", got)
		}
	})
	t.Run("a parameter given twice", func(t *testing.T) {
		t.Parallel()
		s.Anonymous(t).Get(callbackPath+"?state=a&state=b").WantProblem(400, "invalid_parameter")
	})
}

func TestABrowserIsSentToNobodyElse(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.CORSOrigins = []string{"https://app.example.com", "http://localhost:5173"} })
	port := s.URL[strings.LastIndexByte(s.URL, ':'):]
	for _, good := range []string{
		"/", "/docs", "/docs?tab=1", "/#/home", "/a%20b", "/caf%C3%A9", "/a/../b", "/@ann", "/?next=https://example.com",
		s.URL, s.URL + "/docs", "https://app.example.com", "https://app.example.com/", "https://app.example.com/a?b#c", "http://localhost:5173/x",
	} {
		if got := newVisitor(t, s).signIn(good, "ann@example.com").Header.Get("Location"); got != good {
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
			answer := s.Anonymous(t).Get(beginPath + query("return_to", bad))
			answer.WantProblem(400, "invalid_parameter")
			if got := answer.Header.Get("Location") + answer.Header.Get("Set-Cookie"); got != "" {
				t.Errorf("it sets %s", got)
			}
		})
	}
	for what, path := range map[string]string{
		"nothing":            beginPath + "?return_to=",
		"two addresses":      beginPath + "?return_to=/&return_to=//evil.example",
		"a long one":         beginPath + "?return_to=/" + strings.Repeat("a", 2000),
		"another parameter":  beginPath + "?return_to=/&prompt=none",
		"another's spelling": beginPath + "?Return_To=/",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s.Anonymous(t).Get(path).WantProblem(400, "invalid_parameter")
		})
	}
}

// Without an address the browser comes back to the root.
func TestABrowserComesBackToTheRoot(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newVisitor(t, s)
	page, err := url.Parse(b.open(beginPath).Want(302).Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if got := b.open(b.choose(page, "ann@example.com")).Want(302).Header.Get("Location"); got != "/" {
		t.Errorf("the browser is sent to %s", got)
	}
}

func TestNoTokenIsPartOfAnAddress(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, func(s *server.Settings) { s.CORSOrigins = []string{"https://app.example.com"} })
	b := newVisitor(t, s)
	done := b.signIn("https://app.example.com/x", "ann@example.com")
	if got := done.Header.Get("Location"); got != "https://app.example.com/x" || len(done.Body) != 0 {
		t.Errorf("the browser is sent to %s with %q", got, done.Body)
	}
}

// The page of the issuer that stands in for Google lists who can sign in; its
// links lead through the whole way.
func TestTheIssuersPageLeadsBack(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newVisitor(t, s)
	page := b.begin("/docs")
	res := visit(t, page.String())
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), "ann@example.com") || !strings.Contains(string(text), "login_hint=ann%40example.com") {
		t.Errorf("the page is %s, %v", text, err)
	}
}

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
	authorizePath = "/api/v1/auth/google"
	callbackPath  = authorizePath + "/callback"
)

// browser is a client that stores cookies and does not follow redirects.
type browser struct {
	t       *testing.T
	server  *testkit.Server
	cookies map[string]*http.Cookie
}

func newBrowser(t *testing.T, s *testkit.Server) *browser {
	t.Helper()
	return &browser{t: t, server: s, cookies: map[string]*http.Cookie{}}
}

// cookie is the Cookie header.
func (b *browser) cookie() string {
	var all []string
	for _, c := range b.cookies {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

func (b *browser) storeCookies(header http.Header) {
	for _, c := range (&http.Response{Header: header}).Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c
		}
	}
}

// signInCookie is the cookie of the browser's only sign-in; nil without one.
func (b *browser) signInCookie() *http.Cookie {
	for name, c := range b.cookies {
		if strings.HasPrefix(strings.TrimPrefix(name, "__Host-"), "google_sign_in_") {
			return c
		}
	}
	return nil
}

// get reads a page of the server and checks it against the contract.
func (b *browser) get(path string) *testkit.Response {
	b.t.Helper()
	answer := b.server.Anonymous(b.t).Get(path, "Cookie", b.cookie())
	b.storeCookies(answer.Header)
	return answer
}

// post sends a request as a page of the server would.
func (b *browser) post(path string, headers ...string) *testkit.Response {
	b.t.Helper()
	answer := b.server.Anonymous(b.t).Post(path, "{}", append([]string{"Cookie", b.cookie()}, headers...)...)
	b.storeCookies(answer.Header)
	return answer
}

// authorize follows the login to Google's page.
func (b *browser) authorize(returnTo string) *url.URL {
	b.t.Helper()
	page, err := url.Parse(b.get(authorizePath + encodeQuery("return_to", returnTo)).Want(302).Header.Get("Location"))
	if err != nil || !strings.HasPrefix(page.String(), b.server.Issuer.URL+"/authorize?") {
		b.t.Fatalf("the browser is sent to %v, %v", page, err)
	}
	return page
}

// chooseAccount signs in on Google's page and returns the callback path.
func (b *browser) chooseAccount(page *url.URL, email string) string {
	b.t.Helper()
	back, err := openPage(b.t, page.String()+"&login_hint="+url.QueryEscape(email)).Location()
	if err != nil || !strings.HasPrefix(back.String(), b.server.URL+callbackPath+"?") {
		b.t.Fatalf("Google sends the browser to %v, %v", back, err)
	}
	return back.RequestURI()
}

// signIn runs the whole login.
func (b *browser) signIn(returnTo, email string) *testkit.Response {
	b.t.Helper()
	return b.get(b.chooseAccount(b.authorize(returnTo), email)).Want(302)
}

func TestLogin_BrowserSignsIn(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newBrowser(t, s)
	page := b.authorize("/docs?tab=1#top")
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(page.Query().Get(name)) < 26 {
			t.Errorf("%s is %q", name, page.Query().Get(name))
		}
	}
	state := b.signInCookie()
	want := http.Cookie{Name: state.Name, Path: authorizePath, MaxAge: 600, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if diff := cmp.Diff(want, cookieAttributes(state)); diff != "" {
		t.Errorf("state cookie (-want +got):\n%s", diff)
	}
	done := b.get(b.chooseAccount(page, "ann@example.com")).Want(302)
	if got := done.Header.Get("Location"); got != "/docs?tab=1#top" {
		t.Errorf("the browser is sent to %s", got)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := done.Header.Get(name); got != want {
			t.Errorf("%s = %s", name, got)
		}
	}
	if c := b.signInCookie(); c == nil || c.Value == state.Value || c.MaxAge > 600 || c.Path != authorizePath {
		t.Errorf("the cookie of the complete sign-in is %v", c)
	}
	want = http.Cookie{Name: refreshCookie(s), Path: "/", MaxAge: 86400, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if diff := cmp.Diff(want, cookieAttributes(b.cookies[refreshCookie(s)])); diff != "" {
		t.Errorf("cookie of the refresh token (-want +got):\n%s", diff)
	}
	var g loginResponse
	b.post(refreshPath).Want(200).Decode(&g)
	if g.User.Email != "ann@example.com" || g.RefreshToken != "" {
		t.Errorf("got %+v", g)
	}
	withToken(t, s, g.AccessToken).Get(projectsPath).Want(200)
}

// cookieAttributes is a cookie without its value.
func cookieAttributes(c *http.Cookie) http.Cookie {
	if c == nil {
		return http.Cookie{}
	}
	bare := *c
	bare.Value, bare.Raw, bare.Expires, bare.RawExpires = "", "", time.Time{}, ""
	return bare
}

func TestCSRF_CallbackNeedsStateOfItsBrowser(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	altered := func(sealed string, change func([]byte) []byte) string {
		raw, err := base64.RawURLEncoding.DecodeString(sealed)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(change(raw))
	}
	for name, change := range map[string]func(b *browser, answer url.Values){
		"no cookie":        func(b *browser, _ url.Values) { clear(b.cookies) },
		"an empty cookie":  func(b *browser, _ url.Values) { b.signInCookie().Value = "" },
		"a cookie of text": func(b *browser, _ url.Values) { b.signInCookie().Value = "x" },
		"another browser's cookie": func(b *browser, _ url.Values) {
			other := newBrowser(b.t, b.server)
			other.authorize("/docs")
			b.cookies = other.cookies
		},
		"a cookie of another server": func(b *browser, _ url.Values) {
			other := newBrowser(b.t, b.server.Replica(b.t, func(s *server.Settings) { s.SecretKey = "another-secret-key-of-the-tests-of-32-bytes" }))
			other.authorize("/docs")
			b.cookies = other.cookies
		},
		"an altered return address": func(b *browser, _ url.Values) {
			c := b.signInCookie()
			c.Value = altered(c.Value, func(raw []byte) []byte { return []byte(strings.Replace(string(raw), "/docs", "//evil", 1)) })
		},
		"an altered seal": func(b *browser, _ url.Values) {
			c := b.signInCookie()
			c.Value = altered(c.Value, func(raw []byte) []byte { raw[0] ^= 1; return raw })
		},
		"a seal alone": func(b *browser, _ url.Values) {
			c := b.signInCookie()
			c.Value = altered(c.Value, func(raw []byte) []byte { return raw[:32] })
		},
		"no seal": func(b *browser, _ url.Values) {
			c := b.signInCookie()
			c.Value = altered(c.Value, func(raw []byte) []byte { return raw[32:] })
		},
		"no state":               func(_ *browser, answer url.Values) { answer.Del("state") },
		"another state":          func(_ *browser, answer url.Values) { answer.Set("state", answer.Get("state")+"x") },
		"half a state":           func(_ *browser, answer url.Values) { answer.Set("state", answer.Get("state")[:13]) },
		"an error without state": func(_ *browser, answer url.Values) { answer.Del("state"); answer.Set("error", "access_denied") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBrowser(t, s)
			back, err := url.Parse(b.chooseAccount(b.authorize("/docs"), "ann@example.com"))
			if err != nil {
				t.Fatal(err)
			}
			answer := back.Query()
			change(b, answer)
			rejected := b.get(callbackPath + "?" + answer.Encode())
			rejected.WantProblem(403, "csrf_rejected")
			if got := rejected.Header.Values("Set-Cookie"); got != nil {
				t.Errorf("it sets %v", got)
			}
		})
	}
	if got := queryInt(t, s, "SELECT count(*) FROM sessions"); got != 0 {
		t.Errorf("%d sessions", got)
	}
}

func TestLogin_CallbackIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newBrowser(t, s)
	back := b.chooseAccount(b.authorize("/docs"), "ann@example.com")
	copied := *b.signInCookie()
	b.get(back).Want(302)
	// A reload signs in no second time, and returns to where the sign-in began.
	for _, state := range []*http.Cookie{b.signInCookie(), &copied} {
		b.cookies[state.Name] = state
		reloaded := b.get(back).Want(302)
		if got := reloaded.Header.Get("Location"); got != "/docs" || strings.Contains(strings.Join(reloaded.Header.Values("Set-Cookie"), ""), "refresh_token") {
			t.Errorf("a reload is redirected to %s with %v", got, reloaded.Header)
		}
	}

	// A client that has copied the cookie cannot sign in.
	thief := newBrowser(t, s)
	thief.cookies[copied.Name] = &copied
	again := thief.get(back).Want(302)
	if got := again.Header.Get("Location"); got != "/docs?error=google_token_invalid" || thief.cookies[refreshCookie(s)] != nil {
		t.Errorf("the thief is redirected to %s with %v", got, thief.cookies)
	}
	if got := queryInt(t, s, "SELECT count(*) FROM sessions"); got != 1 {
		t.Errorf("%d sessions", got)
	}
}

// Each tab has its own sign-in. The number of them is bounded, and those that are over
// are removed.
func TestLogin_TabsSignInIndependently(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newBrowser(t, s)
	first, second := b.authorize("/docs?tab=1"), b.authorize("/docs?tab=2")
	for want, page := range map[string]*url.URL{"/docs?tab=1": first, "/docs?tab=2": second} {
		if got := b.get(b.chooseAccount(page, "ann@example.com")).Want(302).Header.Get("Location"); got != want {
			t.Errorf("the tab is redirected to %s, want %s", got, want)
		}
	}
	if n := len(b.cookies); n != 3 {
		t.Errorf("%d cookies after two sign-ins", n)
	}
	for range 10 {
		b.authorize("/docs")
	}
	if n := len(b.cookies); n != 1+4 {
		t.Errorf("%d cookies after ten more sign-ins were begun", n)
	}
	newest := b.chooseAccount(b.authorize("/docs?tab=13"), "ann@example.com")
	if got := b.get(newest).Want(302).Header.Get("Location"); got != "/docs?tab=13" {
		t.Errorf("the newest tab is redirected to %s", got)
	}
}

// A person sees a page with a way back, other clients the problem.
func TestLogin_BrowserGetsAPageForAFailedCallback(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	const accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	path := callbackPath + "?state=unknown&code=4/x"
	answer := s.Anonymous(t).Get(path, "Accept", accept).Want(302)
	if got := answer.Header.Get("Location"); got != "/problems/csrf_rejected" {
		t.Errorf("the browser is redirected to %s", got)
	}
	page := s.Anonymous(t).Get(answer.Header.Get("Location")).Want(200)
	if text := string(page.Body); !strings.Contains(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(text, "Start the sign-in again") {
		t.Errorf("the page is %s", text)
	}
	s.Anonymous(t).Get(path, "Accept", "application/json").WantProblem(403, "csrf_rejected")
	s.Anonymous(t).Get(path).WantProblem(403, "csrf_rejected")
}

// The page of the issuer that stands in for Google lists users. Its links lead
// through the whole login.
func TestLogin_IssuerPageLinksUsers(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	b := newBrowser(t, s)
	page := b.authorize("/docs")
	res := openPage(t, page.String())
	text, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(text), "ann@example.com") || !strings.Contains(string(text), "login_hint=ann%40example.com") {
		t.Errorf("the page is %s, %v", text, err)
	}
}

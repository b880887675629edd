package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// public is a server behind a proxy that gives it the path /backend.
func public(url string) func(*server.Settings) {
	return func(s *server.Settings) { s.PublicURL = url }
}

func behindProxy(s *server.Settings) { s.TrustedProxies = []string{"127.0.0.1", "::1"} }

func TestPublicURL_MakesLinksAndRedirects(t *testing.T) {
	t.Parallel()
	const origin, prefix = "https://app.example.test", "/backend"
	forwarded := []string{"X-Forwarded-Host", "app.example.test", "X-Forwarded-Proto", "https", "X-Forwarded-Prefix", prefix}
	evil := []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Prefix", "/evil"}
	for name, tc := range map[string]struct {
		s       *testkit.Server
		headers []string
	}{
		"setting":                   {testkit.Start(t, public(origin+prefix+"/")), nil},
		"setting, against a header": {testkit.Start(t, public(origin+prefix), behindProxy), evil},
		"headers of a proxy":        {testkit.Start(t, behindProxy), forwarded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			get := func(path string, headers ...string) *testkit.Response {
				return tc.s.Anonymous(t).Get(path, append(headers, tc.headers...)...)
			}
			began := get(authorizePath).Want(302)
			to, err := url.Parse(began.Header.Get("Location"))
			if err != nil || to.Query().Get("redirect_uri") != origin+prefix+callbackPath {
				t.Errorf("redirect_uri = %s, %v", to.Query().Get("redirect_uri"), err)
			}
			made := tc.s.SignUp(t).Post(projectsPath, withTitle("Invoices"), tc.headers...).Want(201)
			if at := made.Header.Get("Location"); at != prefix+projectsPath+"/"+projectOf(made).ID {
				t.Errorf("Location = %s", at)
			}
			for path, links := range map[string][]string{
				"/docs":                       {`src="/backend/docs/scalar.`, `data-contract="/backend/api/v1/openapi.json"`, `href="/backend/problems"`},
				"/problems":                   {`href="/backend/problems/internal"`, `href="/backend/docs/pages.`},
				"/problems/internal":          {`href="/backend/problems"`},
				"/":                           {`src="/backend/workspace/app.js?v=`, `href="/backend/workspace/app.css?v=`},
				"/nothing":                    {`href="/backend/docs"`},
				"/projects":                   {`href="/backend/api/v1/projects"`},
				"/api/v1/openapi.json":        {`"url": "/backend/api/v1"`},
				"/api/v1/openapi.yaml":        {`url: /backend/api/v1`},
				"/api/v1/projects/?as=a-hint": {`Did you mean /backend/api/v1/projects?`},
			} {
				accept := "text/html"
				if strings.Contains(path, "hint") {
					accept = "*/*"
				}
				body := string(get(path, "Accept", accept).Body)
				for _, link := range links {
					if !strings.Contains(body, link) {
						t.Errorf("%s does not contain %s", path, link)
					}
				}
				if strings.Contains(body, "evil") {
					t.Errorf("%s contains what a header said: %s", path, body)
				}
			}
			if at := get("/docs/").Want(308).Header.Get("Location"); at != prefix+"/docs" {
				t.Errorf("/docs/ is redirected to %s", at)
			}
		})
	}
}

// The origin of a page of the server is the public one. The Host header, which a proxy
// may have changed, plays no role.
func TestPublicURL_IsTheOwnOrigin(t *testing.T) {
	t.Parallel()
	const origin = "http://app.example.test"
	for name, tc := range map[string]struct {
		s       *testkit.Server
		headers []string
	}{
		"setting":            {testkit.Start(t, public(origin)), nil},
		"headers of a proxy": {testkit.Start(t, behindProxy), []string{"X-Forwarded-Host", "app.example.test"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := signInWithCookie(t, tc.s, "ann@example.com", tc.headers...)
			b.post(refreshPath, append([]string{"Origin", tc.s.URL}, tc.headers...)...).WantProblem(403, "csrf_rejected")
			b.post(refreshPath, append([]string{"Origin", "http://evil.example"}, tc.headers...)...).WantProblem(403, "csrf_rejected")
			b.post(refreshPath, append([]string{"Origin", origin}, tc.headers...)...).Want(200)
			get := func(returnTo string) *testkit.Response {
				return tc.s.Anonymous(t).Get(authorizePath+encodeQuery("return_to", returnTo), tc.headers...)
			}
			get(origin + "/docs").Want(302)
			if got := get(tc.s.URL+"/docs").WantProblem(400, "invalid_parameter"); !strings.Contains(got.Detail, "CORS_ORIGINS") {
				t.Errorf("the detail does not name the setting: %s", got.Detail)
			}
		})
	}
	t.Run("an untrusted peer", func(t *testing.T) {
		t.Parallel()
		s := testkit.Start(t)
		b := signInWithCookie(t, s, "ann@example.com")
		b.post(refreshPath, "Origin", origin, "X-Forwarded-Host", "app.example.test").WantProblem(403, "csrf_rejected")
		b.post(refreshPath, "Origin", s.URL, "X-Forwarded-Host", "app.example.test").Want(200)
	})
}

func TestCSRF_AppShellsUseTheCookie(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withOrigins("capacitor://localhost", "app://-", "http://localhost:*"))
	b := signInWithCookie(t, s, "ann@example.com")
	for _, origin := range []string{"capacitor://localhost", "app://-", "http://localhost:5173"} {
		b.post(refreshPath, "Origin", origin, "Sec-Fetch-Site", "cross-site").Want(200)
	}
	for _, origin := range []string{"capacitor://evil", "app://x", "http://localhost:5173.evil.example", "*"} {
		b.post(refreshPath, "Origin", origin, "Sec-Fetch-Site", "cross-site").WantProblem(403, "csrf_rejected")
	}
	s.Anonymous(t).Get(authorizePath + encodeQuery("return_to", "capacitor://localhost/home")).Want(302)
	s.Anonymous(t).Get(authorizePath+encodeQuery("return_to", "javascript://localhost/%0aalert(1)")).WantProblem(400, "invalid_parameter")
}

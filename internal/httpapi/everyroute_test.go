package httpapi_test

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// asInProduction is a server behind a proxy, with pages of a front end.
func asInProduction(s *server.Settings) {
	required := true
	s.RequireHTTPS, s.TrustedProxies, s.CORSOrigins = &required, []string{"127.0.0.1"}, []string{appOrigin}
}

// asker asks one route in every way, through a proxy and from a page.
type asker struct {
	t            *testing.T
	server       *testkit.Server
	owner        *testkit.Client
	method, path string
	body         any
}

// answered fails the test unless an answer has the status (200 stands for any
// success), what every answer has, and what those to an allowed page have.
func (v asker) answered(what string, status int, by *testkit.Client, method, path, proto string, headers ...string) {
	v.t.Helper()
	headers = append([]string{"X-Forwarded-Proto", proto, "Origin", appOrigin, "X-Request-Id", "the-same"}, headers...)
	a := by.At(v.server).Do(method, path, v.body, headers...)
	if a.Status != status && (status != 200 || a.Status > 299) {
		v.t.Errorf("%s: %s %s is answered %d %s, want %d", what, method, path, a.Status, a.Body, status)
	}
	want, got := maps.Clone(everywhere), chosen(a.Header)
	if proto == "https" {
		want["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	if policy := got["Content-Security-Policy"]; strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors 'none'") {
			v.t.Errorf("%s: %s has the policy %s", what, path, policy)
		}
		got["Content-Security-Policy"] = want["Content-Security-Policy"] // a page's own
	}
	if diff := cmp.Diff(want, got); diff != "" {
		v.t.Errorf("%s: headers of %s %s, %d (-want +got):\n%s", what, method, path, a.Status, diff)
	}
	if a.Header.Get("X-Request-Id") != "the-same" || a.Header.Get("Access-Control-Allow-Origin") != appOrigin {
		v.t.Errorf("%s: %s %s, %d, has the headers %v", what, method, path, a.Status, a.Header)
	}
}

// visit ends with the success, which may end the session.
func (v asker) visit(success int, signed bool) {
	v.t.Helper()
	anybody := v.server.Anonymous(v.t)
	if signed {
		v.answered("no token", 401, anybody, v.method, v.path, "https")
	}
	v.answered("plain HTTP", 403, v.owner, v.method, v.path, "http")
	v.answered("an unknown path", 404, v.owner, v.method, v.path+"/no/thing", "https")
	v.answered("another method", 405, v.owner, "PROPFIND", v.path, "https")
	v.answered("large headers", 431, v.owner, v.method, v.path, "https", "X-Large", strings.Repeat("a", 66_000))
	v.answered("options", 204, v.owner, "OPTIONS", v.path, "https")
	v.answered("a preflight", 204, anybody, "OPTIONS", v.path, "https", "Access-Control-Request-Method", v.method)
	v.answered("success", success, v.owner, v.method, v.path, "https")
}

// opening has the bodies with which the open operations succeed, which the
// matrix only refuses.
var opening = map[string]func(*testing.T, *testkit.Server) any{
	"POST /auth/login": func(t *testing.T, s *testkit.Server) any {
		return map[string]any{"id_token": idToken(t, s, issuer.Claims{})}
	},
	"POST /auth/refresh": func(t *testing.T, s *testkit.Server) any {
		return map[string]any{"refresh_token": s.SignUp(t).RefreshToken}
	},
}

func TestEveryAnswerOfEveryRouteIsSafe(t *testing.T) {
	t.Parallel()
	x := newCast(t)
	// The first server, which remembers answers, is only asked for what it makes.
	server := testkit.StartOn(t, x.s.Database, x.s.Issuer, x.keys, asInProduction)
	for _, route := range allRoutes(t) {
		c := matrix[route] // a test of the matrix holds it complete
		owner, own := acquire(t, x.s)
		if c.permission != "" {
			owner = x.somebody("admin")
		}
		method, path, _ := strings.Cut(route, " ")
		if !outside.MatchString(route) {
			path = "/api/v1" + path
		}
		id := own.live[c.names]
		if c.names == "" {
			id = "nothing" // of a page
		}
		v := asker{t: t, server: server, owner: owner, method: method, path: idInPath.ReplaceAllString(path, id)}
		if c.body != "" {
			v.body = strings.Replace(c.body, "{item}", own.live["item"], 1)
		}
		success := max(200, c.always)
		if body := opening[route]; body != nil {
			v.body, success = body(t, x.s), 200
		}
		v.visit(success, c.always == 0 && !strings.HasSuffix(route, "/logout"))
	}
}

var (
	idInPath  = regexp.MustCompile(`\{\w+\}`)
	assetForm = regexp.MustCompile(`/docs/[^"']+`)
)

func TestEveryPageIsSafe(t *testing.T) {
	t.Parallel()
	server := testkit.Start(t, asInProduction)
	anybody := server.Anonymous(t)
	reference := anybody.Get("/docs", "X-Forwarded-Proto", "https").Want(200)
	assets := assetForm.FindAllString(string(reference.Body), -1)
	if len(assets) < 2 {
		t.Errorf("the reference has no assets: %s", reference.Body)
	}
	for _, path := range append(assets, "/problems/internal", "/problems/headers_too_large") {
		asker{t: t, server: server, owner: anybody, method: "GET", path: path}.visit(200, false)
	}
}

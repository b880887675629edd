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

// withProductionSettings is a server behind a proxy, with an allowed origin.
func withProductionSettings(s *server.Settings) {
	required := true
	s.RequireHTTPS, s.TrustedProxies, s.CORSOrigins = &required, []string{"127.0.0.1"}, []string{appOrigin}
}

// routeRequests sends every kind of request to one route, through a proxy and
// from a page.
type routeRequests struct {
	t            *testing.T
	server       *testkit.Server
	owner        *testkit.Client
	method, path string
	body         any
}

// check fails the test unless the response has the status (200 stands for any
// success), the headers of every response, and those for an allowed origin.
func (v routeRequests) check(what string, status int, by *testkit.Client, method, path, proto string, headers ...string) {
	v.t.Helper()
	headers = append([]string{"X-Forwarded-Proto", proto, "Origin", appOrigin, "X-Request-Id", "the-same"}, headers...)
	a := by.At(v.server).Do(method, path, v.body, headers...)
	if a.Status != status && (status != 200 || a.Status > 299) {
		v.t.Errorf("%s: %s %s got %d %s, want %d", what, method, path, a.Status, a.Body, status)
	}
	want, got := maps.Clone(commonHeaders), selectCommonHeaders(a.Header)
	if proto == "https" {
		want["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	if policy := got["Content-Security-Policy"]; strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors 'none'") {
			v.t.Errorf("%s: %s has the policy %s", what, path, policy)
		}
		got["Content-Security-Policy"] = want["Content-Security-Policy"] // pages have their own policy
	}
	if diff := cmp.Diff(want, got); diff != "" {
		v.t.Errorf("%s: headers of %s %s, %d (-want +got):\n%s", what, method, path, a.Status, diff)
	}
	if a.Header.Get("X-Request-Id") != "the-same" || a.Header.Get("Access-Control-Allow-Origin") != appOrigin {
		v.t.Errorf("%s: %s %s, %d, has the headers %v", what, method, path, a.Status, a.Header)
	}
}

// sendAll sends the successful request last, as it may end the session.
func (v routeRequests) sendAll(success int, signed bool) {
	v.t.Helper()
	anybody := v.server.Anonymous(v.t)
	path, _, _ := strings.Cut(v.path, "?")
	if signed {
		v.check("no token", 401, anybody, v.method, v.path, "https")
	}
	v.check("plain HTTP", 403, v.owner, v.method, v.path, "http")
	v.check("an unknown path", 404, v.owner, v.method, path+"/no/thing", "https")
	v.check("another method", 405, v.owner, "PROPFIND", v.path, "https")
	v.check("large headers", 431, v.owner, v.method, v.path, "https", "X-Large", strings.Repeat("a", 66_000))
	v.check("options", 204, v.owner, "OPTIONS", v.path, "https")
	v.check("a preflight", 204, anybody, "OPTIONS", v.path, "https", "Access-Control-Request-Method", v.method)
	v.check("success", success, v.owner, v.method, v.path, "https")
}

// openRouteBodies are valid bodies of the open operations. routeCases only has
// invalid ones.
var openRouteBodies = map[string]func(*testing.T, *testkit.Server) any{
	"POST /auth/login": func(t *testing.T, s *testkit.Server) any {
		return map[string]any{"id_token": idToken(t, s, issuer.Claims{})}
	},
	"POST /auth/refresh": func(t *testing.T, s *testkit.Server) any {
		return map[string]any{"refresh_token": s.SignUp(t).RefreshToken}
	},
}

func TestHeaders_EveryRouteHasSecurityHeaders(t *testing.T) {
	t.Parallel()
	x := newCallerFixture(t)
	// The first server has a cache. It only creates resources here.
	server := testkit.StartOn(t, x.s.Database, x.s.Issuer, x.keys, withProductionSettings)
	for _, route := range allRoutes(t) {
		c := routeCases[route] // TestIsolation_EveryCallerAtEveryRoute checks that it is complete
		owner, own := newOwner(t, x.s)
		if c.part != "" {
			own.addMember(t, x.s, owner)
		}
		if c.permission != "" {
			owner = x.newCaller("admin")
		}
		method, path, _ := strings.Cut(route, " ")
		if !outsidePrefix.MatchString(route) {
			path = "/api/v1" + path
		}
		id := own.live[c.names]
		if c.names == "" {
			id = "nothing" // for pages
		}
		v := routeRequests{t: t, server: server, owner: owner, method: method, path: x.fill(path, id, c, own) + c.query, body: c.bodyWith(own.live)}
		success := max(200, c.anyCaller)
		if body := openRouteBodies[route]; body != nil {
			v.body, success = body(t, x.s), 200
		}
		v.sendAll(success, c.anyCaller == 0 && !strings.HasSuffix(route, "/logout"))
	}
}

var (
	// The id of a bot's token in these tests is that of both, with the path between them.
	pathParameter = regexp.MustCompile(`\{id\}/tokens/\{token_id\}|\{\w+\}`)
	assetForm     = regexp.MustCompile(`/docs/[^"']+`)
)

func TestHeaders_EveryPageHasSecurityHeaders(t *testing.T) {
	t.Parallel()
	server := testkit.Start(t, withProductionSettings)
	anybody := server.Anonymous(t)
	reference := anybody.Get("/docs", "X-Forwarded-Proto", "https").Want(200)
	assets := assetForm.FindAllString(string(reference.Body), -1)
	if len(assets) < 2 {
		t.Errorf("the reference has no assets: %s", reference.Body)
	}
	for _, path := range append(assets, "/problems/internal", "/problems/headers_too_large") {
		routeRequests{t: t, server: server, owner: anybody, method: "GET", path: path}.sendAll(200, false)
	}
}

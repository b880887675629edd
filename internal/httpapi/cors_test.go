package httpapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	appOrigin   = "https://app.example.com"
	otherOrigin = "https://evil.example.net"
)

func withOrigins(origins ...string) func(*server.Settings) {
	return func(s *server.Settings) { s.CORSOrigins = origins }
}

// browserPage is a script of a page in a browser. It reads what a browser lets
// it read, by the Fetch standard.
type browserPage struct {
	origin      string
	credentials bool // fetch(…, {credentials: "include"})
}

// fetchResult is what a script reads. If blocked is set, the script reads
// nothing.
type fetchResult struct {
	blocked string
	status  int
	headers []string
	body    string
	sent    bool // whether the request itself was sent
}

// fetch is the script's fetch call. Headers are pairs of name and value.
func (p browserPage) fetch(c *testkit.Client, method, path string, body any, headers ...string) fetchResult {
	if body != nil {
		headers = append(headers, "Content-Type", "application/json")
	}
	if unsafe := unsafeHeaders(headers); len(unsafe) > 0 || !slices.Contains([]string{"GET", "HEAD", "POST"}, method) {
		ask := []string{"Origin", p.origin, "Access-Control-Request-Method", method}
		if len(unsafe) > 0 {
			ask = append(ask, "Access-Control-Request-Headers", strings.Join(unsafe, ","))
		}
		if why := p.preflightError(c.Do("OPTIONS", path, nil, ask...), method, unsafe); why != "" {
			return fetchResult{blocked: why}
		}
	}
	answer := c.Do(method, path, body, append(headers, "Origin", p.origin)...)
	if why := p.corsError(answer); why != "" {
		return fetchResult{blocked: why, sent: true}
	}
	exposed := splitList(answer.Header.Get("Access-Control-Expose-Headers"))
	var names []string
	for name := range answer.Header {
		if slices.Contains(exposed, strings.ToLower(name)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return fetchResult{status: answer.Status, headers: names, body: string(answer.Body), sent: true}
}

// unsafeHeaders are the headers that need a preflight.
func unsafeHeaders(headers []string) (names []string) {
	for n := 0; n < len(headers); n += 2 {
		if name := strings.ToLower(headers[n]); name != "accept" {
			names = append(names, name) // application/json is not a safelisted value of Content-Type
		}
	}
	slices.Sort(names)
	return names
}

func splitList(value string) (all []string) {
	for entry := range strings.SplitSeq(value, ",") {
		all = append(all, strings.ToLower(strings.TrimSpace(entry)))
	}
	return all
}

// corsError is the CORS check of the Fetch standard.
func (p browserPage) corsError(a *testkit.Response) string {
	switch allowed := a.Header.Values("Access-Control-Allow-Origin"); {
	case len(allowed) == 1 && allowed[0] == "*" && !p.credentials:
		return ""
	case len(allowed) != 1 || allowed[0] != p.origin:
		return "origin"
	case p.credentials && a.Header.Get("Access-Control-Allow-Credentials") != "true":
		return "credentials"
	}
	return ""
}

// preflightError reports which part of a preflight's response forbids the
// request.
func (p browserPage) preflightError(a *testkit.Response, method string, headers []string) string {
	if why := p.corsError(a); why != "" {
		return "preflight: " + why
	}
	if a.Status < 200 || a.Status > 299 {
		return "preflight: status"
	}
	methods := splitList(a.Header.Get("Access-Control-Allow-Methods"))
	if !slices.Contains([]string{"GET", "HEAD", "POST"}, method) && !slices.Contains(methods, strings.ToLower(method)) {
		return "preflight: method"
	}
	allowed := splitList(strings.Join(a.Header.Values("Access-Control-Allow-Headers"), ","))
	for _, name := range headers {
		if !slices.Contains(allowed, name) {
			return "preflight: header " + name
		}
	}
	return ""
}

func TestCORS_AllowedOriginUsesTheAPI(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withOrigins("http://localhost:*", "capacitor://localhost", "app://-", appOrigin))
	ann := s.SignUp(t)
	bearer := []string{"Authorization", "Bearer " + ann.Token}
	anybody := s.Anonymous(t)
	for _, origin := range []string{appOrigin, "http://localhost:5173", "http://localhost", "capacitor://localhost", "app://-"} {
		p := browserPage{origin: origin}
		made := p.fetch(anybody, "POST", projectsPath, withTitle("Invoices"), append(slices.Clone(bearer), "Idempotency-Key", "of-"+origin, "X-Request-Id", "mine")...)
		if diff := cmp.Diff([]string{"Etag", "Location", "X-Request-Id"}, made.headers); made.status != 201 || diff != "" {
			t.Errorf("the creation of %s: %+v", origin, made)
		}
		if got := p.fetch(anybody, "GET", projectsPath, nil, append(slices.Clone(bearer), "If-None-Match", `"1"`)...); got.status != 200 {
			t.Errorf("the list: %+v", got)
		}
		for name, tc := range map[string]struct {
			method, path string
			body         any
			headers      []string
			want         int
		}{
			"without a token":    {"GET", projectsPath, nil, nil, 401},
			"an unknown path":    {"GET", "/nothing", nil, bearer, 404},
			"an unknown project": {"DELETE", projectsPath + "/0", nil, bearer, 404},
			"another method":     {"DELETE", projectsPath, nil, bearer, 405},
			"an unclean path":    {"PUT", projectsPath + "/", nil, bearer, 404},
			"a bad body":         {"PATCH", projectsPath + "/" + uuid.NewString(), "{", bearer, 400},
			"a bad title":        {"POST", projectsPath, withTitle(""), bearer, 422},
			"a bad condition":    {"PUT", projectsPath + "/" + uuid.NewString(), withTitle("x"), append([]string{"If-Match", "x"}, bearer...), 400},
			"a rejected sign-in": {"POST", loginPath, map[string]string{"id_token": "x"}, nil, 401},
			"health":             {"GET", "/health", nil, nil, 200},
			"the contract":       {"GET", "/api/v1/openapi.json", nil, nil, 200},
			"large headers":      {"GET", projectsPath, nil, []string{"X-Request-Id", strings.Repeat("a", 70_000)}, 431},
		} {
			got := p.fetch(anybody, tc.method, tc.path, tc.body, tc.headers...)
			if got.status != tc.want {
				t.Errorf("%s shows to %s %+v, want %d", name, origin, got, tc.want)
			}
			if !slices.Contains(got.headers, "X-Request-Id") || tc.want == 401 && !slices.Contains(got.headers, "Www-Authenticate") {
				t.Errorf("%s shows only the headers %v", name, got.headers)
			}
		}
	}
}

func TestCORS_OtherOriginReadsNothing(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withOrigins(appOrigin))
	ann := s.SignUp(t)
	for _, origin := range []string{
		otherOrigin, "null", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil.example.net",
		"https://evil-app.example.com", "https://example.com", "https://sub.app.example.com", "HTTPS://APP.EXAMPLE.COM", appOrigin + "/",
		appOrigin + "," + appOrigin, "*", "file://", "http://localhost:5173", "capacitor://localhost",
	} {
		p := browserPage{origin: origin}
		if got := p.fetch(s.Anonymous(t), "GET", projectsPath, nil, "Authorization", "Bearer "+ann.Token); got.blocked != "preflight: origin" || got.sent {
			t.Errorf("%s reads the list: %+v", origin, got)
		}
		if got := p.fetch(s.Anonymous(t), "GET", "/health", nil); got.blocked != "origin" {
			t.Errorf("%s reads of health: %+v", origin, got)
		}
		for _, path := range []string{projectsPath, loginPath, "/nothing"} {
			for _, method := range []string{"GET", "OPTIONS"} {
				for name := range s.Anonymous(t).Do(method, path, nil, "Origin", origin).Header {
					if strings.HasPrefix(name, "Access-Control-") {
						t.Errorf("%s of %s has the header %s for %s", method, path, name, origin)
					}
				}
			}
		}
	}
}

func TestCORS_CredentialsOnlyForSignIn(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withOrigins(appOrigin))
	p := browserPage{origin: appOrigin, credentials: true}
	for path, want := range map[string]string{
		"/api/v1/auth/refresh": "", "/api/v1/auth/logout": "", loginPath: "", "/api/v1/auth/google": "", "/api/v1/auth/nothing": "",
		projectsPath: "preflight: credentials", "/api/v1/users/me": "preflight: credentials", "/health": "preflight: credentials",
		"/api/v1/authority": "preflight: credentials", "/api/v1/auth": "preflight: credentials", "/auth/login": "preflight: credentials",
	} {
		if got := p.fetch(s.Anonymous(t), "POST", path, map[string]any{}); got.blocked != want {
			t.Errorf("%s with cookies: %+v, want %q", path, got, want)
		}
	}
}

func TestCORS_PreflightAllowsMethodsAndHeadersOfContract(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withOrigins(appOrigin))
	p := browserPage{origin: appOrigin}
	for header, want := range map[string]string{
		"Authorization": "", "If-Match": "", "If-None-Match": "", "Idempotency-Key": "", "X-Request-Id": "",
		"traceparent": "", "tracestate": "", "baggage": "", "sentry-trace": "",
		"X-Forwarded-For": "preflight: header x-forwarded-for", "X-Http-Method-Override": "preflight: header x-http-method-override",
		"Cookie2": "preflight: header cookie2",
	} {
		if got := p.fetch(s.Anonymous(t), "GET", "/health/live", nil, header, "*"); got.blocked != want {
			t.Errorf("the header %s: %+v, want %q", header, got, want)
		}
	}
	for method, want := range map[string]string{
		"GET": "", "HEAD": "", "POST": "", "PUT": "", "PATCH": "", "DELETE": "",
		"PROPFIND": "preflight: method", "TRACE": "preflight: method", "patch": "preflight: method",
	} {
		if got := p.fetch(s.Anonymous(t), method, "/nothing", nil, "X-Request-Id", "a"); got.blocked != want {
			t.Errorf("%s: %+v, want %q", method, got, want)
		}
	}
}

func TestCORS_NoOriginIsAllowedByDefault(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for _, origin := range []string{appOrigin, "null", s.URL} {
		if got := (browserPage{origin: origin}).fetch(s.Anonymous(t), "GET", "/health", nil); got.blocked != "origin" {
			t.Errorf("%s reads of health: %+v", origin, got)
		}
	}
	if got := s.Anonymous(t).Get("/health").Header.Get("Vary"); got != "" {
		t.Errorf("Vary = %s, but no response varies", got)
	}
}

func TestCORS_WildcardAllowsEveryOrigin(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withOrigins("*"))
	for _, origin := range []string{appOrigin, otherOrigin, "null", "http://192.168.0.5:3000"} {
		if got := (browserPage{origin: origin}).fetch(s.Anonymous(t), "DELETE", projectsPath, nil, "Authorization", "x"); got.status != 405 {
			t.Errorf("%s: %+v", origin, got)
		}
		if got := (browserPage{origin, true}).fetch(s.Anonymous(t), "POST", loginPath, map[string]any{}); got.blocked == "" {
			t.Errorf("%s sends cookies: %+v", origin, got)
		}
	}
}

func TestCORS_ResponsesVaryByOrigin(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withOrigins(appOrigin))
	for _, path := range []string{"/health", "/nothing", "/api/v1/openapi.json", "/docs", "/problems"} {
		if vary := s.Anonymous(t).Get(path).Header.Values("Vary"); !slices.Contains(vary, "Origin") {
			t.Errorf("%s varies by %v: a cache would mix up the responses for two origins", path, vary)
		}
	}
}

func TestCORS_PreflightFailsOverPlainHTTP(t *testing.T) {
	t.Parallel()
	required := true
	s := testkit.Start(t, withOrigins(appOrigin), func(s *server.Settings) { s.RequireHTTPS = &required })
	p := browserPage{origin: appOrigin}
	if got := p.fetch(s.Anonymous(t), "GET", projectsPath, nil, "Authorization", "Bearer x"); got.sent || !strings.HasPrefix(got.blocked, "preflight") {
		t.Errorf("the token was sent: %+v", got)
	}
	// A request without preflight gets the problem.
	if got := p.fetch(s.Anonymous(t), "GET", projectsPath, nil); got.status != 403 || !strings.Contains(got.body, `"code":"https_required"`) {
		t.Errorf("without a token: %+v", got)
	}
}

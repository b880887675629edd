package httpapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestRoutes_UnknownPathIs404(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	paths := map[string]string{
		"the prefix":                   "/api/v1",
		"the prefix and a slash":       "/api/v1/",
		"another version":              "/api/v2/projects",
		"no version":                   "/projects",
		"another case":                 "/API/v1/projects",
		"another case of the noun":     "/api/v1/Projects",
		"a slash after":                projectsPath + "/",
		"a slash after an id":          p.path() + "/",
		"two slashes after":            projectsPath + "//",
		"two slashes before":           "//api/v1/projects",
		"two slashes within":           "/api//v1/projects",
		"two slashes before an id":     projectsPath + "//" + p.ID,
		"a dot within":                 "/api/./v1/projects",
		"a dot after":                  projectsPath + "/.",
		"two dots within":              "/api/v1/x/../projects",
		"two dots after":               projectsPath + "/..",
		"an encoded dot":               "/api/%2e/v1/projects",
		"two encoded dots":             "/api/v1/x/%2e%2e/projects",
		"two half encoded dots":        "/api/v1/x/.%2e/projects",
		"dots after an encoded slash":  projectsPath + "/..%2Fprojects",
		"an encoded slash":             "/api/v1%2Fprojects",
		"an encoded slash after":       projectsPath + "%2F",
		"a backslash":                  `/api/v1\projects`,
		"an encoded backslash":         "/api/v1%5Cprojects",
		"a semicolon":                  projectsPath + ";x=1",
		"bad UTF-8":                    projectsPath + "%ff",
		"an encoded NUL":               projectsPath + "%00",
		"an encoded line feed":         projectsPath + "%0a",
		"an encoded question mark":     projectsPath + "%3Fpage_size=1",
		"one level too deep":           p.path() + "/restore/now",
		"something else of a project":  p.path() + "/everything",
		"login elsewhere":              "/login",
		"a slash after login":          loginPath + "/",
		"a slash after health":         "/health/",
		"something else of health":     "/health/nothing",
		"health within the prefix":     "/api/v1/health",
		"profiles of the program":      "/debug/pprof/",
		"variables of the program":     "/debug/vars",
		"a file":                       "/etc/passwd",
		"a file of the page":           "/favicon.ico",
		"schemas of the framework":     "/schemas/Problem.json",
		"the framework's own contract": "/openapi.json",
		"another form of the contract": "/api/v1/openapi-3.0.json",
		"a long path":                  "/" + strings.Repeat("a/", 2000) + "a",
	}
	for name, path := range paths {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			t.Run(method+" of "+name, func(t *testing.T) {
				t.Parallel()
				for _, c := range []*testkit.Client{ann.WithT(t), s.Anonymous(t)} {
					answer := c.Do(method, path, nil)
					problem := answer.WantProblem(404, "route_not_found")
					if problem.RequestID != answer.Header.Get("X-Request-Id") || problem.Type != "/problems/route_not_found" {
						t.Errorf("problem %+v", problem)
					}
					if location := answer.Header.Get("Location"); location != "" {
						t.Errorf("a redirect to %s", location)
					}
					if allow := answer.Header.Get("Allow"); allow != "" {
						t.Errorf("Allow = %s of an unknown path", allow)
					}
				}
			})
		}
	}
}

func TestRoutes_NameTheirMethods(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	id := uuid.NewString()
	for path, allow := range map[string]string{
		loginPath:                            "POST, OPTIONS",
		projectsPath:                         "GET, HEAD, POST, OPTIONS",
		projectsPath + "/" + id:              "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
		projectsPath + "/not-an-id":          "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
		projectsPath + "/" + id + "/restore": "POST, OPTIONS",
		"/api/v1/openapi.json":               "GET, HEAD, OPTIONS",
		"/api/v1/openapi.yaml":               "GET, HEAD, OPTIONS",
		"/":                                  "GET, HEAD, OPTIONS",
		"/p/1":                               "GET, HEAD, OPTIONS",
		"/health":                            "GET, HEAD, OPTIONS",
		"/health/live":                       "GET, HEAD, OPTIONS",
		"/health/ready":                      "GET, HEAD, OPTIONS",
		"/health/db":                         "GET, HEAD, OPTIONS",
		"/health/redis":                      "GET, HEAD, OPTIONS",
	} {
		t.Run("OPTIONS "+path, func(t *testing.T) {
			t.Parallel()
			answer := s.Anonymous(t).Do("OPTIONS", path, nil).Want(204)
			if got := answer.Header.Get("Allow"); got != allow {
				t.Errorf("Allow = %s, want %s", got, allow)
			}
			if len(answer.Body) != 0 {
				t.Errorf("204 with a body: %q", answer.Body)
			}
		})
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "QUERY", "X", "LONG-METHOD-OF-MORE-THAN-20-LETTERS"} {
			if strings.Contains(", "+allow+",", ", "+method+",") {
				continue
			}
			t.Run(method+" "+path, func(t *testing.T) {
				t.Parallel()
				answer := s.Anonymous(t).Do(method, path, nil, "X-Request-Id", "the-same").Want(405)
				if got := answer.Header.Get("Allow"); got != allow {
					t.Errorf("Allow = %s, want %s", got, allow)
				}
				if method == "HEAD" {
					return
				}
				problem := answer.WantProblem(405, "method_not_allowed")
				if problem.Instance != path || problem.RequestID != "the-same" || problem.Status != 405 {
					t.Errorf("problem %+v", problem)
				}
			})
		}
	}
}

func TestRoutes_UnusualRequestTargets(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct {
		line string
		want int
		code string
	}{
		"TRACE":                           {"TRACE /health/live HTTP/1.1", 405, "method_not_allowed"},
		"CONNECT to a route":              {"CONNECT /health/live HTTP/1.1", 405, "method_not_allowed"},
		"CONNECT to a host":               {"CONNECT example.com:443 HTTP/1.1", 404, "route_not_found"},
		"an absolute target":              {"GET http://example.com/api/v1/nothing HTTP/1.1", 404, "route_not_found"},
		"an absolute target of a route":   {"GET http://example.com/api/v1/projects HTTP/1.1", 401, "token_missing"},
		"the options of the whole server": {"OPTIONS * HTTP/1.1", 404, "route_not_found"},
		"a star":                          {"GET * HTTP/1.1", 404, "route_not_found"},
		"a fragment":                      {"GET /api/v1/projects#x HTTP/1.1", 404, "route_not_found"},
		"raw bytes in the path":           {"GET /api/v1/\xff\xfe HTTP/1.1", 404, "route_not_found"},
		"raw bytes in the query":          {"GET /api/v1/projects?\xff HTTP/1.1", 401, "token_missing"},
		"HTTP/1.0":                        {"GET /api/v1/nothing HTTP/1.0", 404, "route_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := sendRaw(t, s, tc.line)
			var problem testkit.Problem
			if err := json.Unmarshal([]byte(answer.Body), &problem); err != nil || answer.Status != tc.want || problem.Code != tc.code {
				t.Errorf("got %d: %q", answer.Status, answer.Body)
			}
			if diff := cmp.Diff(commonHeaders, selectCommonHeaders(answer.Header)); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
			if answer.Header.Get("X-Request-Id") == "" {
				t.Error("no X-Request-Id")
			}
		})
	}
}

func TestRoutes_ClientDisconnectIsNoServerError(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	// The write waits for this lock until its client has disconnected.
	conn := connectSuperuser(t, s)
	defer conn.Close(t.Context())
	for _, statement := range []string{"BEGIN", "SELECT FROM projects FOR UPDATE"} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	waits := func() {
		for range 2000 {
			if queryInt(t, s, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0 {
				return
			}
		}
		t.Error("the change does not wait for the lock")
	}
	answer := sendRawThenClose(t, s, waits, "DELETE "+p.path()+" HTTP/1.1", "Authorization: Bearer "+ann.Token)
	if answer.Status == 500 {
		t.Errorf("a disconnected client got %d: %s", answer.Status, answer.Body)
	}
}

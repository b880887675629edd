package httpapi_test

import (
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// visit is a request that an operation answers with success.
type visit struct {
	path string
	body any
}

// visits make one for every operation of the contract. A new operation needs a
// line here.
var visits = map[string]func(t *testing.T, s *testkit.Server, ann *testkit.Client) visit{
	"POST /auth/login": func(t *testing.T, s *testkit.Server, _ *testkit.Client) visit {
		return visit{loginPath, map[string]any{"id_token": idToken(t, s, issuer.Claims{})}}
	},
	"POST /auth/refresh": func(t *testing.T, s *testkit.Server, _ *testkit.Client) visit {
		return visit{"/api/v1/auth/refresh", map[string]any{"refresh_token": s.SignUp(t).RefreshToken}}
	},
	"POST /auth/logout": func(t *testing.T, s *testkit.Server, _ *testkit.Client) visit {
		return visit{"/api/v1/auth/logout", map[string]any{"refresh_token": s.SignUp(t).RefreshToken}}
	},
	"GET /auth/sessions": at("/api/v1/auth/sessions", nil),
	"DELETE /auth/sessions/{id}": func(_ *testing.T, _ *testkit.Server, ann *testkit.Client) visit {
		return visit{"/api/v1/auth/sessions/" + ann.Session, nil}
	},
	"GET /users/me":        at("/api/v1/users/me", nil),
	"PATCH /users/me":      at("/api/v1/users/me", map[string]any{"name": "Ann"}),
	"DELETE /users/me":     at("/api/v1/users/me", nil),
	"GET /users/me/export": at("/api/v1/users/me/export", nil),

	"GET /projects":         at(projectsPath, nil),
	"POST /projects":        at(projectsPath, titled("Invoices")),
	"GET /projects/{id}":    below(project.path, nil),
	"PUT /projects/{id}":    below(project.path, titled("Bills")),
	"PATCH /projects/{id}":  below(project.path, titled("Bills")),
	"DELETE /projects/{id}": below(project.path, nil),
	"POST /projects/{id}/restore": func(_ *testing.T, _ *testkit.Server, ann *testkit.Client) visit {
		p := newProject(ann, "Gone")
		ann.Delete(p.path()).Want(204)
		return visit{p.path() + "/restore", nil}
	},
	"GET /projects/{id}/specs":  below(func(p project) string { return p.path() + "/specs" }, nil),
	"POST /projects/{id}/specs": below(func(p project) string { return p.path() + "/specs" }, map[string]any{"content": "x"}),
	"GET /specs/{id}":           inSpecification("", nil),
	"PUT /specs/{id}":           inSpecification("", map[string]any{"content": "y"}),
	"PATCH /specs/{id}":         inSpecification("", map[string]any{"content": "y"}),
	"DELETE /specs/{id}":        inSpecification("", nil),
	"POST /specs/{id}/restore": func(t *testing.T, s *testkit.Server, ann *testkit.Client) visit {
		v := inSpecification("", nil)(t, s, ann)
		ann.Delete(v.path).Want(204)
		return visit{v.path + "/restore", nil}
	},
	"GET /specs/{id}/items":         inSpecification("/items", nil),
	"POST /specs/{id}/items":        inSpecification("/items", map[string]any{"content": "x"}),
	"PUT /specs/{id}/items/reorder": inSpecification("/items/reorder", map[string]any{"item_ids": []string{}}),
	"GET /items/{id}":               itself(nil),
	"PUT /items/{id}":               itself(map[string]any{"content": "y"}),
	"PATCH /items/{id}":             itself(map[string]any{"content": "y"}),
	"DELETE /items/{id}":            itself(nil),
}

type visiting = func(*testing.T, *testkit.Server, *testkit.Client) visit

func at(path string, body any) visiting {
	return func(*testing.T, *testkit.Server, *testkit.Client) visit { return visit{path, body} }
}

// below is a request to a project, or to something of it.
func below(path func(project) string, body any) visiting {
	return func(_ *testing.T, _ *testkit.Server, ann *testkit.Client) visit {
		return visit{path(newProject(ann, "Invoices")), body}
	}
}

func inSpecification(path string, body any) visiting {
	return func(_ *testing.T, _ *testkit.Server, ann *testkit.Client) visit {
		made := ann.Post(newProject(ann, "Invoices").path()+"/specs", map[string]any{"content": "x"}).Want(201)
		return visit{"/api/v1/specs/" + made.JSON()["id"].(string) + path, body}
	}
}

func itself(body any) visiting {
	return func(t *testing.T, s *testkit.Server, ann *testkit.Client) visit {
		items := inSpecification("/items", nil)(t, s, ann)
		made := ann.Post(items.path, map[string]any{"content": "x"}).Want(201)
		return visit{"/api/v1/items/" + made.JSON()["id"].(string), body}
	}
}

// asInProduction is a server behind a proxy, with pages of a front end.
func asInProduction(s *app.Settings) {
	required := true
	s.RequireHTTPS, s.TrustedProxies, s.CORSOrigins = &required, []string{"127.0.0.1"}, []string{appOrigin}
}

// wantSafe fails the test unless the answer has what every answer has, and what
// those to an allowed page have.
func wantSafe(t *testing.T, what string, a *testkit.Answer, overHTTPS bool) {
	t.Helper()
	want, got := maps.Clone(everywhere), chosen(a.Header)
	if overHTTPS {
		want["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
	}
	if policy := got["Content-Security-Policy"]; strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		if !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s has the policy %s", what, policy)
		}
		got["Content-Security-Policy"] = want["Content-Security-Policy"] // a page's own
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers of %s, %d (-want +got):\n%s", what, a.Status, diff)
	}
	if a.Header.Get("X-Request-Id") != "the-same" || a.Header.Get("Access-Control-Allow-Origin") != appOrigin {
		t.Errorf("%s, %d, has the headers %v", what, a.Status, a.Header)
	}
}

var fromThePage = []string{"Origin", appOrigin, "X-Request-Id", "the-same"}

func TestEveryAnswerOfEveryRouteIsSafe(t *testing.T) {
	t.Parallel()
	inside := testkit.Start(t)
	s := inside.Replica(t, asInProduction)
	var contract document
	inside.Anybody(t).Get("/api/v1/openapi.json").Want(200).Into(&contract)
	for path, item := range contract.Paths {
		for method := range item {
			pattern := strings.ToUpper(method) + " " + path
			prepare, ok := visits[pattern]
			if !ok {
				t.Errorf("visits has no line for %s", pattern)
				continue
			}
			t.Run(pattern, func(t *testing.T) {
				t.Parallel()
				ann := inside.SignUp(t)
				method, v := strings.ToUpper(method), prepare(t, inside, ann)
				answer := func(what string, c *testkit.Client, method, path, proto string, status int, headers ...string) {
					t.Helper()
					headers = append(append([]string{"X-Forwarded-Proto", proto}, fromThePage...), headers...)
					a := c.At(s).Do(method, path, v.body, headers...)
					if ok := a.Status == status || status == 200 && a.Status < 300; !ok {
						t.Errorf("%s is answered %d %s, want %d", what, a.Status, a.Body, status)
					}
					wantSafe(t, what, a, proto == "https")
				}
				if signed := contract.Paths[path][strings.ToLower(method)].Security; len(signed) > 0 {
					answer("no token", inside.Anybody(t), method, v.path, "https", http.StatusUnauthorized)
				}
				answer("plain HTTP", ann, method, v.path, "http", http.StatusForbidden)
				answer("an unknown path", ann, method, v.path+"/no/thing", "https", http.StatusNotFound)
				answer("another method", ann, "PROPFIND", v.path, "https", http.StatusMethodNotAllowed)
				answer("large headers", ann, method, v.path, "https", http.StatusRequestHeaderFieldsTooLarge, "X-Large", strings.Repeat("a", 66_000))
				answer("options", ann, "OPTIONS", v.path, "https", http.StatusNoContent)
				answer("a preflight", ann, "OPTIONS", v.path, "https", http.StatusNoContent, "Access-Control-Request-Method", method)
				answer("success", ann, method, v.path, "https", http.StatusOK)
			})
		}
	}
	for pattern := range visits {
		method, path, _ := strings.Cut(pattern, " ")
		if _, ok := contract.Paths[path][strings.ToLower(method)]; !ok {
			t.Errorf("visits has %s, the contract has not", pattern)
		}
	}
}

var assetForm = regexp.MustCompile(`/docs/[^"']+`)

func TestEveryAnswerBesideTheContractIsSafe(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, asInProduction)
	anybody := s.Anybody(t)
	reference := anybody.Get("/docs", "X-Forwarded-Proto", "https").Want(200)
	paths := []string{
		"/docs", "/problems", "/problems/internal", "/api/v1/openapi.json", "/api/v1/openapi.yaml",
		"/health", "/health/live", "/health/ready", "/health/db", "/health/redis",
	}
	paths = append(paths, assetForm.FindAllString(string(reference.Body), -1)...)
	if len(paths) < 12 {
		t.Errorf("the reference has no assets: %s", reference.Body)
	}
	for _, path := range paths {
		for what, r := range map[string]struct {
			method, path, proto string
			want                int
		}{
			"GET": {"GET", path, "https", 200}, "HEAD": {"HEAD", path, "https", 200}, "OPTIONS": {"OPTIONS", path, "https", 204},
			"another method": {"POST", path, "https", 405}, "a path below": {"GET", path + "/" + uuid.NewString(), "https", 404},
			"plain HTTP from outside": {"GET", path, "http", 403},
		} {
			a := anybody.Do(r.method, r.path, nil, append([]string{"X-Forwarded-Proto", r.proto}, fromThePage...)...)
			if a.Status != r.want {
				t.Errorf("%s of %s is answered %d %s, want %d", what, path, a.Status, a.Body, r.want)
			}
			wantSafe(t, what+" of "+path, a, r.proto == "https")
		}
	}
}

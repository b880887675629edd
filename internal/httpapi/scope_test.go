package httpapi_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// tokenKinds are the scopes of tokens, one by one, and the credentials beside them.
var tokenKinds = []string{"session", "read", "write", "generate", "manage", "bot", "revoked"}

// neededScopes is what the published contract requires of an API token: a scope, "any",
// or "session". It has no operations without a credential.
func neededScopes(t *testing.T, s *testkit.Server) map[string]string {
	t.Helper()
	var contract document
	s.Anonymous(t).Get("/api/v1/openapi.json").Want(200).Decode(&contract)
	needs := map[string]string{}
	for path, item := range contract.Paths {
		for method, op := range item {
			route := strings.ToUpper(method) + " " + path
			switch {
			case len(op.Security) == 0:
			case len(op.Security) == 1:
				needs[route] = "session"
			case len(op.Security[1]["token"]) == 0:
				needs[route] = "any"
			default:
				needs[route] = op.Security[1]["token"][0]
			}
		}
	}
	return needs
}

// wantOfScope is the problem that a credential has to get where an operation needs a
// scope; empty for anything else than a refusal of the credential.
func wantOfScope(kind, needs string) string {
	switch {
	case kind == "session" || needs == "":
		return ""
	case kind == "revoked":
		return "401 token_revoked"
	case needs == "any" || needs == "read" || needs == kind:
		return ""
	case kind == "bot" && needs == "write": // which is its scope
		return ""
	default:
		return "403 insufficient_scope"
	}
}

// Every route with every scope. A route without a row in routeCases fails, and so does
// one that needs another scope than the contract says in words.
func TestScopes_EveryRouteNeedsItsOwn(t *testing.T) {
	t.Parallel()
	x := newCallerFixture(t)
	needs := neededScopes(t, x.s)
	for _, route := range allRoutes(t) {
		c, ok := routeCases[route]
		if !ok {
			t.Errorf("routeCases has no case for %s", route)
		}
		if !ok || c.anyCaller > 0 {
			continue
		}
		if route == "POST /auth/logout" { // it may have a refresh token instead
			needs[route] = "session"
		}
		if want := scopeByRule(route); needs[route] != want {
			t.Errorf("%s needs %q, want %q", route, needs[route], want)
		}
		var owner *testkit.Client
		var own ownedIDs
		for _, kind := range tokenKinds {
			if owner == nil {
				owner, own = newOwner(t, x.s)
				if c.part != "" {
					own.addMember(t, x.s, owner)
				}
			}
			caller := credentialOf(owner, kind)
			got := races.Code(x.send(caller, route, own.live[c.names], c, own))
			refused := strings.HasPrefix(got, "401") || got == "403 insufficient_scope"
			want := wantOfScope(kind, needs[route])
			if kind == "revoked" && route == "POST /auth/logout" {
				want = "403 insufficient_scope" // no token is of use, so none is queried
			}
			if want != "" && got != want || want == "" && refused {
				t.Errorf("%s with %s: %s, want %q", route, kind, got, want)
			}
			if !refused && !strings.HasPrefix(route, "GET ") { // something has changed
				owner = nil
			}
		}
	}
}

// scopeByRule is what the contract says in words about a route.
func scopeByRule(route string) string {
	method, path, _ := strings.Cut(route, " ")
	kind, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case route == "GET /users/me":
		return "any"
	case kind == "users" || kind == "auth" || kind == "admin" || kind == "tokens":
		return "session"
	case kind == "bots", kind == "invitations", strings.Contains(path, "/invitations"), strings.Contains(path, "/members") && method != "GET":
		return "manage"
	case method == "GET":
		return "read"
	default:
		return "write"
	}
}

// credentialOf is the client with a credential of a kind.
func credentialOf(owner *testkit.Client, kind string) *testkit.Client {
	other := *owner
	switch kind {
	case "session":
	case "bot":
		return asBot(owner, "write")
	case "revoked":
		made := newAPIToken(owner, tokensPath, "read", "write", "generate", "manage")
		owner.Delete(tokensPath + "/" + made.ID).Want(204)
		other.Token = made.Token
	default:
		other.Token = newAPIToken(owner, tokensPath, kind).Token
	}
	return &other
}

// What is refused for its scope does nothing, and is not answered from the cache.
func TestScopes_RefusedRequestChangesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	reader := withAPIToken(ann, "read")
	sp := newSpec(ann, "one")
	path := "/api/v1/specs/" + sp.ID
	fillCaches(t, []*testkit.Server{s}, path, ann, reader)
	reader.Patch(path, `{"content": "changed"}`).WantProblem(403, "insufficient_scope")
	reader.Post(projectsPath, withTitle("x"), keyHeader, "once").WantProblem(403, "insufficient_scope")
	reader.Post(projectsPath, `{"no": "title"}`).WantProblem(403, "insufficient_scope")
	reader.Get(path+"?no=parameter").WantProblem(400, "invalid_parameter")
	if got := reader.Get(path).Want(200).JSON()["version"]; got != 2.0 && got != 1.0 {
		t.Errorf("the version is %v", got)
	}
	if n := len(listProjects(ann).Projects); n != 1 {
		t.Errorf("there are %d projects", n)
	}
	detail := reader.Delete(path).WantProblem(403, "insufficient_scope").Detail
	if !strings.Contains(detail, "scope write") {
		t.Errorf("the detail is %q", detail)
	}
	ann.Get(path).Want(200)
}

package httpapi_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// cell is what the matrix has to know of a route: a request that succeeds, and
// what its path names.
type cell struct {
	// names is project, specification, item, session or user; empty for none.
	names string
	body  string
	// permission is read or change for what needs a role.
	permission string
	// always is the answer where who calls does not matter.
	always int
	// trashedToo is true of what works on the trash.
	trashedToo bool
	// ends is true of what ends the session of its caller.
	ends bool
}

// matrix has every route. One that is not here fails the test.
var matrix = map[string]cell{
	"POST /auth/login":          {always: 401, body: `{"id_token": "x"}`},
	"GET /auth/google":          {always: 302},
	"GET /auth/google/callback": {always: 403},
	"POST /auth/refresh":        {always: 401, body: `{"refresh_token": "x"}`},
	"POST /auth/logout":         {body: `{}`, ends: true},

	"GET /auth/sessions":         {},
	"DELETE /auth/sessions/{id}": {names: "session"},
	"GET /users/me":              {},
	"PATCH /users/me":            {body: `{"name": "x"}`},
	"DELETE /users/me":           {ends: true},
	"GET /users/me/export":       {},

	"GET /projects":                 {},
	"POST /projects":                {body: `{"title": "x"}`},
	"GET /projects/{id}":            {names: "project"},
	"PUT /projects/{id}":            {names: "project", body: `{"title": "x"}`},
	"PATCH /projects/{id}":          {names: "project", body: `{"title": "x"}`},
	"DELETE /projects/{id}":         {names: "project"},
	"POST /projects/{id}/restore":   {names: "project", trashedToo: true},
	"GET /projects/{id}/specs":      {names: "project"},
	"POST /projects/{id}/specs":     {names: "project", body: `{"content": "x"}`},
	"GET /specs/{id}":               {names: "specification"},
	"PUT /specs/{id}":               {names: "specification", body: `{"content": "x"}`},
	"PATCH /specs/{id}":             {names: "specification", body: `{"content": "x"}`},
	"DELETE /specs/{id}":            {names: "specification"},
	"POST /specs/{id}/restore":      {names: "specification", trashedToo: true},
	"GET /specs/{id}/items":         {names: "specification"},
	"POST /specs/{id}/items":        {names: "specification", body: `{"content": "x"}`},
	"PUT /specs/{id}/items/reorder": {names: "specification", body: `{"item_ids": ["{item}"]}`},
	"GET /items/{id}":               {names: "item"},
	"PUT /items/{id}":               {names: "item", body: `{"content": "x"}`},
	"PATCH /items/{id}":             {names: "item", body: `{"content": "x"}`},
	"DELETE /items/{id}":            {names: "item"},

	"GET /admin/users":        {permission: "read"},
	"PATCH /admin/users/{id}": {permission: "change", names: "user", body: `{"role": "user"}`},
	"GET /admin/audit-events": {permission: "read"},

	"GET /openapi.json":          {always: 200},
	"GET /openapi.yaml":          {always: 200},
	"GET /docs":                  {always: 200},
	"GET /docs/{asset}":          {always: 404},
	"GET /problems":              {always: 200},
	"GET /problems/{code}":       {always: 404},
	"GET /.well-known/jwks.json": {always: 200}, // where there is a key file
	"GET /health":                {always: 200},
	"GET /health/live":           {always: 200},
	"GET /health/ready":          {always: 200},
	"GET /health/db":             {always: 200},
	"GET /health/redis":          {always: 200},
	"GET /metrics":               {always: 200},
}

// outside are the routes that are not below the contract's prefix.
var outside = regexp.MustCompile(`^\w+ /(docs|problems|health|metrics|\.well-known)`)

var routeLine = regexp.MustCompile(`(?:\(a, |HandleFunc\()"(\w+) (?:"\+prefix\+")?(/[^"]*)"`)

// allRoutes are the routes as routes.go lists them.
func allRoutes(t *testing.T) (routes []string) {
	t.Helper()
	text, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range routeLine.FindAllStringSubmatch(string(text), -1) {
		routes = append(routes, found[1]+" "+found[2])
	}
	return routes
}

// property is what somebody owns, by what it is; of each once live and once in
// the trash.
type property struct{ live, trashed map[string]string }

func acquire(t *testing.T, s *testkit.Server) (*testkit.Client, property) {
	t.Helper()
	c := s.SignUp(t)
	spec := newSpec(c, "a")
	dead := home{ID: spec.ProjectID}.add(c, "x")
	deadItem, deadProject := newBullet(c, dead, "a"), newProject(c, "Dead")
	own := property{
		live: map[string]string{
			"project": spec.ProjectID, "specification": spec.ID, "item": bulletsOf(c, spec)[0].ID,
			"session": c.Session, "user": c.User,
		},
		trashed: map[string]string{"project": deadProject.ID, "specification": dead.ID, "item": deadItem.ID},
	}
	c.Delete(dead.path()).Want(204)
	c.Delete(deadProject.path()).Want(204)
	return c, own
}

// callers are everybody who may call, the owner last: until then nothing may
// have changed.
var callers = []string{"nobody", "bad token", "suspended", "stranger", "auditor", "admin", "owner"}

// cast finds somebody of each kind.
type cast struct {
	t     *testing.T
	s     *testkit.Server
	admin *testkit.Client
	known map[string]*testkit.Client
	// keys gives a replica the keys of the server.
	keys func(*server.Settings)
}

func newCast(t *testing.T) *cast {
	t.Helper()
	keys := generation{file: newKeyPair(t, "Ed25519").private}.set
	s := testkit.Start(t, withAdmin, keys)
	x := &cast{t: t, s: s, keys: keys, admin: s.SignIn(t, adminEmail), known: map[string]*testkit.Client{}}
	for _, who := range callers[:len(callers)-1] {
		x.known[who] = x.somebody(who)
	}
	return x
}

// somebody is somebody new of a kind.
func (x *cast) somebody(who string) *testkit.Client {
	x.t.Helper()
	switch who {
	case "nobody":
		return x.s.Anonymous(x.t)
	case "bad token":
		return withToken(x.t, x.s, "x.y.z")
	}
	c := x.s.SignUp(x.t)
	change := map[string]string{"suspended": `{"suspended": true}`, "auditor": `{"role": "auditor"}`, "admin": `{"role": "admin"}`}[who]
	if change != "" {
		x.admin.Patch(usersPath+"/"+c.User, change).Want(200)
	}
	return c
}

// wanted is the answer that a caller has to get; 200 stands for any success.
func (c cell) wanted(who, state string, logout bool) (int, string) {
	owns := who == "owner" && (state == "own" && c.names != "" || state == "trashed" && c.trashedToo)
	switch {
	case c.always > 0:
		return c.always, ""
	case who == "nobody":
		return 401, "token_missing"
	case who == "bad token":
		return 401, "token_invalid"
	case who == "suspended" && logout: // twice is as good as once
		return 200, ""
	case who == "suspended":
		return 401, "token_revoked"
	case c.permission != "" && who != "admin" && (c.permission == "change" || who != "auditor"):
		return 403, "permission_denied"
	case c.names == "", owns, c.names == "user" && state != "missing" && state != "malformed":
		return 200, ""
	default:
		return 404, c.names + "_not_found"
	}
}

// ask sends the request of a route about an id.
func (x *cast) ask(c *testkit.Client, route, id string, cell cell, own property) *testkit.Response {
	method, path, _ := strings.Cut(route, " ")
	if !outside.MatchString(route) {
		path = "/api/v1" + path
	}
	path = regexp.MustCompile(`\{\w+\}`).ReplaceAllString(path, id)
	var body any
	if cell.body != "" {
		body = strings.Replace(cell.body, "{item}", own.live["item"], 1)
	}
	return c.Do(method, path, body)
}

func TestEveryCallerMeetsEveryRoute(t *testing.T) {
	t.Parallel()
	routes := allRoutes(t)
	for route := range matrix {
		if !slices.Contains(routes, route) {
			t.Errorf("the matrix has %s, routes.go has not", route)
		}
	}
	x := newCast(t)
	for _, route := range routes {
		cell, ok := matrix[route]
		if !ok {
			t.Errorf("the matrix has no row for %s", route)
			continue
		}
		x.meet(route, cell)
	}
}

// meet lets everybody call a route about everything that its path may name.
func (x *cast) meet(route string, c cell) {
	x.t.Helper()
	states := []string{"own"}
	if c.names != "" {
		states = []string{"own", "foreign", "missing", "malformed", "trashed"}
	}
	refusals := map[string]map[string]string{}
	for _, state := range states {
		owner, own := acquire(x.t, x.s)
		id := own.live[c.names]
		switch state {
		case "foreign":
			id = x.foreign(c.names)
		case "missing":
			id = "01890a5d-ac96-774b-bcce-b302099a8057"
		case "malformed":
			id = "01890A5D-AC96-774B-BCCE-B302099A8057" // as long as one that is well formed
		case "trashed":
			if id = own.trashed[c.names]; id == "" {
				continue
			}
		}
		for _, who := range callers {
			caller := owner
			if who != "owner" {
				caller = x.known[who]
				if c.ends {
					caller = x.somebody(who)
				}
			}
			status, code := c.wanted(who, state, strings.HasSuffix(route, "/logout"))
			answer := x.ask(caller, route, id, c, own)
			got := answer.Status
			if got/100 == 2 && status/100 == 2 {
				got = status
			}
			if got != status || code != "" && races.Code(answer) != fmt.Sprint(status, " ", code) {
				x.t.Errorf("%s of %s by %s: %s, want %d %s: %s", route, state, who, races.Code(answer), status, code, answer.Body)
			}
			if status == 404 && c.always == 0 {
				if refusals[who] == nil {
					refusals[who] = map[string]string{}
				}
				refusals[who][state] = heard(answer, id)
			}
		}
	}
	for who, byState := range refusals {
		for state, told := range byState {
			if diff := cmp.Diff(byState["missing"], told); diff != "" {
				x.t.Errorf("%s by %s (-missing +%s):\n%s", route, who, state, diff)
			}
		}
	}
}

// foreign is something that belongs to somebody else again.
func (x *cast) foreign(what string) string {
	x.t.Helper()
	_, theirs := acquire(x.t, x.s)
	return theirs.live[what]
}

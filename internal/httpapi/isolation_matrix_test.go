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

// routeCase describes a route: a request that succeeds, and what its path
// names.
type routeCase struct {
	// method is that of the route.
	method string
	// names is project, baseline, specification, item, deleted item, session, token, bot,
	// bot token or user; empty for none.
	names string
	// part is what the second id of the path names: member or invitation.
	part string
	body string
	// query is what the request needs in its query string.
	query string
	// permission is read or change for routes that need a role.
	permission string
	// anyCaller is the status where the caller does not matter.
	anyCaller int
	// trashedToo is true for routes that work on the trash.
	trashedToo bool
	// ownerOnly is true for routes that no member may use.
	ownerOnly bool
	// readsFirst is true for writes that read before they lock: a viewer learns that the
	// thing is in the trash before the right to write is needed.
	readsFirst bool
	// endsSession is true for routes that end the session of their caller.
	endsSession bool
}

// routeCases has every route. A missing route fails the test.
var routeCases = map[string]routeCase{
	"POST /auth/login":          {anyCaller: 401, body: `{"id_token": "x"}`},
	"GET /auth/google":          {anyCaller: 302},
	"GET /auth/google/callback": {anyCaller: 403},
	"POST /auth/refresh":        {anyCaller: 401, body: `{"refresh_token": "x"}`},
	"POST /auth/logout":         {body: `{}`, endsSession: true},

	"GET /auth/sessions":         {},
	"DELETE /auth/sessions/{id}": {names: "session"},
	"GET /users/me":              {},
	"PATCH /users/me":            {body: `{"name": "x"}`},
	"DELETE /users/me":           {endsSession: true},
	"GET /users/me/export":       {},

	"GET /tokens":                         {},
	"POST /tokens":                        {body: `{"name": "x", "scopes": ["read"]}`},
	"DELETE /tokens/{id}":                 {names: "token"},
	"GET /bots":                           {},
	"POST /bots":                          {body: `{"name": "x"}`},
	"PATCH /bots/{id}":                    {names: "bot", body: `{"name": "x"}`},
	"DELETE /bots/{id}":                   {names: "bot"},
	"GET /bots/{id}/tokens":               {names: "bot"},
	"POST /bots/{id}/tokens":              {names: "bot", body: `{"name": "x", "scopes": ["read"]}`},
	"DELETE /bots/{id}/tokens/{token_id}": {names: "bot token"},

	"GET /projects":               {},
	"POST /projects":              {body: `{"title": "x"}`},
	"GET /projects/{id}":          {names: "project"},
	"PUT /projects/{id}":          {names: "project", body: `{"title": "x"}`},
	"PATCH /projects/{id}":        {names: "project", body: `{"title": "x"}`},
	"DELETE /projects/{id}":       {names: "project", ownerOnly: true},
	"POST /projects/{id}/restore": {names: "project", trashedToo: true, ownerOnly: true},
	"GET /projects/{id}/changes":  {names: "project"},

	"GET /projects/{id}/members":                        {names: "project"},
	"POST /projects/{id}/members":                       {names: "project", body: `{"bot_id": "{bot}", "role": "viewer"}`, ownerOnly: true},
	"PATCH /projects/{id}/members/{user_id}":            {names: "project", part: "member", body: `{"role": "viewer"}`, ownerOnly: true},
	"DELETE /projects/{id}/members/{user_id}":           {names: "project", part: "member", ownerOnly: true},
	"GET /projects/{id}/invitations":                    {names: "project", ownerOnly: true},
	"POST /projects/{id}/invitations":                   {names: "project", body: `{"role": "viewer"}`, ownerOnly: true},
	"DELETE /projects/{id}/invitations/{invitation_id}": {names: "project", part: "invitation", ownerOnly: true},
	"POST /invitations/accept":                          {body: `{"secret": "{secret}"}`},

	"GET /projects/{id}/diff":       {names: "project", query: "?from=r1"},
	"DELETE /projects/{id}/history": {names: "project", query: "?before=r1", ownerOnly: true},
	"GET /projects/{id}/baselines":  {names: "project"},
	"POST /projects/{id}/baselines": {names: "project", body: `{"name": "x"}`, readsFirst: true},
	"GET /baselines/{id}":           {names: "baseline"},
	"PATCH /baselines/{id}":         {names: "baseline", body: `{"name": "x"}`},
	"DELETE /baselines/{id}":        {names: "baseline", ownerOnly: true},
	"GET /projects/{id}/events":     {names: "project"},
	"GET /events":                   {},
	"GET /projects/{id}/specs":      {names: "project"},
	"POST /projects/{id}/specs":     {names: "project", body: `{"content": "x"}`},
	"GET /specs/{id}":               {names: "specification"},
	"PUT /specs/{id}":               {names: "specification", body: `{"content": "x"}`},
	"PATCH /specs/{id}":             {names: "specification", body: `{"content": "x"}`},
	"DELETE /specs/{id}":            {names: "specification", ownerOnly: true},
	"POST /specs/{id}/restore":      {names: "specification", trashedToo: true},
	"GET /specs/{id}/revisions":     {names: "specification"},
	"GET /specs/{id}/diff":          {names: "specification", query: "?from=v1"},
	"DELETE /specs/{id}/history":    {names: "specification", query: "?before=v1", ownerOnly: true},
	"GET /projects/{id}/items":      {names: "project"},
	"GET /specs/{id}/items":         {names: "specification"},
	"POST /specs/{id}/items":        {names: "specification", body: `{"content": "x"}`},
	"PUT /specs/{id}/items":         {names: "specification", body: `{"items": [{"content": "x"}]}`},
	"PUT /specs/{id}/items/reorder": {names: "specification", body: `{"item_ids": ["{item}"]}`},
	"GET /items/{id}":               {names: "item"},
	"PUT /items/{id}":               {names: "item", body: `{"content": "x"}`},
	"PATCH /items/{id}":             {names: "item", body: `{"content": "x"}`},
	"DELETE /items/{id}":            {names: "item"},
	"POST /items/{id}/restore":      {names: "deleted item"},
	"POST /items/{id}/move":         {names: "item", body: `{"specification_id": "{specification}"}`},

	"GET /search": {query: "?q=x"},

	"GET /admin/users":        {permission: "read"},
	"PATCH /admin/users/{id}": {permission: "change", names: "user", body: `{"role": "user"}`},
	"GET /admin/audit-events": {permission: "read"},

	"GET /openapi.json":          {anyCaller: 200},
	"GET /openapi.yaml":          {anyCaller: 200},
	"GET /docs":                  {anyCaller: 200},
	"GET /docs/{asset}":          {anyCaller: 404},
	"GET /problems":              {anyCaller: 200},
	"GET /problems/{code}":       {anyCaller: 404},
	"GET /.well-known/jwks.json": {anyCaller: 200}, // with a key file
	"GET /health":                {anyCaller: 200},
	"GET /health/live":           {anyCaller: 200},
	"GET /health/ready":          {anyCaller: 200},
	"GET /health/db":             {anyCaller: 200},
	"GET /health/redis":          {anyCaller: 200},
	"GET /metrics":               {anyCaller: 200},
}

// bodyWith is the body about the resources with these ids; nil for none.
func (c routeCase) bodyWith(ids map[string]string) any {
	if c.body == "" {
		return nil
	}
	return strings.NewReplacer("{item}", ids["item"], "{specification}", ids["specification"], "{secret}", ids["secret"], "{bot}", ids["bot"]).Replace(c.body)
}

// outsidePrefix matches the routes that are not below the contract's prefix.
var outsidePrefix = regexp.MustCompile(`^\w+ /(docs|problems|health|metrics|\.well-known)`)

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

// callerKinds are all kinds of callers. The last two change things: each has its own.
var callerKinds = []string{"anonymous", "bad token", "suspended", "another user", "auditor", "admin", "former member", "viewer", "editor", "owner"}

// isMember reports whether callers of a kind are members of the projects of each owner.
func isMember(kind string) bool { return kind == "viewer" || kind == "editor" }

// callerFixture creates callers of each kind.
type callerFixture struct {
	t      *testing.T
	s      *testkit.Server
	admin  *testkit.Client
	shared map[string]*testkit.Client
	// shareable is a project of the admin, to which callers are invited.
	shareable project
	// keys configures a replica with the keys of the server.
	keys func(*server.Settings)
}

func newCallerFixture(t *testing.T) *callerFixture {
	t.Helper()
	keys := keySettings{file: newKeyPair(t, "Ed25519").private}.set
	s := testkit.Start(t, withAdmin, keys)
	x := &callerFixture{t: t, s: s, keys: keys, admin: s.SignIn(t, adminEmail), shared: map[string]*testkit.Client{}}
	for _, kind := range callerKinds[:len(callerKinds)-1] {
		x.shared[kind] = x.newCaller(kind)
	}
	return x
}

// newCaller creates a caller of a kind.
func (x *callerFixture) newCaller(kind string) *testkit.Client {
	x.t.Helper()
	switch kind {
	case "anonymous":
		return x.s.Anonymous(x.t)
	case "bad token":
		return withToken(x.t, x.s, "x.y.z")
	}
	c := x.s.SignUp(x.t)
	change := map[string]string{"suspended": `{"suspended": true}`, "auditor": `{"role": "auditor"}`, "admin": `{"role": "admin"}`}[kind]
	if change != "" {
		x.admin.Patch(usersPath+"/"+c.User, change).Want(200)
	}
	return c
}

// wantResponse is the response that a caller has to get. 200 stands for any
// success.
func (c routeCase) wantResponse(kind, state string, logout bool) (int, string) {
	if isMember(kind) && slices.Contains(sharedKinds, c.names) && (state == "own" || state == "trashed") {
		return c.wantMember(kind, state)
	}
	owns := kind == "owner" && (slices.Contains([]string{"own", "unshared"}, state) && c.names != "" || state == "trashed" && c.trashedToo)
	switch {
	case c.anyCaller > 0:
		return c.anyCaller, ""
	case kind == "anonymous":
		return 401, "token_missing"
	case kind == "bad token":
		return 401, "token_invalid"
	case kind == "suspended" && logout: // a second logout succeeds
		return 200, ""
	case kind == "suspended":
		return 401, "token_revoked"
	case c.permission != "" && kind != "admin" && (c.permission == "change" || kind != "auditor"):
		return 403, "permission_denied"
	case c.names == "", owns, c.names == "user" && state != "missing" && state != "malformed":
		return 200, ""
	default:
		return 404, c.names[strings.LastIndex(c.names, " ")+1:] + "_not_found"
	}
}

// sharedKinds are what projects have, and share with their members.
var sharedKinds = []string{"project", "baseline", "specification", "item", "deleted item"}

// wantMember is the response that a member has to get for what is shared.
func (c routeCase) wantMember(kind, state string) (int, string) {
	reads := c.method == "GET"
	switch {
	case state == "trashed" && c.readsFirst:
		return 404, strings.TrimPrefix(c.names, "deleted ") + "_not_found"
	case c.ownerOnly, !reads && kind == "viewer", !reads && state == "trashed" && c.trashedToo:
		return 403, "permission_denied"
	case state == "trashed":
		return 404, strings.TrimPrefix(c.names, "deleted ") + "_not_found"
	default:
		return 200, ""
	}
}

// share makes the shared callers members of all projects of an owner.
func (x *callerFixture) share(owner *testkit.Client) {
	x.t.Helper()
	for _, kind := range []string{"former member", "viewer", "editor"} {
		role := kind
		if kind == "former member" {
			role = "editor"
		}
		execSQL(x.t, x.s, `INSERT INTO project_members (owner_id, project_id, user_id, role, created_at, removed_at)
			SELECT owner_id, id, $2, $3, now(), CASE WHEN $4 THEN now() END FROM projects WHERE owner_id = $1`,
			owner.User, x.shared[kind].User, role, kind == "former member")
	}
}

// send sends the request of a route with an id.
func (x *callerFixture) send(c *testkit.Client, route, id string, cell routeCase, own ownedIDs) *testkit.Response {
	method, path, _ := strings.Cut(route, " ")
	if !outsidePrefix.MatchString(route) {
		path = "/api/v1" + path
	}
	if cell.names == "" {
		id = "nothing" // for pages
	}
	return c.Do(method, x.fill(path, id, cell, own)+cell.query, cell.bodyWith(own.live))
}

func TestIsolation_EveryCallerAtEveryRoute(t *testing.T) {
	t.Parallel()
	routes := allRoutes(t)
	for route := range routeCases {
		if !slices.Contains(routes, route) {
			t.Errorf("routeCases has %s, but routes.go has not", route)
		}
	}
	x := newCallerFixture(t)
	for _, route := range routes {
		cell, ok := routeCases[route]
		if !ok {
			t.Errorf("routeCases has no case for %s", route)
			continue
		}
		cell.method, _, _ = strings.Cut(route, " ")
		x.checkRoute(route, cell)
	}
}

// checkRoute sends the requests of every caller for everything that the path
// may name.
func (x *callerFixture) checkRoute(route string, c routeCase) {
	x.t.Helper()
	states := []string{"own"}
	if c.names != "" {
		states = []string{"own", "foreign", "missing", "malformed", "trashed", "unshared"}
	}
	notFound := map[string]map[string]string{}
	for _, state := range states {
		owner, own := newOwner(x.t, x.s)
		x.share(owner)
		if state == "unshared" { // of the same owner
			own.live = newOwned(owner).live
		}
		if c.part != "" {
			own.addMember(x.t, x.s, owner)
		}
		id := own.live[c.names]
		switch state {
		case "foreign":
			id = x.foreignID(c.names)
		case "missing":
			id = "01890a5d-ac96-774b-bcce-b302099a8057"
		case "malformed":
			id = "01890A5D-AC96-774B-BCCE-B302099A8057" // the same length as a valid one
		case "trashed":
			if id = own.trashed[c.names]; id == "" {
				continue
			}
		}
		if c.names == "bot token" && !strings.Contains(id, "/") {
			id += "/tokens/" + id
		}
		for _, kind := range callerKinds {
			if kind == "owner" && c.method != "GET" && (state == "own" || state == "trashed") { // the editor has changed it
				owner, own = newOwner(x.t, x.s)
				if c.part != "" {
					own.addMember(x.t, x.s, owner)
				}
				if id = own.live[c.names]; state == "trashed" {
					id = own.trashed[c.names]
				}
			}
			caller := owner
			if kind != "owner" {
				caller = x.shared[kind]
				if c.endsSession {
					caller = x.newCaller(kind)
				}
			}
			status, code := c.wantResponse(kind, state, strings.HasSuffix(route, "/logout"))
			answer := x.send(caller, route, id, c, own)
			got := answer.Status
			if got/100 == 2 && status/100 == 2 {
				got = status
			}
			if got != status || code != "" && races.Code(answer) != fmt.Sprint(status, " ", code) {
				x.t.Errorf("%s of %s by %s: %s, want %d %s: %s", route, state, kind, races.Code(answer), status, code, answer.Body)
			}
			if status == 404 && c.anyCaller == 0 {
				if notFound[kind] == nil {
					notFound[kind] = map[string]string{}
				}
				notFound[kind][state] = strings.ReplaceAll(formatResponse(answer, id), own.live[c.part], c.part)
			}
		}
	}
	for kind, byState := range notFound {
		for state, response := range byState {
			if diff := cmp.Diff(byState["missing"], response); diff != "" {
				x.t.Errorf("%s by %s (-missing +%s):\n%s", route, kind, state, diff)
			}
		}
	}
}

// foreignID is the id of a resource of another user.
func (x *callerFixture) foreignID(what string) string {
	x.t.Helper()
	_, theirs := newOwner(x.t, x.s)
	return theirs.live[what]
}

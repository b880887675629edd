package httpapi_test

import (
	"context"
	"net/url"
	"strings"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// patrol asks every route in every way.
type patrol struct {
	*canaries

	admin, ann, ben, ended *testkit.Client
	seen                   map[int]bool
	// kept is property of Ann's that stays.
	kept struct{ project, specification, item string }
}

func newPatrol(x *canaries) *patrol {
	x.t.Helper()
	w := &patrol{canaries: x, admin: x.s.SignIn(x.t, adminEmail), seen: map[int]bool{}}
	w.ann, w.ben, w.ended = x.signIn("ann@"+bird+".example"), x.signIn("ben@"+bird+".example"), x.signIn("carl@"+bird+".example")
	w.ended.Post("/api/v1/auth/logout", `{}`).Want(204)
	w.token("an access token", w.admin.Token)
	w.token("a refresh token", w.admin.RefreshToken)
	w.kept.project, w.kept.specification, w.kept.item = w.property()
	return w
}

// property is new property of Ann's.
func (w *patrol) property() (projectID, specID, itemID string) {
	w.t.Helper()
	var spec, item struct{ ID string }
	p := projectOf(w.ann.Post(projectsPath, map[string]any{"title": bird, "description": bird}).Want(201))
	w.ann.Post(p.path()+"/specs", map[string]any{"title": bird, "content": bird}).Want(201).Decode(&spec)
	w.ann.Post("/api/v1/specs/"+spec.ID+"/items", map[string]any{"content": bird}).Want(201).Decode(&item)
	return p.ID, spec.ID, item.ID
}

// marked is a body with the canary in its text.
func marked(body string) string { return strings.ReplaceAll(body, `"x"`, `"`+bird+`"`) }

// target is what a request is about.
type target struct {
	method, path, id string
	body             any
	by               *testkit.Client
	cell             cell
}

// target prepares a route for a success, with property that is new.
func (w *patrol) target(route string) target {
	w.t.Helper()
	t := target{by: w.ann, cell: matrix[route]}
	if t.cell.permission != "" {
		t.by = w.admin
	} else if t.cell.ends {
		t.by = w.signIn("leaving@" + bird + ".example")
	}
	var path string
	t.method, path, _ = strings.Cut(route, " ")
	if !outside.MatchString(route) {
		path = "/api/v1" + path
	}
	item := ""
	switch t.cell.names {
	case "project", "specification", "item":
		var project, spec string
		project, spec, item = w.property()
		t.id = map[string]string{"project": project, "specification": spec, "item": item}[t.cell.names]
	case "session":
		t.id = w.signIn("ann@" + bird + ".example").Session // another one of hers
	case "user":
		t.id = w.ben.User
	default:
		t.id = echo
	}
	t.path = idInPath.ReplaceAllString(path, t.id)
	if t.cell.body != "" {
		t.body = marked(strings.Replace(t.cell.body, "{item}", item, 1))
	}
	return t
}

// try asks, and remembers which statuses there were.
func (w *patrol) try(by *testkit.Client, method, path string, body any, headers ...string) *testkit.Response {
	w.t.Helper()
	a := w.ask(by, method, path, body, headers...)
	w.seen[a.Status] = true
	return a
}

// meet asks a route in every way that is refused, and then in one that is not.
func (w *patrol) meet(route string) {
	w.t.Helper()
	t := w.target(route)
	nobody, stranger := w.s.Anonymous(w.t), w.ben
	if t.cell.ends {
		stranger = w.signIn("stranger@" + bird + ".example")
	}
	w.try(nobody, t.method, t.path, t.body)
	w.try(w.ended, t.method, t.path, t.body)
	w.try(withToken(w.t, w.s, t.by.Token+bird), t.method, t.path, t.body)
	w.try(nobody, t.method, t.path, t.body, "Authorization", bird+" "+bird)
	w.try(stranger, t.method, t.path, t.body)
	w.try(t.by, t.method, strings.Replace(t.path, t.id, "01890a5d-ac96-774b-bcce-b302099a8057", 1), t.body)
	w.try(t.by, t.method, strings.Replace(t.path, t.id, echo, 1), t.body)
	w.try(t.by, t.method, t.path+"/"+echo, t.body)
	w.try(t.by, "PROPFIND", t.path, t.body)
	for _, query := range []string{"page_size=" + bird, "page_token=" + bird, "order_by=" + bird, "include=" + bird, "since=" + bird, echo + "=" + bird, "trashed=" + bird, "q=%00" + bird} {
		w.try(t.by, t.method, t.path+"?"+query, t.body)
	}
	for _, body := range []string{
		`{"` + bird, `"` + bird + "\xff\"", `{"title":"` + bird + `"} ` + bird, `{"` + echo + `":"` + bird + `"}`,
		`{"title":["` + bird + `"],"content":{"` + echo + `":"` + bird + `"},"name":7,"item_ids":["` + bird + `"],"role":"` + bird + `","order":"` + bird + `"}`,
		`{"title":"` + strings.Repeat(bird, 20) + `\u0000","content":"` + bird + `\u0000","name":"` + strings.Repeat(bird, 40) + `"}`,
		`{"id_token":"` + bird + `.` + bird + `.` + bird + `"}`, `{"refresh_token":"` + bird + `"}`,
		`{"code":"` + bird + `","code_verifier":"` + strings.Repeat(bird, 4) + `","redirect_uri":"https://` + bird + `.example/"}`,
		`{"item_ids":["01890a5d-ac96-774b-bcce-b302099a8057"]}`,
		`"` + strings.Repeat(bird, 90_000) + `"`,
	} {
		w.try(t.by, t.method, t.path, body)
	}
	w.try(t.by, t.method, t.path, t.body, "Content-Type", "text/"+bird)
	w.try(t.by, t.method, t.path, t.body, "Content-Encoding", bird)
	w.try(t.by, t.method, t.path, t.body, "If-Match", bird)
	w.try(t.by, t.method, t.path, t.body, "If-Match", `"999"`)
	w.try(t.by, t.method, t.path, t.body, "Idempotency-Key", bird+" ü")
	w.try(t.by, t.method, t.path, t.body, "X-Request-Id", bird+" "+bird)
	w.try(t.by, t.method, t.path, t.body, "Traceparent", bird)
	w.try(t.by, t.method, t.path, t.body, "Origin", "https://"+bird+".example")
	w.try(t.by, t.method, t.path, t.body, "X-Large", strings.Repeat(bird, 6_000))
	if t.method == "POST" && t.cell.body != "" {
		w.try(t.by, t.method, t.path, t.body, "Idempotency-Key", bird)
		w.try(t.by, t.method, t.path, strings.Replace(t.cell.body, `"x"`, `"`+bird+` again"`, 1), "Idempotency-Key", bird)
	}
	// What a request before this one has ended or deleted is not there any more.
	if a := w.try(t.by, t.method, t.path, t.body); t.cell.always == 0 && !t.cell.ends && a.Status != 404 && a.Status >= 400 {
		w.t.Errorf("%s ends in %d %s", route, a.Status, a.Body)
	}
}

// signInsByCode signs in by codes and browsers, well and not.
func (w *patrol) signInsByCode() {
	w.t.Helper()
	nobody := w.s.Anonymous(w.t)
	code := codeFor(w.t, w.s, loopback)
	w.secret[code], w.secret[verifier] = "a code", "a verifier"
	w.try(nobody, "POST", loginPath, codeBody(code, verifier, loopback)).Want(200)
	w.try(nobody, "POST", loginPath, codeBody(code, verifier, loopback)).Want(401)
	other := codeFor(w.t, w.s, loopback)
	w.secret[other] = "a code"
	w.try(nobody, "POST", loginPath, codeBody(other, strings.Repeat("v", 43), loopback)).Want(401)

	b := newVisitor(w.t, w.s)
	page := b.begin("/docs")
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		w.secret[page.Query().Get(name)] = name
	}
	back := b.choose(page, "ann@example.com")
	for name, value := range b.cookies {
		w.token("the cookie "+name, value.Value)
	}
	address, err := url.Parse(back)
	if err != nil {
		w.t.Fatal(err)
	}
	w.secret[address.Query().Get("code")] = "a code of a browser"
	w.try(nobody, "GET", back, nil).Want(403) // of another browser
	b.open(back).Want(302)
	for name, value := range b.cookies {
		w.token("the cookie "+name, value.Value)
	}
	b.open(back) // twice
	w.try(nobody, "GET", callbackPath+"?error="+bird+"&error_description="+bird+"&state="+bird, nil)
	w.try(w.ann, "POST", "/api/v1/auth/refresh", `{"refresh_token":"`+w.ann.RefreshToken+`x"}`)
	w.try(w.ann, "POST", "/api/v1/auth/refresh", `{"refresh_token":"`+w.ended.RefreshToken+`"}`)
	w.try(nobody, "POST", "/api/v1/auth/refresh", "{}", "Cookie", "refresh_token="+w.ben.RefreshToken, "Origin", "https://"+bird+".example").Want(403)
}

// pages reads lists by page tokens, also by those of others.
func (w *patrol) pages() {
	w.t.Helper()
	for by, path := range map[*testkit.Client]string{w.ann: projectsPath, w.admin: usersPath} {
		var page struct {
			Token string `json:"next_page_token"`
		}
		w.try(by, "GET", path+"?page_size=1&order_by=created_at", nil).Decode(&page)
		if page.Token == "" {
			w.try(by, "GET", path+"?page_size=1", nil).Want(200).Decode(&page)
		}
		w.token("a page token", page.Token)
		w.try(by, "GET", path+"?page_size=1&page_token="+page.Token+"x", nil).Want(400)
		w.try(w.ben, "GET", projectsPath+"?page_size=1&page_token="+page.Token, nil).Want(400)
	}
	for _, status := range []int{200, 201, 204, 302, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 431} {
		if !w.seen[status] {
			w.t.Errorf("no answer was %d", status)
		}
	}
}

// brokenDown asks everything of a database that fails and tells all it knows.
func (w *patrol) brokenDown(reads bool) {
	w.t.Helper()
	failed := 0
	for _, route := range allRoutes(w.t) {
		c := matrix[route]
		method, path, _ := strings.Cut(route, " ")
		if outside.MatchString(route) || method == "GET" && !reads {
			continue
		}
		by := w.ann
		if c.permission != "" {
			by = w.admin
		}
		id := map[string]string{
			"project": w.kept.project, "specification": w.kept.specification, "item": w.kept.item, "session": w.ann.Session, "user": w.ben.User,
		}[c.names]
		body := marked(strings.Replace(c.body, "{item}", w.kept.item, 1))
		if strings.HasSuffix(path, "/login") {
			token := idToken(w.t, w.s, issuer.Claims{Email: "new@" + bird + ".example", Name: bird, Subject: bird})
			w.token("an ID token", token)
			body = `{"id_token":"` + token + `"}`
		}
		if strings.HasSuffix(path, "/refresh") {
			body = `{"refresh_token":"` + w.ann.RefreshToken + `"}`
		}
		if w.try(by, method, "/api/v1"+idInPath.ReplaceAllString(path, id), body).Status == 500 {
			failed++
		}
	}
	if failed < 10 {
		w.t.Errorf("only %d requests failed of a database that fails at everything", failed)
	}
}

// tattle makes PostgreSQL tell all it knows.
const tattle = `
RAISE EXCEPTION USING MESSAGE = 'not this: ' || said, DETAIL = 'Failing row contains ' || said, HINT = said, COLUMN = said, TABLE = said`

// breakRows lets every change of a row fail.
func (w *patrol) breakRows() {
	w.t.Helper()
	db := superuser(w.t, w.s)
	run(w.t, db, `CREATE FUNCTION tattle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said text := coalesce(NEW, OLD)::text; BEGIN `+tattle+`; END $$`)
	w.t.Cleanup(func() {
		_, _ = db.Exec(context.WithoutCancel(w.t.Context()), `DROP FUNCTION tattle() CASCADE`)
	})
	for _, table := range []string{"users", "sessions", "projects", "specifications", "bullet_items", "audit_events"} {
		run(w.t, db, `CREATE TRIGGER tattle BEFORE INSERT OR UPDATE OR DELETE ON `+table+` FOR EACH ROW EXECUTE FUNCTION tattle()`)
	}
}

// breakSessions lets every transaction of somebody who is signed in fail.
func (w *patrol) breakSessions() {
	w.t.Helper()
	db := superuser(w.t, w.s)
	run(w.t, db, `ALTER FUNCTION live_session(uuid, uuid) RENAME TO the_live_session`)
	w.t.Cleanup(func() {
		ctx := context.WithoutCancel(w.t.Context())
		_, _ = db.Exec(ctx, `DROP FUNCTION IF EXISTS live_session(uuid, uuid)`)
		if _, err := db.Exec(ctx, `ALTER FUNCTION the_live_session(uuid, uuid) RENAME TO live_session`); err != nil {
			w.t.Errorf("the database is left broken: %v", err)
		}
	})
	run(w.t, db, `CREATE FUNCTION live_session(session uuid, caller uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE said text := '`+bird+`'; BEGIN `+tattle+`; END $$`)
	run(w.t, db, `GRANT EXECUTE ON FUNCTION live_session(uuid, uuid) TO PUBLIC`)
}

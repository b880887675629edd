package httpapi_test

import (
	"context"
	"maps"
	"net/url"
	"strings"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// canaryRequests sends every kind of request to every route.
type canaryRequests struct {
	*canaryFixture

	admin, ann, ben, ended *testkit.Client
	statuses               map[int]bool
	// permanent are the ids of content of Ann that is not deleted, by kind.
	permanent map[string]string
	// bot is one that joins projects; a person has few.
	bot string
}

func newCanaryRequests(x *canaryFixture) *canaryRequests {
	x.t.Helper()
	w := &canaryRequests{canaryFixture: x, admin: x.s.SignIn(x.t, adminEmail), statuses: map[int]bool{}}
	w.ann, w.ben, w.ended = x.signIn("ann@"+canary+".example"), x.signIn("ben@"+canary+".example"), x.signIn("carl@"+canary+".example")
	w.ended.Post("/api/v1/auth/logout", `{}`).Want(204)
	w.addToken("an access token", w.admin.Token)
	w.addToken("a refresh token", w.admin.RefreshToken)
	w.permanent = w.createContent()
	return w
}

// createContent creates new content of Ann. It returns the ids by kind.
func (w *canaryRequests) createContent() map[string]string {
	w.t.Helper()
	var spec, item struct{ ID string }
	p := projectOf(w.ann.Post(projectsPath, map[string]any{"title": canary, "description": canary}).Want(201))
	w.ann.Post(p.path()+"/specs", map[string]any{"title": canary, "content": canary}).Want(201).Decode(&spec)
	w.ann.Post("/api/v1/specs/"+spec.ID+"/items", map[string]any{"content": canary}).Want(201).Decode(&item)
	return map[string]string{
		"project": p.ID, "specification": spec.ID, "item": item.ID,
		"deleted item": newDeletedItem(w.ann, specOf(w.ann.Get("/api/v1/specs/"+spec.ID).Want(200))),
		"baseline":     newBaseline(w.ann, specProject{ID: p.ID}, canary+" of earlier"),
	}
}

// withCanary puts the canary into the texts of a body.
func withCanary(body any) any {
	if text, ok := body.(string); ok {
		return strings.ReplaceAll(text, `"x"`, `"`+canary+`"`)
	}
	return body
}

// target is a request that succeeds.
type target struct {
	method, path, id string
	body             any
	by               *testkit.Client
	cell             routeCase
}

// query is the query string of the request.
func (t target) query() string { return strings.ReplaceAll(t.cell.query, "=x", "="+canary) }

// prepare creates content for a request of a route that succeeds.
func (w *canaryRequests) prepare(route string) target {
	w.t.Helper()
	t := target{by: w.ann, cell: routeCases[route]}
	if t.cell.permission != "" {
		t.by = w.admin
	} else if t.cell.endsSession {
		t.by = w.signIn("leaving@" + canary + ".example")
	}
	var path string
	t.method, path, _ = strings.Cut(route, " ")
	if !outsidePrefix.MatchString(route) {
		path = "/api/v1" + path
	}
	var content map[string]string
	switch t.cell.names {
	case "project", "baseline", "specification", "item", "deleted item":
		content = w.createContent()
		t.id = content[t.cell.names]
	case "session":
		t.id = w.signIn("ann@" + canary + ".example").Session // another session of the same user
	case "user":
		t.id = w.ben.User
	case "token":
		t.id = w.apiToken(tokensPath)
	case "bot", "bot token":
		t.id = newBot(w.ann, canary)
		if path := botsPath + "/" + t.id + "/tokens"; t.cell.names == "bot token" {
			t.id += "/tokens/" + w.apiToken(path)
		}
	default:
		t.id = echoed
	}
	switch {
	case t.cell.part == "member":
		share(w.ann, project{ID: t.id}, "editor", w.ben)
		path = strings.ReplaceAll(path, "{user_id}", w.ben.User)
	case t.cell.part == "invitation":
		path = strings.ReplaceAll(path, "{invitation_id}", w.invite(t.id).ID)
	case strings.Contains(t.cell.body, "{bot}"):
		if w.bot == "" {
			w.bot = newBot(w.ann, canary)
		}
		content["bot"] = w.bot
	case strings.Contains(t.cell.body, "{secret}"):
		t.by, content = w.ben, map[string]string{"secret": w.invite(w.createContent()["project"]).Secret}
	}
	t.path = pathParameter.ReplaceAllString(path, t.id)
	t.body = withCanary(t.cell.bodyWith(content))
	return t
}

// apiToken creates an API token below a path, and returns its id.
func (w *canaryRequests) apiToken(path string) string {
	w.t.Helper()
	made := newAPIToken(w.ann, path, "read")
	w.addToken("an API token", made.Token)
	return made.ID
}

// invite creates an invitation, whose secret is one more.
func (w *canaryRequests) invite(projectID string) invitation {
	made := invite(w.ann, project{ID: projectID}, "viewer")
	w.secrets[made.Secret] = "an invitation"
	return made
}

// send sends a request and records the status.
func (w *canaryRequests) send(by *testkit.Client, method, path string, body any, headers ...string) *testkit.Response {
	w.t.Helper()
	a := w.request(by, method, path, body, headers...)
	w.statuses[a.Status] = true
	return a
}

// sendEveryVariant sends every request of a route that is rejected, and then
// one that succeeds.
func (w *canaryRequests) sendEveryVariant(route string) {
	w.t.Helper()
	t := w.prepare(route)
	anonymous, otherUser := w.s.Anonymous(w.t), w.ben
	if t.cell.endsSession {
		otherUser = w.signIn("other-user@" + canary + ".example")
	}
	w.send(anonymous, t.method, t.path+t.query(), t.body)
	w.send(w.ended, t.method, t.path+t.query(), t.body)
	w.send(withToken(w.t, w.s, t.by.Token+canary), t.method, t.path+t.query(), t.body)
	w.send(anonymous, t.method, t.path+t.query(), t.body, "Authorization", canary+" "+canary)
	w.send(otherUser, t.method, t.path+t.query(), t.body)
	w.send(t.by, t.method, strings.Replace(t.path, t.id, "01890a5d-ac96-774b-bcce-b302099a8057", 1), t.body)
	w.send(t.by, t.method, strings.Replace(t.path, t.id, echoed, 1), t.body)
	w.send(t.by, t.method, t.path+"/"+echoed, t.body)
	w.send(t.by, "PROPFIND", t.path, t.body)
	for _, query := range []string{"page_size=" + canary, "page_token=" + canary, "order_by=" + canary, "include=" + canary, "since=" + canary, "at=" + canary, "from=" + canary, "from=v1&to=baseline:" + canary, "before=" + canary, echoed + "=" + canary, "trashed=" + canary, "q=%00" + canary} {
		w.send(t.by, t.method, t.path+"?"+query, t.body)
	}
	for _, body := range []string{
		`{"` + canary, `"` + canary + "\xff\"", `{"title":"` + canary + `"} ` + canary, `{"` + echoed + `":"` + canary + `"}`,
		`{"title":["` + canary + `"],"content":{"` + echoed + `":"` + canary + `"},"name":7,"item_ids":["` + canary + `"],"role":"` + canary + `","order":"` + canary + `"}`,
		`{"title":"` + strings.Repeat(canary, 20) + `\u0000","content":"` + canary + `\u0000","name":"` + strings.Repeat(canary, 40) + `"}`,
		`{"id_token":"` + canary + `.` + canary + `.` + canary + `"}`, `{"refresh_token":"` + canary + `"}`,
		`{"code":"` + canary + `","code_verifier":"` + strings.Repeat(canary, 4) + `","redirect_uri":"https://` + canary + `.example/"}`,
		`{"item_ids":["01890a5d-ac96-774b-bcce-b302099a8057"]}`, `{"to":"baseline:` + canary + `"}`,
		`{"to":"` + canary + `","undo":"` + canary + `","revision":"` + canary + `","specification_id":"` + canary + `","items":[{"id":"` + canary + `"}]}`,
		`"` + strings.Repeat(canary, 90_000) + `"`,
	} {
		w.send(t.by, t.method, t.path, body)
	}
	w.send(t.by, t.method, t.path+t.query(), t.body, "Content-Type", "text/"+canary)
	w.send(t.by, t.method, t.path+t.query(), t.body, "Content-Encoding", canary)
	w.send(t.by, t.method, t.path+t.query(), t.body, "If-Match", canary)
	w.send(t.by, t.method, t.path+t.query(), t.body, "If-Match", `"999"`)
	w.send(t.by, t.method, t.path+t.query(), t.body, "Idempotency-Key", canary+" ü")
	w.send(t.by, t.method, t.path+t.query(), t.body, "X-Request-Id", canary+" "+canary)
	w.send(t.by, t.method, t.path+t.query(), t.body, "Traceparent", canary)
	w.send(t.by, t.method, t.path+t.query(), t.body, "Origin", "https://"+canary+".example")
	w.send(t.by, t.method, t.path+t.query(), t.body, "X-Large", strings.Repeat(canary, 6_000))
	if t.method == "POST" && t.cell.body != "" {
		w.send(t.by, t.method, t.path+t.query(), t.body, "Idempotency-Key", canary)
		w.send(t.by, t.method, t.path, strings.Replace(t.cell.body, `"x"`, `"`+canary+` again"`, 1), "Idempotency-Key", canary)
	}
	t = w.prepare(route) // an earlier request may have deleted the resource or taken the name
	if a := w.send(t.by, t.method, t.path+t.query(), t.body); t.cell.anyCaller == 0 && a.Status >= 400 {
		w.t.Errorf("%s ends in %d %s", route, a.Status, a.Body)
	}
}

// loginByCode signs in by codes and browsers, with success and without.
func (w *canaryRequests) loginByCode() {
	w.t.Helper()
	anonymous := w.s.Anonymous(w.t)
	code := authorizationCode(w.t, w.s, loopback)
	w.secrets[code], w.secrets[pkceVerifier] = "a code", "a verifier"
	w.send(anonymous, "POST", loginPath, codeBody(code, pkceVerifier, loopback)).Want(200)
	w.send(anonymous, "POST", loginPath, codeBody(code, pkceVerifier, loopback)).Want(401)
	other := authorizationCode(w.t, w.s, loopback)
	w.secrets[other] = "a code"
	w.send(anonymous, "POST", loginPath, codeBody(other, strings.Repeat("v", 43), loopback)).Want(401)

	b := newBrowser(w.t, w.s)
	page := b.authorize("/docs")
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		w.secrets[page.Query().Get(name)] = name
	}
	back := b.chooseAccount(page, "ann@example.com")
	for name, value := range b.cookies {
		w.addToken("the cookie "+name, value.Value)
	}
	address, err := url.Parse(back)
	if err != nil {
		w.t.Fatal(err)
	}
	w.secrets[address.Query().Get("code")] = "a code of a browser"
	w.send(anonymous, "GET", back, nil).Want(403) // from another browser
	b.get(back).Want(302)
	for name, value := range b.cookies {
		w.addToken("the cookie "+name, value.Value)
	}
	b.get(back) // used twice
	w.send(anonymous, "GET", callbackPath+"?error="+canary+"&error_description="+canary+"&state="+canary, nil)
	w.send(w.ann, "POST", "/api/v1/auth/refresh", `{"refresh_token":"`+w.ann.RefreshToken+`x"}`)
	w.send(w.ann, "POST", "/api/v1/auth/refresh", `{"refresh_token":"`+w.ended.RefreshToken+`"}`)
	w.send(anonymous, "POST", "/api/v1/auth/refresh", "{}", "Cookie", refreshCookie(w.s)+"="+w.ben.RefreshToken, "Origin", "https://"+canary+".example").Want(403)
}

// readPages reads lists by page tokens, also by those of other users.
func (w *canaryRequests) readPages() {
	w.t.Helper()
	for by, path := range map[*testkit.Client]string{w.ann: projectsPath, w.admin: usersPath} {
		var page struct {
			Token string `json:"next_page_token"`
		}
		w.send(by, "GET", path+"?page_size=1&order_by=created_at", nil).Decode(&page)
		if page.Token == "" {
			w.send(by, "GET", path+"?page_size=1", nil).Want(200).Decode(&page)
		}
		w.addToken("a page token", page.Token)
		w.send(by, "GET", path+"?page_size=1&page_token="+page.Token+"x", nil).Want(400)
		w.send(w.ben, "GET", projectsPath+"?page_size=1&page_token="+page.Token, nil).Want(400)
	}
	for _, status := range []int{200, 201, 204, 302, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 431} {
		if !w.statuses[status] {
			w.t.Errorf("no answer was %d", status)
		}
	}
}

// sendToFailingDatabase sends every request to a database that fails with as
// many details as it can.
func (w *canaryRequests) sendToFailingDatabase(reads bool) {
	w.t.Helper()
	failed := 0
	for _, route := range allRoutes(w.t) {
		c := routeCases[route]
		method, path, _ := strings.Cut(route, " ")
		if outsidePrefix.MatchString(route) || method == "GET" && !reads {
			continue
		}
		by := w.ann
		if c.permission != "" {
			by = w.admin
		}
		ids := maps.Clone(w.permanent)
		ids["session"], ids["user"] = w.ann.Session, w.ben.User
		ids["token"], ids["bot"], ids["bot token"] = w.ann.Session, w.ben.User, w.ben.User+"/tokens/"+w.ann.Session
		body := withCanary(c.bodyWith(ids))
		if strings.HasSuffix(path, "/login") {
			token := idToken(w.t, w.s, issuer.Claims{Email: "new@" + canary + ".example", Name: canary, Subject: canary})
			w.addToken("an ID token", token)
			body = `{"id_token":"` + token + `"}`
		}
		if strings.HasSuffix(path, "/refresh") {
			body = `{"refresh_token":"` + w.ann.RefreshToken + `"}`
		}
		if w.send(by, method, "/api/v1"+pathParameter.ReplaceAllString(path, ids[c.names])+target{cell: c}.query(), body).Status == 500 {
			failed++
		}
	}
	if failed < 10 {
		w.t.Errorf("only %d requests failed although the database always fails", failed)
	}
}

// raiseEverything makes PostgreSQL put the row into every field of its error.
const raiseEverything = `
RAISE EXCEPTION USING MESSAGE = 'not this: ' || said, DETAIL = 'Failing row contains ' || said, HINT = said, COLUMN = said, TABLE = said`

// breakRows makes every write of a row fail.
func (w *canaryRequests) breakRows() {
	w.t.Helper()
	db := superuserConn(w.t, w.s)
	execOn(w.t, db, `CREATE FUNCTION raise_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE said text := coalesce(NEW, OLD)::text; BEGIN `+raiseEverything+`; END $$`)
	w.t.Cleanup(func() {
		_, _ = db.Exec(context.WithoutCancel(w.t.Context()), `DROP FUNCTION raise_row() CASCADE`)
	})
	for _, table := range []string{"users", "sessions", "projects", "specifications", "bullet_items", "baselines", "audit_events"} {
		execOn(w.t, db, `CREATE TRIGGER raise_row BEFORE INSERT OR UPDATE OR DELETE ON `+table+` FOR EACH ROW EXECUTE FUNCTION raise_row()`)
	}
}

// breakSessions makes every transaction of a signed-in user fail.
func (w *canaryRequests) breakSessions() {
	w.t.Helper()
	db := superuserConn(w.t, w.s)
	execOn(w.t, db, `ALTER FUNCTION live_session(uuid, uuid) RENAME TO the_live_session`)
	w.t.Cleanup(func() {
		ctx := context.WithoutCancel(w.t.Context())
		_, _ = db.Exec(ctx, `DROP FUNCTION IF EXISTS live_session(uuid, uuid)`)
		if _, err := db.Exec(ctx, `ALTER FUNCTION the_live_session(uuid, uuid) RENAME TO live_session`); err != nil {
			w.t.Errorf("the database is left broken: %v", err)
		}
	})
	execOn(w.t, db, `CREATE FUNCTION live_session(session uuid, caller uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE said text := '`+canary+`'; BEGIN `+raiseEverything+`; END $$`)
	execOn(w.t, db, `GRANT EXECUTE ON FUNCTION live_session(uuid, uuid) TO PUBLIC`)
}

package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// fixture is a reference with two users. The first has a specification with three items.
type fixture struct {
	server      *server
	super       *pgx.Conn
	ann, bob    caller
	project     id
	spec        id
	items       []id
	databaseURL string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	super, err := url.Parse(testkit.NewDatabase(t).Super)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{ann: caller{user: newID(), session: newID()}, bob: caller{user: newID(), session: newID()}, project: newID()}
	admin := connect(t, super.String())
	name, password := "reference_"+strings.ToLower(rand.Text()), "only-on-loopback-in-tests"
	f.exec(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { _, _ = admin.Exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)") }) //nolint:usetesting // the test's context is done
	super.Path = "/" + name
	f.super = connect(t, super.String())
	// Roles belong to all databases, and another test may have created them.
	f.exec(t, f.super, `DO $$ BEGIN CREATE ROLE bench_reference LOGIN PASSWORD '`+password+`'; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
	f.exec(t, f.super, `DO $$ BEGIN CREATE ROLE bench_peer BYPASSRLS; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`)
	for _, file := range []string{"schema.sql", "functions.sql"} {
		statements, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f.exec(t, f.super, string(statements))
	}
	for _, u := range []caller{f.ann, f.bob} {
		f.exec(t, f.super, "INSERT INTO users VALUES ($1)", u.user)
		f.exec(t, f.super, "INSERT INTO sessions VALUES ($1, $2, now() + interval '1 hour')", u.session, u.user)
	}
	f.exec(t, f.super, "INSERT INTO projects (owner_id, id, title, created_at, updated_at) VALUES ($1, $2, 'P', now(), now())", f.ann.user, f.project)
	super.User = url.UserPassword("bench_reference", password)
	f.databaseURL = super.String()
	if f.server, err = open(t.Context(), config{Database: f.databaseURL, Pool: 8, JWTSecret: "secret", PageKey: "page"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.server.writes.Close)
	t.Cleanup(f.server.reads.Close)
	f.spec = f.create(t, "/projects/"+f.project.String()+"/specs", `{"title":"T","content":"C"}`)
	for range 3 {
		f.items = append(f.items, f.create(t, "/specs/"+f.spec.String()+"/items", `{"content":"I"}`))
	}
	return f
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) //nolint:usetesting // the test's context is done
	return conn
}

func (f *fixture) exec(t *testing.T, conn *pgx.Conn, statement string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// send makes a request as a user. More are names and values of headers.
func (f *fixture) send(t *testing.T, as caller, method, path, body string, more ...string) *httptest.ResponseRecorder {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	token := encode([]byte(`{"typ":"at+jwt","alg":"HS256"}`)) + "." +
		encode(fmt.Appendf(nil, `{"iss":"codegenapp","sub":"%s","sid":"%s","exp":%d}`, as.user, as.session, time.Now().Add(time.Hour).Unix()))
	mac := hmac.New(sha256.New, []byte("secret"))
	mac.Write([]byte(token))
	r := httptest.NewRequestWithContext(t.Context(), method, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token+"."+encode(mac.Sum(nil)))
	for n := 0; n < len(more); n += 2 {
		r.Header.Set(more[n], more[n+1])
	}
	answer := httptest.NewRecorder()
	f.server.ServeHTTP(answer, r)
	return answer
}

func (f *fixture) create(t *testing.T, path, body string) id {
	t.Helper()
	answer := f.send(t, f.ann, http.MethodPost, path, body)
	var made struct{ ID id }
	if err := json.Unmarshal(answer.Body.Bytes(), &made); err != nil || answer.Code != http.StatusCreated {
		t.Fatalf("POST %s: %d %s", path, answer.Code, answer.Body)
	}
	return made.ID
}

// orderOf returns the ids of the items, and fails unless their places are 0, 1, 2 and so on.
func (f *fixture) orderOf(t *testing.T) []id {
	t.Helper()
	answer := f.send(t, f.ann, http.MethodGet, "/specs/"+f.spec.String()+"?include=items", "")
	var spec struct {
		Items []struct {
			ID            id
			Order, Number int
		}
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &spec); err != nil {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
	var ids []id
	numbers := map[int]bool{}
	for n, item := range spec.Items {
		if item.Order != n || numbers[item.Number] {
			t.Errorf("item %d has place %d and number %d", n, item.Order, item.Number)
		}
		numbers[item.Number] = true
		ids = append(ids, item.ID)
	}
	return ids
}

func order(items ...id) string {
	text, _ := json.Marshal(map[string]any{"item_ids": stringsOf(items)}) // strings can be encoded
	return string(text)
}

func stringsOf(items []id) (all []string) {
	for _, item := range items {
		all = append(all, item.String())
	}
	return all
}

func TestReference_RejectsOtherUsersAndEndedSessions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ended := caller{user: f.ann.user, session: newID()}
	f.exec(t, f.super, "INSERT INTO sessions VALUES ($1, $2, now() - interval '1 second')", ended.session, ended.user)
	spec, project := "/specs/"+f.spec.String(), "/projects/"+f.project.String()
	for _, r := range []struct{ method, path, body string }{
		{http.MethodGet, spec, ""},
		{http.MethodGet, spec + "?include=items", ""},
		{http.MethodGet, project + "/specs?page_size=20", ""},
		{http.MethodPatch, spec, `{"content":"D"}`},
		{http.MethodPatch, "/items/" + f.items[0].String(), `{"content":"D"}`},
		{http.MethodPost, project + "/specs", `{"title":"T","content":"C"}`},
		{http.MethodPut, spec + "/items/reorder", order(f.items[2], f.items[1], f.items[0])},
		{http.MethodPost, spec + "/items", `{"content":"I"}`},
	} {
		if answer := f.send(t, f.bob, r.method, r.path, r.body); answer.Code != http.StatusNotFound {
			t.Errorf("%s %s of another user: %d", r.method, r.path, answer.Code)
		}
		if answer := f.send(t, ended, r.method, r.path, r.body); answer.Code != http.StatusUnauthorized {
			t.Errorf("%s %s after the session's end: %d", r.method, r.path, answer.Code)
		}
		if answer := f.send(t, f.ann, r.method, r.path, r.body); answer.Code/100 != 2 {
			t.Errorf("%s %s of the owner: %d", r.method, r.path, answer.Code)
		}
	}
}

func TestReference_PoliciesRejectStatementsWithoutAUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	conn := connect(t, f.databaseURL)
	count := 0
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM items").Scan(&count); err == nil {
		t.Errorf("without a user there are %d items", count)
	}
	f.exec(t, conn, "SELECT set_config('app.user_id', $1, false)", f.bob.user.String())
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM items").Scan(&count); err != nil || count != 0 {
		t.Errorf("another user has %d items, %v", count, err)
	}
}

func TestReference_WritesCompareTheVersion(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	spec, item := "/specs/"+f.spec.String(), "/items/"+f.items[1].String()
	for _, r := range []struct {
		what, method, path, body, match string
		status                          int
		etag                            string
	}{
		{"an old version", http.MethodPatch, spec, `{"content":"D"}`, `"3"`, 412, ""},
		{"the current version", http.MethodPatch, spec, `{"content":"D"}`, `"4"`, 200, `"5"`},
		{"no change", http.MethodPatch, spec, `{"content":"D"}`, `"5"`, 200, `"5"`},
		{"an old version of an item", http.MethodPatch, item, `{"content":"J"}`, `"2"`, 412, ""},
		{"the current version of an item", http.MethodPatch, item, `{"content":"J"}`, `"1-1"`, 200, `"2-1"`},
		{"an old version of the order", http.MethodPut, spec + "/items/reorder", order(f.items[2], f.items[0], f.items[1]), `"5"`, 412, ""},
		{"the current version of the order", http.MethodPut, spec + "/items/reorder", order(f.items[2], f.items[0], f.items[1]), `"6"`, 200, `"7"`},
		{"the same order", http.MethodPut, spec + "/items/reorder", order(f.items[2], f.items[0], f.items[1]), `"7"`, 200, `"7"`},
		{"an item twice", http.MethodPut, spec + "/items/reorder", order(f.items[2], f.items[2], f.items[1]), `"7"`, 409, ""},
		{"an item too few", http.MethodPut, spec + "/items/reorder", order(f.items[2], f.items[1]), `"7"`, 409, ""},
	} {
		answer := f.send(t, f.ann, r.method, r.path, r.body, "If-Match", r.match)
		if answer.Code != r.status || answer.Header().Get("ETag") != r.etag {
			t.Errorf("%s: %d with tag %s, want %d and %s", r.what, answer.Code, answer.Header().Get("ETag"), r.status, r.etag)
		}
	}
	if got := stringsOf(f.orderOf(t)); strings.Join(got, " ") != strings.Join(stringsOf([]id{f.items[2], f.items[0], f.items[1]}), " ") {
		t.Errorf("the order is %s", got)
	}
}

func TestReference_ConcurrentWritesKeepTheOrderDense(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := "/specs/" + f.spec.String() + "/items"
	var all sync.WaitGroup
	for n := range 24 {
		all.Go(func() {
			answer := f.send(t, f.ann, http.MethodPost, path, `{"content":"I"}`)
			if n%4 == 0 {
				answer = f.send(t, f.ann, http.MethodPut, path+"/reorder", order(f.items...))
			}
			if answer.Code != http.StatusCreated && answer.Code != http.StatusConflict {
				t.Errorf("%d %s", answer.Code, answer.Body)
			}
		})
	}
	all.Wait()
	if got := f.orderOf(t); len(got) != 27 {
		t.Errorf("%d items, want 27", len(got))
	}
}

func TestReference_LimitsItemsAndSpecifications(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.exec(t, f.super, "UPDATE specifications SET item_ids = array_fill(id, ARRAY[499])")
	f.exec(t, f.super, "UPDATE projects SET specification_count = 999")
	for path, body := range map[string]string{"/specs/" + f.spec.String() + "/items": `{"content":"I"}`, "/projects/" + f.project.String() + "/specs": `{"title":"T","content":"C"}`} {
		f.create(t, path, body)
		if answer := f.send(t, f.ann, http.MethodPost, path, body); answer.Code != http.StatusConflict {
			t.Errorf("one more than allowed by %s: %d", path, answer.Code)
		}
	}
}

func TestReference_ReplaysCreations(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := "/specs/" + f.spec.String() + "/items"
	const rounds = 5 // the first one opens the connections
	for round := range rounds {
		bodies := make([]string, 6)
		key := fmt.Sprint("key ", round)
		start := make(chan struct{})
		var all sync.WaitGroup
		for n := range bodies {
			all.Go(func() {
				<-start
				answer := f.send(t, f.ann, http.MethodPost, path, `{"content":"once"}`, "Idempotency-Key", key)
				bodies[n] = fmt.Sprint(answer.Code, answer.Header().Get("Location"), answer.Body)
			})
		}
		close(start)
		all.Wait()
		for _, body := range bodies {
			if body != bodies[0] || !strings.HasPrefix(body, "201") {
				t.Errorf("%s\nis not %s", body, bodies[0])
			}
		}
	}
	if got := f.orderOf(t); len(got) != 3+rounds {
		t.Errorf("%d items, want %d", len(got), 3+rounds)
	}
	if answer := f.send(t, f.ann, http.MethodPost, path, `{"content":"another"}`, "Idempotency-Key", "key 0"); answer.Code != http.StatusUnprocessableEntity {
		t.Errorf("another request with the key: %d", answer.Code)
	}
}

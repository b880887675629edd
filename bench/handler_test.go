package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/bench/seed"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/race"
)

// asked is a request that is made again and again.
type asked struct {
	name, method, path, body string
	// remembered lets the server remember answers.
	remembered bool
	// mostAllocations is the budget of the server's own work for one request: what
	// it takes today and a little room. It is raised on purpose or not at all.
	mostAllocations int
}

// allAsked is what is measured.
func allAsked() []asked {
	spec := "/api/v1/specs/" + seed.SpecificationOf(1, 0).String()
	return []asked{
		{"remembered", http.MethodGet, spec, "", true, 21},
		{"read", http.MethodGet, spec, "", false, 158},
		{"items", http.MethodGet, spec + "?include=items", "", false, 236},
		{"list", http.MethodGet, "/api/v1/projects/" + seed.ProjectOf(1).String() + "/specs?page_size=20", "", false, 320},
		{"update", http.MethodPatch, spec, `{"content":"Revision %d` + filler + `"}`, false, 230},
	}
}

// ask returns a function that makes the request once more. The request and where
// its answer goes are made before, so that what is counted is the server's.
func (a asked) ask(tb testing.TB) func() {
	tb.Helper()
	handler, token := serve(tb, "SINGLE_REPLICA="+strconv.FormatBool(a.remembered))
	r := httptest.NewRequestWithContext(tb.Context(), a.method, a.path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	n := 0
	answer := &discard{header: http.Header{}}
	return func() {
		n++
		if a.body != "" {
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(a.body, "%d", strconv.Itoa(n), 1)))
		}
		clear(answer.header)
		answer.status = 0
		handler.ServeHTTP(answer, r)
		if answer.status != http.StatusOK {
			tb.Fatalf("%s is answered %d", a.name, answer.status)
		}
	}
}

// discard forgets an answer but for its status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }

// SetReadDeadline and SetWriteDeadline are what a connection has.
func (d *discard) SetReadDeadline(time.Time) error  { return nil }
func (d *discard) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkHandler is the handlers of the server over a real database, without
// sockets on the side of the caller. It is there to be profiled; see
// docs/evidence/performance.md.
func BenchmarkHandler(b *testing.B) {
	for _, a := range allAsked() {
		b.Run(a.name, func(b *testing.B) {
			ask := a.ask(b)
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}

// Allocations do not depend on the machine, nor on what else it does.
//
//nolint:paralleltest // the allocations of others would be counted
func TestARequestKeepsItsBudgetOfAllocations(t *testing.T) {
	race.Skip(t)
	for _, a := range allAsked() {
		ask := a.ask(t)
		for range 20 { // statements are prepared, answers remembered
			ask()
		}
		// What goes on in the background adds to some of the runs, never to all.
		got := int(testing.AllocsPerRun(50, ask))
		for range 5 {
			got = min(got, int(testing.AllocsPerRun(50, ask)))
		}
		t.Logf("%s: %d allocations", a.name, got)
		if got > a.mostAllocations {
			t.Errorf("%s takes %d allocations, more than its budget of %d", a.name, got, a.mostAllocations)
		}
		if got < a.mostAllocations*3/4 {
			t.Errorf("%s takes %d allocations: lower its budget of %d", a.name, got, a.mostAllocations)
		}
	}
}

// serve is the server over a database with one user, and an access token of
// theirs.
func serve(b testing.TB, more ...string) (http.Handler, string) {
	b.Helper()
	db, google := testkit.NewDatabase(b), testkit.NewIssuer(b)
	if err := seed.Load(b.Context(), db.Super, google.URL, 1); err != nil {
		b.Fatal(err)
	}
	settings, err := server.Load(append(more,
		"APP_ENV=development", "DATABASE_URL="+db.Service, "RATELIMIT_ENABLED=false",
		"SECRET_KEY="+newKeys().page, "JWT_SECRET_KEY="+newKeys().jwt, "GOOGLE_CLIENT_ID="+testkit.ClientID, "GOOGLE_ISSUER_URL="+google.URL,
	), "")
	if err != nil {
		b.Fatal(err)
	}
	a, err := server.New(b.Context(), settings, server.Logger(settings, io.Discard))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(a.Close)
	idToken, err := google.Issuer.IDToken(issuer.Claims{Email: seed.Email(1), Subject: seed.Subject(1)})
	if err != nil {
		b.Fatal(err)
	}
	body, err := json.Marshal(map[string]string{"id_token": idToken})
	if err != nil {
		b.Fatal(err)
	}
	answer := httptest.NewRecorder()
	a.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/api/v1/auth/login", strings.NewReader(string(body))))
	var grant struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &grant); err != nil || grant.Token == "" {
		b.Fatalf("%d %s", answer.Code, answer.Body)
	}
	return a.Handler(), grant.Token
}

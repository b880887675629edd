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

// benchRequest is a request to repeat.
type benchRequest struct {
	name, method, path, body string
	// cached lets the server cache responses.
	cached bool
	// maxAllocations bounds the allocations of the server for one request: what it
	// takes today and a small margin. Raise it only on purpose.
	maxAllocations int
}

// benchRequests are the measured requests.
func benchRequests() []benchRequest {
	spec := "/api/v1/specs/" + seed.SpecificationOf(1, 0).String()
	return []benchRequest{
		{"cached", http.MethodGet, spec, "", true, 32},
		{"read", http.MethodGet, spec, "", false, 165},
		{"items", http.MethodGet, spec + "?include=items", "", false, 249},
		{"list", http.MethodGet, "/api/v1/projects/" + seed.ProjectOf(1).String() + "/specs?page_size=20", "", false, 382},
		{"update", http.MethodPatch, spec, `{"content":"Revision %d` + filler + `"}`, false, 235},
	}
}

// prepare returns a function that repeats the request. The request and the response
// writer are made once, so that only allocations of the server count.
func (a benchRequest) prepare(tb testing.TB) func() {
	tb.Helper()
	handler, token := newHandler(tb, "SINGLE_REPLICA="+strconv.FormatBool(a.cached))
	r := httptest.NewRequestWithContext(tb.Context(), a.method, a.path, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if a.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	n := 0
	answer := &nullResponse{header: http.Header{}}
	return func() {
		n++
		if a.body != "" {
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(a.body, "%d", strconv.Itoa(n), 1)))
		}
		clear(answer.header)
		answer.status = 0
		handler.ServeHTTP(answer, r)
		if answer.status != http.StatusOK {
			tb.Fatalf("%s got status %d", a.name, answer.status)
		}
	}
}

// nullResponse discards a response but for its status.
type nullResponse struct {
	header http.Header
	status int
}

func (d *nullResponse) Header() http.Header         { return d.header }
func (d *nullResponse) WriteHeader(status int)      { d.status = status }
func (d *nullResponse) Write(b []byte) (int, error) { return len(b), nil }

// SetReadDeadline and SetWriteDeadline are methods of a connection's writer.
func (d *nullResponse) SetReadDeadline(time.Time) error  { return nil }
func (d *nullResponse) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkHandler runs the handlers over a real database, without client sockets. It is
// for profiling; see docs/evidence/performance.md.
func BenchmarkHandler(b *testing.B) {
	for _, a := range benchRequests() {
		b.Run(a.name, func(b *testing.B) {
			ask := a.prepare(b)
			b.ReportAllocs()
			for b.Loop() {
				ask()
			}
		})
	}
}

// The number of allocations does not depend on the machine or its load.
//
//nolint:paralleltest // allocations of other tests would count
func TestAllocations_StayWithinTheirLimits(t *testing.T) {
	race.Skip(t)
	for _, a := range benchRequests() {
		ask := a.prepare(t)
		for range 20 { // prepares statements, fills the cache
			ask()
		}
		// Background work adds to some of the runs, never to all.
		got := int(testing.AllocsPerRun(50, ask))
		for range 5 {
			got = min(got, int(testing.AllocsPerRun(50, ask)))
		}
		t.Logf("%s: %d allocations", a.name, got)
		if got > a.maxAllocations {
			t.Errorf("%s takes %d allocations, more than its limit of %d", a.name, got, a.maxAllocations)
		}
		if got < a.maxAllocations*3/4 {
			t.Errorf("%s takes %d allocations: lower its limit of %d", a.name, got, a.maxAllocations)
		}
	}
}

// newHandler is the server over a database with one user, and an access token of that user.
func newHandler(b testing.TB, more ...string) (http.Handler, string) {
	b.Helper()
	db, google := testkit.NewDatabase(b), testkit.NewIssuer(b)
	if err := seed.Product.Load(b.Context(), db.Super, google.URL, 1, time.Now().Add(-time.Hour)); err != nil {
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

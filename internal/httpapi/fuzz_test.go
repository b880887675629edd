package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/events"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// noProvider is an identity provider that knows no user.
type noProvider struct{}

func (noProvider) Verify(context.Context, string, string) (auth.Profile, error) {
	return auth.Profile{}, problem.New(problem.GoogleTokenInvalid, "The token is not valid.")
}

func (n noProvider) ExchangeCode(ctx context.Context, _ string, _ auth.AuthorizationRequest) (auth.Profile, error) {
	return n.Verify(ctx, "", "")
}

func (noProvider) AuthCodeURL(_ context.Context, of auth.AuthorizationRequest) (string, error) {
	return "https://provider.example.com/?state=" + of.State, nil
}

// newHandlerWithoutDatabase is the API over a database that cannot be reached,
// and the token of a user. A request that gets as far as the database is
// answered 503; all others are rejected before.
func newHandlerWithoutDatabase(t testing.TB) (handler http.Handler, token string) {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{
		URL: "postgres://user@127.0.0.1:1/nothing", PoolSize: 1,
		Dial: func(c *pgx.ConnConfig) {
			c.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("away") }
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	keys, err := auth.NewKeyRing(nil, []byte("a-jwt-secret-for-tests-of-32-bytes-or-more"))
	if err != nil {
		t.Fatal(err)
	}
	access := auth.NewAccessTokens(auth.AccessConfig{
		Keys: keys, Issuer: "test", Audience: "test", Lifetime: 24 * time.Hour, Now: time.Now,
	})
	token, _, err = access.Issue(auth.Actor{User: id.New[auth.User](), Session: id.New[auth.Session]()})
	if err != nil {
		t.Fatal(err)
	}
	_, handler = httpapi.New(httpapi.Config{
		Auth:         auth.NewService(store, noProvider{}, access, keys.Refresh(), nil, auth.SessionPolicy{}, slog.New(slog.DiscardHandler)),
		Requirements: requirements.NewService(store, requirements.Limits{}),
		History:      history.NewService(store, requirements.Limits{}),
		Members:      members.NewService(store, members.Limits{}),
		Events:       events.New(t.Context(), events.Config{Store: store}),
		SecretKey:    []byte("a-secret-key-for-tests-of-32-bytes-or-more"),
		Health:       httpapi.Health{Database: store.Ping, Ready: func() bool { return true }},
		Capacity:     httpapi.Capacity{MaxBodyBytes: 1 << 16},
		Telemetry:    httpapi.Telemetry{Log: slog.New(slog.DiscardHandler), Now: time.Now},
	})
	return handler, token
}

// bodyOperations are the operations that take a body.
var bodyOperations = []struct{ method, path string }{
	{"POST", loginPath},
	{"POST", projectsPath},
	{"PUT", projectsPath + "/01a20519-0000-7000-8000-000000000000"},
	{"PATCH", projectsPath + "/01a20519-0000-7000-8000-000000000000"},
}

// FuzzDecode_Body sends any bytes to every operation that takes a body. They
// never cause an internal error, and every response has the form of the
// contract.
func FuzzDecode_Body(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(notOneJSONValue)) { // seeds are named by their index
		f.Add([]byte(notOneJSONValue[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(invalidFields)) {
		if text, ok := invalidFields[name].body.(string); ok {
			f.Add([]byte(text))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(invalidDocuments)) {
		f.Add([]byte(invalidDocuments[name].body))
	}
	f.Add([]byte(`{"title": "x", "description": "y"}`))
	f.Add([]byte(`{"id_token": "x", "nonce": "y"}`))
	handler, token := newHandlerWithoutDatabase(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, to := range bodyOperations {
			r := httptest.NewRequest(to.method, to.path, bytes.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r)
			checkProblem(t, to.method+" "+to.path, answer)
		}
	})
}

// checkProblem fails the test unless the response is a problem caused by the
// request or by the missing database.
func checkProblem(t *testing.T, request string, answer *httptest.ResponseRecorder) {
	t.Helper()
	var p testkit.Problem
	if err := json.Unmarshal(answer.Body.Bytes(), &p, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s: got %d without JSON: %v: %q", request, answer.Code, err, answer.Body)
	}
	switch answer.Code {
	case 400, 401, 404, 413, 415, 422:
	case 503:
		if p.Code == "unavailable" {
			return
		}
		fallthrough
	default:
		t.Fatalf("%s got %d: %s", request, answer.Code, answer.Body)
	}
	if p.Status != answer.Code || p.Detail == "" || revealsInternals(strings.ReplaceAll(p.Detail, `"`, "")) {
		t.Fatalf("%s has the detail %s", request, answer.Body)
	}
	if answer.Code != 422 {
		return
	}
	if len(p.Errors) == 0 {
		t.Fatalf("%s: no field error: %s", request, answer.Body)
	}
	for _, mistake := range p.Errors {
		if mistake.Code == "" || mistake.Detail == "" || mistake.Pointer != "" && mistake.Pointer[0] != '/' || revealsInternals(mistake.Detail) {
			t.Fatalf("%s: field error %+v", request, mistake)
		}
	}
}

// FuzzDecode_Request sends any target and headers. They never cause an
// internal error.
func FuzzDecode_Request(f *testing.F) {
	for _, seed := range []struct{ method, path, query, ifMatch, media string }{
		{"GET", "/projects", "page_size=1&order_by=title", "", ""},
		{"GET", "/projects", "page_token=%00", `"`, ""},
		{"PATCH", "/projects/01a20519-0000-7000-8000-000000000000", "", `W/"1", "2"`, "application/merge-patch+json"},
		{"PUT", "/projects/x", "x[", "*", "text/plain; charset=\""},
		{"POST", "/projects/\n/restore", ";", "", "application/json;a+b=c"},
		{"DELETE", "/projects/%", "%", ",", "multipart/form-data"},
		{"OPTIONS", "//", "", "", ""},
		{"\x00", "/../", "", "", ""},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.ifMatch, seed.media)
	}
	handler, token := newHandlerWithoutDatabase(f)
	f.Fuzz(func(t *testing.T, method, path, query, ifMatch, media string) {
		r := httptest.NewRequest(http.MethodGet, "/", strings.NewReader(`{"title": "x"}`))
		r.Method, r.URL.Path, r.URL.RawQuery = method, "/api/v1"+path, query
		r.Header.Set("Authorization", "Bearer "+token)
		for name, value := range map[string]string{"If-Match": ifMatch, "Content-Type": media, "If-None-Match": ifMatch} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		switch answer.Code {
		case 204, 200: // OPTIONS and the contract
		case 405:
			if answer.Header().Get("Allow") == "" {
				t.Fatalf("%s %s answered 405 without Allow", method, path)
			}
		default:
			checkProblem(t, method+" "+path, answer)
		}
	})
}

// databaseRequests are requests that reach the database. {project}, {spec},
// {item} and {user} stand for existing resources.
var databaseRequests = []string{
	"GET /projects", "GET /projects/{project}", "GET /projects/{project}/specs", "GET /specs/{spec}", "GET /specs/{spec}/items",
	"GET /admin/users", "GET /admin/audit-events", "GET /auth/sessions", "GET /search",
	"POST /projects", "POST /projects/{project}/specs", "POST /specs/{spec}/items",
	"PUT /projects/{project}", "PUT /specs/{spec}", "PUT /items/{item}", "PUT /specs/{spec}/items/reorder",
	"PATCH /projects/{project}", "PATCH /specs/{spec}", "PATCH /items/{item}", "PATCH /users/me", "PATCH /admin/users/{user}",
	"POST /auth/login", "POST /auth/refresh",
}

// FuzzAPI_NeverFailsInternally sends anything to a whole server over a real
// database. No request causes an internal error.
func FuzzAPI_NeverFailsInternally(f *testing.F) {
	for n, request := range databaseRequests {
		f.Add(n, "", `{"title": "x", "content": "y", "order": 0, "name": "z", "role": "user"}`, `"1", "2-0"`, "")
		if method, _, _ := strings.Cut(request, " "); method != http.MethodGet {
			continue
		}
		for _, query := range []string{"q=%00", "q=%ff", "q=%22a+b%22+-c+%25_%5C.*(", "action=%ff", "since=0000-01-01T00:00:00%2B23:59&until=9999-12-31T23:59:59.9-23:59", "actor_id=x", "order_by=title+desc&trashed=true&page_size=100", "include=items"} {
			f.Add(n, query, "", "", "")
		}
	}
	s := testkit.Start(f, withAdmin)
	admin := s.SignIn(f, adminEmail)
	made := newSpec(admin)
	there := strings.NewReplacer("{project}", made.ProjectID, "{spec}", made.ID, "{item}", newBullet(admin, made, "a").ID, "{user}", s.SignUp(f).User)
	client := &http.Client{}
	f.Fuzz(func(t *testing.T, n int, query, body, match, key string) {
		method, path, _ := strings.Cut(databaseRequests[uint(n)%uint(len(databaseRequests))], " ")
		r := &http.Request{Method: method, Header: http.Header{"Authorization": {"Bearer " + admin.Token}}}
		r.URL, _ = url.Parse(s.URL + "/api/v1" + there.Replace(path))
		r.URL.RawQuery = query
		if method != http.MethodGet {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}
		for name, value := range map[string]string{"If-Match": match, "If-None-Match": match, "Idempotency-Key": key} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		answer, err := client.Do(r.WithContext(t.Context()))
		if err != nil {
			return // not sendable as HTTP
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode >= 500 {
			t.Fatalf("%s %s?%s with %q got %d, %v: %s", method, path, query, body, answer.StatusCode, err, text)
		}
	})
}

package httpapi_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// nobody is an identity provider that knows nobody.
type nobody struct{}

func (nobody) Verify(context.Context, string, string) (auth.Profile, error) {
	return auth.Profile{}, problem.New(problem.GoogleTokenInvalid, "The token is not valid.")
}

func (n nobody) ExchangeCode(ctx context.Context, _ string, _ auth.AuthRequest) (auth.Profile, error) {
	return n.Verify(ctx, "", "")
}

func (nobody) AuthCodeURL(_ context.Context, of auth.AuthRequest) (string, error) {
	return "https://provider.example.com/?state=" + of.State, nil
}

// withoutDatabase is the API over a database that cannot be reached, and the
// token of a caller. What is refused there was refused before the rules were
// asked; what is not is 503.
func withoutDatabase(t testing.TB) (handler http.Handler, token string) {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{
		URL: "postgres://nobody@127.0.0.1:1/nothing", PoolSize: 1,
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
		Identity:  auth.NewService(store, nobody{}, access, keys.Refresh(), nil, auth.SessionPolicy{}, slog.New(slog.DiscardHandler)),
		Outline:   requirements.NewService(store, requirements.Limits{}),
		Database:  store.Ping,
		Ready:     func() bool { return true },
		SecretKey: []byte("a-secret-key-for-tests-of-32-bytes-or-more"), MaxBodyBytes: 1 << 16,
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	return handler, token
}

// bodies are the operations that take one.
var bodies = []struct{ method, path string }{
	{"POST", loginPath},
	{"POST", projectsPath},
	{"PUT", projectsPath + "/01a20519-0000-7000-8000-000000000000"},
	{"PATCH", projectsPath + "/01a20519-0000-7000-8000-000000000000"},
}

// FuzzDecodeBody sends any bytes to every operation that takes a body. They are
// never a failure of ours, and never answered in a form but the contract's.
func FuzzDecodeBody(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(notOneJSONValue)) { // seeds are named by their order
		f.Add([]byte(notOneJSONValue[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(refusedFields)) {
		if text, ok := refusedFields[name].body.(string); ok {
			f.Add([]byte(text))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(refusedWholes)) {
		f.Add([]byte(refusedWholes[name].body))
	}
	f.Add([]byte(`{"title": "x", "description": "y"}`))
	f.Add([]byte(`{"id_token": "x", "nonce": "y"}`))
	handler, token := withoutDatabase(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, to := range bodies {
			r := httptest.NewRequest(to.method, to.path, bytes.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r)
			checkRefusal(t, to.method+" "+to.path, answer)
		}
	})
}

// checkRefusal fails the test unless the answer is a problem of the caller's
// making, or of the database that is not there.
func checkRefusal(t *testing.T, request string, answer *httptest.ResponseRecorder) {
	t.Helper()
	var p testkit.Problem
	if err := json.Unmarshal(answer.Body.Bytes(), &p, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%s answered %d and no JSON: %v: %q", request, answer.Code, err, answer.Body)
	}
	switch answer.Code {
	case 400, 401, 404, 413, 415, 422:
	case 503:
		if p.Code == "unavailable" {
			return
		}
		fallthrough
	default:
		t.Fatalf("%s answered %d: %s", request, answer.Code, answer.Body)
	}
	if p.Status != answer.Code || p.Detail == "" || mentionsGo(strings.ReplaceAll(p.Detail, `"`, "")) {
		t.Fatalf("%s is explained by %s", request, answer.Body)
	}
	if answer.Code != 422 {
		return
	}
	if len(p.Errors) == 0 {
		t.Fatalf("%s names no fault: %s", request, answer.Body)
	}
	for _, mistake := range p.Errors {
		if mistake.Code == "" || mistake.Detail == "" || mistake.Pointer != "" && mistake.Pointer[0] != '/' || mentionsGo(mistake.Detail) {
			t.Fatalf("%s names the fault %+v", request, mistake)
		}
	}
}

// FuzzRequest sends any target and headers. Nothing of them is a failure of
// ours.
func FuzzRequest(f *testing.F) {
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
	handler, token := withoutDatabase(f)
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
		case 204, 200: // OPTIONS, and the contract itself
		case 405:
			if answer.Header().Get("Allow") == "" {
				t.Fatalf("%s %s answered 405 without Allow", method, path)
			}
		default:
			checkRefusal(t, method+" "+path, answer)
		}
	})
}

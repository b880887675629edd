package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/bench/seed"
	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// BenchmarkHandler is the handlers of the server over a real database, without
// sockets on the side of the caller. It is there to be profiled; see
// docs/performance.md.
func BenchmarkHandler(b *testing.B) {
	handler, token := serve(b)
	spec := "/api/v1/specs/" + seed.SpecificationOf(1, 0).String()
	for _, bc := range []struct{ name, method, path, body string }{
		{"read", http.MethodGet, spec, ""},
		{"items", http.MethodGet, spec + "?include=items", ""},
		{"list", http.MethodGet, "/api/v1/projects/" + seed.ProjectOf(1).String() + "/specs?page_size=20", ""},
		{"update", http.MethodPatch, spec, `{"content":"Revision %d` + filler + `"}`},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				r := httptest.NewRequestWithContext(b.Context(), bc.method, bc.path, strings.NewReader(strings.Replace(bc.body, "%d", strconv.Itoa(n), 1)))
				r.Header.Set("Authorization", "Bearer "+token)
				if bc.body != "" {
					r.Header.Set("Content-Type", "application/json")
				}
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, r)
				if answer.Code != http.StatusOK {
					b.Fatalf("%d %s", answer.Code, answer.Body)
				}
			}
		})
	}
}

// serve is the server over a database with one user, and an access token of
// theirs.
func serve(b *testing.B) (http.Handler, string) {
	b.Helper()
	db, google := testkit.NewDatabase(b), testkit.NewIssuer(b)
	if err := seed.Load(b.Context(), db.Super, google.URL, 1); err != nil {
		b.Fatal(err)
	}
	settings, err := app.Load([]string{
		"APP_ENV=development", "DATABASE_URL=" + db.Service, "RATELIMIT_ENABLED=false",
		"SECRET_KEY=" + newKeys().page, "JWT_SECRET_KEY=" + newKeys().jwt, "GOOGLE_CLIENT_ID=" + testkit.ClientID, "GOOGLE_ISSUER_URL=" + google.URL,
	}, "")
	if err != nil {
		b.Fatal(err)
	}
	a, err := app.New(b.Context(), settings, app.Logger(settings, io.Discard))
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

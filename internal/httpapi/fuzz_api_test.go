package httpapi_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// databaseRequests are requests that reach the database. {project}, {spec},
// {item} and {user} stand for existing resources.
var databaseRequests = []string{
	"GET /projects", "GET /projects/{project}", "GET /projects/{project}/specs", "GET /specs/{spec}", "GET /specs/{spec}/items",
	"GET /admin/users", "GET /admin/audit-events", "GET /auth/sessions",
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
		for _, query := range []string{"q=%00", "action=%ff", "since=0000-01-01T00:00:00%2B23:59&until=9999-12-31T23:59:59.9-23:59", "actor_id=x", "order_by=title+desc&trashed=true&page_size=100", "include=items"} {
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

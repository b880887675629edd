package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestIDs_UpperCaseIsAcceptedAndAnsweredInLowerCase(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	upper := func(path string) string {
		at := strings.LastIndexByte(strings.TrimSuffix(strings.TrimSuffix(path, "/items"), "/specs"), '/') + 1
		return path[:at] + strings.ToUpper(path[at:at+36]) + path[at+36:]
	}
	p, s := newProject(ann, "Invoices"), newSpec(ann, "a", "b")
	items := bulletsOf(ann, s)
	for _, path := range []string{p.path(), s.path(), items[0].path(), p.path() + "/specs", s.items()} {
		want := ann.Get(path).Want(200)
		if got := ann.Get(upper(path)).Want(200); string(got.Body) != string(want.Body) {
			t.Errorf("%s is %s, want %s", upper(path), got.Body, want.Body)
		}
	}
	// A write by the other spelling is seen by both: they are one resource in the cache.
	for n, path := range []string{p.path(), upper(p.path())} {
		title := []string{"first", "second"}[n]
		ann.Patch(path, withTitle(title)).Want(200)
		for _, read := range []string{p.path(), upper(p.path())} {
			if got := projectOf(ann.Get(read).Want(200)).Title; got != title {
				t.Errorf("%s has the title %s after a write to %s, want %s", read, got, path, title)
			}
		}
	}
	reversed := []string{strings.ToUpper(items[1].ID), items[0].ID}
	if got := itemIDs(bulletList(ann.Put(upper(s.items())+"/reorder", map[string]any{"item_ids": reversed}).Want(200))); got[0] != items[1].ID {
		t.Errorf("the reordered items are %v", got)
	}
	twice := []string{items[0].ID, strings.ToUpper(items[0].ID)}
	if got := ann.Put(s.items()+"/reorder", map[string]any{"item_ids": twice}).WantProblem(422, "validation_failed").FieldErrors(); len(got) != 1 || got[0] != "/item_ids/1 repeated" {
		t.Errorf("one item in two spellings: %v", got)
	}
	for _, other := range []string{"{" + p.ID + "}", "urn:uuid:" + p.ID, strings.ReplaceAll(p.ID, "-", "")} {
		ann.Get(projectsPath+"/"+other).WantProblem(404, "project_not_found")
	}
}

func TestAuthorization_SpellingsOfTheHeader(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	for _, header := range []string{"Bearer " + ann.Token, "Bearer   " + ann.Token, "bearer " + ann.Token, "BEARER  " + ann.Token} {
		s.Anonymous(t).Get(projectsPath, "Authorization", header).Want(200)
	}
	for header, code := range map[string]string{"Bearer": "token_missing", "Bearer   ": "token_missing", "Bearer\t" + ann.Token: "token_missing", "Bearer x " + ann.Token: "token_invalid"} {
		s.Anonymous(t).Get(projectsPath, "Authorization", header).WantProblem(401, code)
	}
	for path, method := range map[string]string{projectsPath: "GET", projectsPath + "/x": "DELETE", "/api/v1/users/me/export": "GET", "/api/v1/auth/logout": "POST"} {
		for _, second := range []string{"Bearer " + ann.Token, "Bearer x", "Basic eA=="} {
			var body any
			if method == "POST" {
				body = "{}"
			}
			got := s.Anonymous(t).Do(method, path, body, "Authorization", "Bearer "+ann.Token, "Authorization", second).WantProblem(400, "invalid_header")
			if !strings.Contains(got.Detail, "Authorization") {
				t.Errorf("the detail does not name the header: %s", got.Detail)
			}
		}
	}
	ann.Get(projectsPath).Want(200) // nothing of it has ended the session
}

func TestMediaTypes_TheProblemSaysWhatToSend(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	for _, media := range []string{
		"application/json; charset=utf8", "application/json;charset=UTF-8", "application/json; charset=us-ascii", "APPLICATION/JSON; Charset=\"US-ASCII\"",
	} {
		ann.Post(projectsPath, `{"title": "x"}`, "Content-Type", media).Want(201)
	}
	ann.Patch(p.path(), `{}`, "Content-Type", "application/merge-patch+json; charset=utf8").Want(200)
	for media, want := range map[string]string{
		"application/x-www-form-urlencoded":            "form",
		"multipart/form-data; boundary=x":              "form",
		"application/json-patch+json":                  "application/merge-patch+json",
		"text/plain":                                   "text/plain",
		"application/json; charset=iso-8859-1":         "UTF-8",
		"application/merge-patch+json; charset=utf-16": "UTF-8",
		"nonsense/": "application/json",
	} {
		answer := ann.Patch(p.path(), `{}`, "Content-Type", media)
		if got := answer.WantProblem(415, "unsupported_media_type").Detail; !strings.Contains(got, want) || !strings.Contains(got, "Content-Type: application/") {
			t.Errorf("%s is answered by: %s", media, got)
		}
		if got := answer.Header.Get("Accept-Patch"); got != "application/merge-patch+json, application/json" {
			t.Errorf("Accept-Patch = %s", got)
		}
	}
	merge := ann.Put(p.path(), `{"title": "x"}`, "Content-Type", "application/merge-patch+json")
	if got := merge.WantProblem(415, "unsupported_media_type").Detail; !strings.Contains(got, "PATCH") || merge.Header.Get("Accept-Patch") != "" {
		t.Errorf("a merge patch for PUT is answered by: %s", got)
	}
	for path, want := range map[string]string{p.path(): "application/merge-patch+json, application/json", projectsPath: ""} {
		for _, answer := range []*testkit.Response{ann.Do("OPTIONS", path, nil).Want(204), ann.Do("TRACE", path, nil).Want(405)} {
			if got := answer.Header.Get("Accept-Patch"); got != want {
				t.Errorf("Accept-Patch of %s = %q, want %q", path, got, want)
			}
		}
	}
}

func TestMethods_TheProblemSaysWhatIsAllowed(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	for method, want := range map[string]string{
		"patch": "Methods are written in upper case: send PATCH.",
		"POST":  "This path does not allow the method POST. It allows GET, HEAD, PUT, PATCH, DELETE.",
	} {
		if got := ann.Do(method, p.path(), nil).WantProblem(405, "method_not_allowed").Detail; got != want {
			t.Errorf("%s is answered by: %s", method, got)
		}
	}
}

func TestExpect_UnknownExpectationIsMalformed(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	answer := sendRaw(t, s, "GET /health/live HTTP/1.1", "Expect: 100-continue, x")
	if answer.Status != http.StatusBadRequest || !strings.Contains(answer.Body, `"code":"malformed_request"`) {
		t.Errorf("got %d: %s", answer.Status, answer.Body)
	}
}

func TestQuery_EveryFaultIsNamed(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withAdmin)
	ann := s.SignIn(t, adminEmail)
	for query, want := range map[string][]string{
		"?page_size=abc":                         {"page_size must be a whole number from 1 to 100."},
		"?page_size=0":                           {"page_size must be a whole number from 1 to 100."},
		"?page_size=1.0":                         {"page_size must be a whole number from 1 to 100."},
		"?trashed=yes":                           {"trashed must be true or false."},
		"?page_size=0&order_by=x&foo=1&trashed=": {`no query parameter "foo"; it has order_by, page_size, page_token, shared, trashed`, "order_by must be one of: created_at,", "page_size must be", "trashed is empty."},
		"?limit=10&offset=20":                    {`no query parameter "limit", "offset"; it has`},
		"?page_size=1&page_size=2&trashed=x":     {"page_size occurs 2 times.", "trashed must be"},
	} {
		if got := ann.Get(projectsPath+query).WantProblem(400, "invalid_parameter").Detail; !containsAll(got, want...) {
			t.Errorf("%s is answered by: %s", query, got)
		}
	}
	if got := ann.Get(mePath+"?x=1").WantProblem(400, "invalid_parameter").Detail; !strings.Contains(got, "it has none") {
		t.Errorf("an operation without parameters says: %s", got)
	}
	const events = "/api/v1/admin/audit-events"
	for _, fine := range []string{"?since=2026-11-22t17:12:10z", "?since=2026-11-22T17:12:10.5%2B02:00&until=2026-11-23T00:00:00Z", "?actor_id=" + strings.ToUpper(ann.User)} {
		ann.Get(events + fine).Want(200)
	}
	for query, want := range map[string][]string{
		"?since=2026-11-22T17:12:10+02:00":      {"since must be a time after RFC 3339", "%2B"},
		"?since=yesterday&until=1&actor_id=ann": {"since must be a time after RFC 3339, such as", "until must be", "actor_id must be an id"},
		"?since=2026-02-30T00:00:00Z":           {"since must be"},
	} {
		if got := ann.Get(events+query).WantProblem(400, "invalid_parameter").Detail; !containsAll(got, want...) || strings.Contains(got, "15:04:05") {
			t.Errorf("%s is answered by: %s", query, got)
		}
	}
}

func containsAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

func TestTitles_NeedAVisibleCharacterOnOneLine(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p, s := newProject(ann, "Invoices"), newSpec(ann, "a")
	for path, field := range map[string]string{p.path(): "title", s.path(): "title", mePath: "name"} {
		for text, code := range map[string]string{"\u200b": "blank", "\ufeff\u3164": "blank", "\u202e": "blank", "a\u2028b": "control_character", "a\u2029b": "control_character"} {
			got := ann.Patch(path, map[string]any{field: text}).WantProblem(422, "validation_failed").FieldErrors()
			if len(got) != 1 || got[0] != "/"+field+" "+code {
				t.Errorf("%q as %s of %s: %v, want %s", text, field, path, got, code)
			}
		}
		ann.Patch(path, map[string]any{field: "\u200ba\ufe0f"}).Want(200)
	}
	for content, want := range map[string]string{
		"-1 is the minimum": "-1 is the minimum", "**Bold** text": "**Bold** text", "\ufeff# T": "T", "---\ntitle: X\n---\n\n## Refunds": "Refunds", "1. First": "First", "\u200b": "",
	} {
		made := ann.Post(p.path()+"/specs", map[string]any{"content": content}).Want(201)
		if got := made.JSON()["title"]; got != want {
			t.Errorf("the title of %q is %q, want %q", content, got, want)
		}
	}
}

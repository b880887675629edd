package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// contentRequests are all requests that name a specification or an item, or a
// project for its specifications. %s is the id.
var contentRequests = map[string]struct {
	method, path string
	body         any
	headers      []string
}{
	"list the specifications":              {"GET", "/projects/%s/specs", nil, nil},
	"list them from the trash":             {"GET", "/projects/%s/specs?trashed=true&order_by=title&page_size=1", nil, nil},
	"list them with a bad token":           {"GET", "/projects/%s/specs?page_token=AAAA", nil, nil},
	"list them in no order":                {"GET", "/projects/%s/specs?order_by=x", nil, nil},
	"add a specification":                  {"POST", "/projects/%s/specs", `{"content": "x"}`, nil},
	"add a bad specification":              {"POST", "/projects/%s/specs", `{"content": ""}`, nil},
	"add a specification once":             {"POST", "/projects/%s/specs", `{"content": "x"}`, []string{"Idempotency-Key", "k1"}},
	"read a specification":                 {"GET", "/specs/%s", nil, nil},
	"read it with its items":               {"GET", "/specs/%s?include=items", nil, nil},
	"read it unless unchanged":             {"GET", "/specs/%s", nil, []string{"If-None-Match", `"3"`}},
	"read only its head":                   {"HEAD", "/specs/%s", nil, nil},
	"replace a specification":              {"PUT", "/specs/%s", `{"content": "x"}`, nil},
	"replace it by nothing":                {"PUT", "/specs/%s", `{}`, nil},
	"replace it at its version":            {"PUT", "/specs/%s", `{"content": "x"}`, []string{"If-Match", `"3"`}},
	"replace it at another version":        {"PUT", "/specs/%s", `{"content": "x"}`, []string{"If-Match", `"9"`}},
	"replace it if it exists":              {"PUT", "/specs/%s", `{"content": "x"}`, []string{"If-Match", "*"}},
	"change a specification":               {"PATCH", "/specs/%s", `{"title": "x"}`, nil},
	"change nothing of it":                 {"PATCH", "/specs/%s", `{}`, nil},
	"change it at another version":         {"PATCH", "/specs/%s", `{"title": "x"}`, []string{"If-Match", `"9"`}},
	"trash a specification":                {"DELETE", "/specs/%s", nil, nil},
	"trash it at another version":          {"DELETE", "/specs/%s", nil, []string{"If-Match", `"9"`}},
	"restore a specification":              {"POST", "/specs/%s/restore", nil, nil},
	"list the items":                       {"GET", "/specs/%s/items", nil, nil},
	"list them unless unchanged":           {"GET", "/specs/%s/items", nil, []string{"If-None-Match", `"3"`}},
	"add an item":                          {"POST", "/specs/%s/items", `{"content": "x"}`, nil},
	"add an item far behind":               {"POST", "/specs/%s/items", `{"content": "x", "order": 1000}`, nil},
	"add an item once":                     {"POST", "/specs/%s/items", `{"content": "x"}`, []string{"Idempotency-Key", "k2"}},
	"reorder nothing":                      {"PUT", "/specs/%s/items/reorder", `{"item_ids": []}`, nil},
	"reorder others":                       {"PUT", "/specs/%s/items/reorder", `{"item_ids": ["00000000-0000-7000-8000-000000000000"]}`, nil},
	"reorder at another version":           {"PUT", "/specs/%s/items/reorder", `{"item_ids": []}`, []string{"If-Match", `"9"`}},
	"read an item":                         {"GET", "/items/%s", nil, nil},
	"read an item unless unchanged":        {"GET", "/items/%s", nil, []string{"If-None-Match", `"1-0"`}},
	"replace an item":                      {"PUT", "/items/%s", `{"content": "x"}`, nil},
	"replace it with an invalid item":      {"PUT", "/items/%s", `{"order": "x"}`, nil},
	"move an item":                         {"PATCH", "/items/%s", `{"order": 0}`, nil},
	"move it far behind":                   {"PATCH", "/items/%s", `{"order": 1000}`, nil},
	"change the item at another version":   {"PATCH", "/items/%s", `{"content": "x"}`, []string{"If-Match", `"9-0"`}},
	"delete an item":                       {"DELETE", "/items/%s", nil, nil},
	"delete it at its version":             {"DELETE", "/items/%s", nil, []string{"If-Match", `"1-0"`}},
	"delete it at another version":         {"DELETE", "/items/%s", nil, []string{"If-Match", `"9-0"`}},
	"delete it under an invalid condition": {"DELETE", "/items/%s", nil, []string{"If-Match", "9"}},
}

// formatResponse is all that a client learns from a response, except for the
// requested id and what differs between any two requests.
func formatResponse(a *testkit.Response, id string) string {
	var lines []string
	for name, values := range a.Header {
		if name != "Date" && name != "X-Request-Id" {
			lines = append(lines, name+": "+strings.Join(values, " | "))
		}
	}
	slices.Sort(lines)
	text := fmt.Sprintf("%d\n%s\n\n%s", a.Status, strings.Join(lines, "\n"), a.Body)
	if request := a.Header.Get("X-Request-Id"); request != "" {
		text = strings.ReplaceAll(text, request, "REQUEST")
	}
	return strings.ReplaceAll(text, id, "ID")
}

func TestIsolation_RLSAndFiltersHideContent(t *testing.T) {
	t.Parallel()
	eachIsolationLayer(t, checkForeignContentLooksMissing)
}

func checkForeignContentLooksMissing(t *testing.T, s *testkit.Server) {
	t.Helper()
	ann, bob := s.SignUp(t), s.SignUp(t)
	theirs := newSpec(bob, "a", "b")
	dead := newSpec(bob, "x")
	deadItem := bulletsOf(bob, dead)[0]
	bob.Delete(dead.path()).Want(204)
	items := bulletsOf(bob, theirs)
	before := bob.Get("/api/v1/projects/" + theirs.ProjectID + "/specs").Want(200)

	ids := func(path string) map[string]string {
		switch {
		case strings.HasPrefix(path, "/projects"):
			return map[string]string{"another user's": theirs.ProjectID, "a specification's": theirs.ID}
		case strings.HasPrefix(path, "/specs"):
			return map[string]string{"another user's": theirs.ID, "in another user's trash": dead.ID, "a project's": theirs.ProjectID, "an item's": items[0].ID}
		default:
			return map[string]string{"another user's": items[0].ID, "in another user's trash": deadItem.ID, "a specification's": theirs.ID}
		}
	}
	t.Run("request", func(t *testing.T) {
		for name, tc := range contentRequests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				ask := func(id string) string {
					return formatResponse(ann.WithT(t).Do(tc.method, fmt.Sprintf("/api/v1"+tc.path, id), tc.body, tc.headers...), id)
				}
				const missing = "01890a5d-ac96-774b-bcce-b302099a8057"
				want := ask(missing)
				if !strings.HasPrefix(want, "4") {
					t.Errorf("a missing resource gets %s", want)
				}
				for whose, id := range ids(tc.path) {
					if diff := cmp.Diff(want, ask(id)); diff != "" {
						t.Errorf("%s (-missing +got):\n%s", whose, diff)
					}
				}
			})
		}
	})
	after := bob.Get("/api/v1/projects/" + theirs.ProjectID + "/specs").Want(200)
	if string(before.Body) != string(after.Body) {
		t.Errorf("another user changed %s to %s", before.Body, after.Body)
	}
	if diff := cmp.Diff(items, bulletsOf(bob, theirs)); diff != "" {
		t.Errorf("another user changed the items (-before +after):\n%s", diff)
	}
}

func TestIsolation_MalformedIDLooksMissing(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	mine := newSpec(ann, "a")
	item := bulletsOf(ann, mine)[0]
	for path, own := range map[string]struct{ id, code string }{
		"/api/v1/projects/%s/specs": {mine.ProjectID, "project_not_found"},
		"/api/v1/specs/%s":          {mine.ID, "specification_not_found"},
		"/api/v1/specs/%s/items":    {mine.ID, "specification_not_found"},
		"/api/v1/items/%s":          {item.ID, "item_not_found"},
	} {
		for name, id := range map[string]string{
			"no hyphens": strings.ReplaceAll(own.id, "-", ""), "in braces": "{" + own.id + "}",
			"as a URN": "urn:uuid:" + own.id, "a word": "me", "a number": "1", "the nil id": "00000000-0000-0000-0000-000000000000",
			"one digit less": own.id[1:], "one digit more": own.id + "0", "a blank behind": own.id + "%20", "NUL behind": own.id + "%00",
		} {
			t.Run(strings.ReplaceAll(fmt.Sprintf(path, name), "/api/v1", ""), func(t *testing.T) {
				t.Parallel()
				ann.WithT(t).Get(fmt.Sprintf(path, id)).WantProblem(http.StatusNotFound, own.code)
			})
		}
	}
}

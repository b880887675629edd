package httpapi_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// projectRequests are all requests with a project's id.
var projectRequests = map[string]struct {
	method, below string
	body          any
	headers       []string
}{
	"GET":                        {"GET", "", nil, nil},
	"GET unless version 1":       {"GET", "", nil, []string{"If-None-Match", `"1"`}},
	"GET unless any version":     {"GET", "", nil, []string{"If-None-Match", "*"}},
	"HEAD":                       {"HEAD", "", nil, nil},
	"PUT":                        {"PUT", "", withTitle("Stolen"), nil},
	"PUT of the present version": {"PUT", "", withTitle("Stolen"), []string{"If-Match", `"1"`}},
	"PUT of another version":     {"PUT", "", withTitle("Stolen"), []string{"If-Match", `"9"`}},
	"PUT of any version":         {"PUT", "", withTitle("Stolen"), []string{"If-Match", "*"}},
	"PATCH":                      {"PATCH", "", withTitle("Stolen"), nil},
	"PATCH of nothing":           {"PATCH", "", "{}", nil},
	"PATCH of another version":   {"PATCH", "", withTitle("Stolen"), []string{"If-Match", `"9"`}},
	"PATCH of any version":       {"PATCH", "", withTitle("Stolen"), []string{"If-Match", "*"}},
	"DELETE":                     {"DELETE", "", nil, nil},
	"DELETE of another version":  {"DELETE", "", nil, []string{"If-Match", `"9"`}},
	"DELETE of any version":      {"DELETE", "", nil, []string{"If-Match", "*"}},
	"restore":                    {"POST", "/restore", nil, nil},
}

// rejectedProjectRequests are rejected before the project is read. They must
// not reveal its owner either. A malformed id may be reported first.
var rejectedProjectRequests = map[string]struct {
	method, below string
	body          any
	headers       []string
}{
	"PUT of an empty title":       {"PUT", "", withTitle(""), nil},
	"PUT of malformed JSON":       {"PUT", "", "{", nil},
	"PUT of text":                 {"PUT", "", "x", []string{"Content-Type", "text/plain"}},
	"PATCH of an unknown field":   {"PATCH", "", `{"owner_id": null}`, nil},
	"DELETE of a broken version":  {"DELETE", "", nil, []string{"If-Match", "1"}},
	"GET with a parameter":        {"GET", "?q=1", nil, nil},
	"restore with a parameter":    {"POST", "/restore?q=1", nil, nil},
	"a method that is not there":  {"POST", "", withTitle("x"), nil},
	"a path that is not there":    {"GET", "/specifications-of", nil, nil},
	"the options":                 {"OPTIONS", "", nil, nil},
	"DELETE of what is below":     {"DELETE", "/restore", nil, nil},
	"an unclean path":             {"GET", "/", nil, nil},
	"a path out of the directory": {"GET", "/../", nil, nil},
}

// projectResponse is all that a client learns from a response, except for ids
// and lengths that follow from them.
type projectResponse struct {
	Status int
	Header http.Header
	Body   string
}

func projectResponseOf(a *testkit.Response, id string) projectResponse {
	header := a.Header.Clone()
	for _, name := range []string{"Date", "Content-Length"} {
		header.Del(name)
	}
	body := strings.Replace(string(a.Body), `"`+projectsPath+"/"+url.PathEscape(id), `"`+projectsPath+"/{id}", 1)
	return projectResponse{a.Status, header, body}
}

func TestIsolation_RLSAndFiltersHideProjects(t *testing.T) {
	t.Parallel()
	eachIsolationLayer(t, checkForeignProjectLooksMissing)
}

func checkForeignProjectLooksMissing(t *testing.T, s *testkit.Server) {
	t.Helper()
	ann, bob := s.SignUp(t), s.SignUp(t)
	his := newProject(bob, "His")
	hisTrash := newProject(bob, "His trash")
	bob.Delete(hisTrash.path()).Want(204)
	before := bob.Get(his.path()).Want(200)
	hers := newProject(ann, "Hers")

	v7, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	missing := v7.String()
	canonical := map[string]string{
		"another user's project": his.ID,
		"another user's trash":   hisTrash.ID,
		"another user":           bob.User,
		"a random UUIDv4":        uuid.NewString(),
		"the nil UUID":           uuid.Nil.String(),
		"the greatest UUID":      uuid.Max.String(),
	}
	notCanonical := map[string]string{
		"another user's in capitals": strings.ToUpper(his.ID),
		"the own id in braces":       "{" + hers.ID + "}",
		"the own id as a URN":        "urn:uuid:" + hers.ID,
		"the own id without hyphens": strings.ReplaceAll(hers.ID, "-", ""),
		"the own id and more":        hers.ID + "0",
		"the own id and a blank":     hers.ID + " ",
		"the own id and a line feed": hers.ID + "\n",
		"the own id and NUL":         hers.ID + "\x00",
		"the own id but for a digit": hers.ID[:35],
		"the own id and a slash":     hers.ID + "/restore",
		"a number":                   "1",
		"a word":                     "me",
		"a star":                     "*",
		"two dots and a letter":      "..x",
		"SQL":                        "' OR 1=1 --",
		"bad UTF-8 in hexadecimal":   hers.ID[:34] + "zz",
		"something long":             strings.Repeat("a", 5000),
	}
	type request = struct {
		method, below string
		body          any
		headers       []string
	}
	compare := func(t *testing.T, requests map[string]request, names map[string]string) {
		for name, r := range requests {
			ask := func(t *testing.T, id string) projectResponse {
				headers := append([]string{"X-Request-Id", "the-same"}, r.headers...)
				return projectResponseOf(ann.WithT(t).Do(r.method, projectsPath+"/"+url.PathEscape(id)+r.below, r.body, headers...), id)
			}
			want := ask(t, missing)
			for whose, id := range names {
				t.Run(name+" of "+whose, func(t *testing.T) {
					t.Parallel()
					if diff := cmp.Diff(want, ask(t, id)); diff != "" {
						t.Errorf("(-missing +this):\n%s", diff)
					}
				})
			}
			if _, rejected := rejectedProjectRequests[name]; !rejected && want.Status != 404 {
				t.Errorf("%s of a missing project: got %d", name, want.Status)
			}
		}
	}
	t.Run("request", func(t *testing.T) {
		compare(t, projectRequests, canonical)
		compare(t, projectRequests, notCanonical)
		compare(t, rejectedProjectRequests, canonical)
	})
	if after := bob.Get(his.path()).Want(200); !bytes.Equal(after.Body, before.Body) {
		t.Errorf("another user changed %s to %s", before.Body, after.Body)
	}
	if after := ann.Get(hers.path()).Want(200); projectOf(after) != hers {
		t.Errorf("the project was changed by another spelling of its id: %s", after.Body)
	}
	if got := projectIDs(listProjects(bob, "trashed", "true").Projects); len(got) != 1 || got[0] != hisTrash.ID {
		t.Errorf("another user changed the trash: %v", got)
	}
}

func TestIsolation_OwnTrashLooksMissing(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	gone := newProject(ann, "Gone")
	ann.Delete(gone.path()).Want(204)
	missing := uuid.NewString()
	for name, r := range projectRequests {
		if name == "restore" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := func(id string) projectResponse {
				headers := append([]string{"X-Request-Id", "the-same"}, r.headers...)
				return projectResponseOf(ann.WithT(t).Do(r.method, projectsPath+"/"+id+r.below, r.body, headers...), id)
			}
			if diff := cmp.Diff(ask(missing), ask(gone.ID)); diff != "" {
				t.Errorf("(-missing +in the trash):\n%s", diff)
			}
		})
	}
}

func TestIsolation_RLSAndFiltersHideLists(t *testing.T) {
	t.Parallel()
	eachIsolationLayer(t, checkListsHaveOnlyOwnProjects)
}

func checkListsHaveOnlyOwnProjects(t *testing.T, s *testkit.Server) {
	t.Helper()
	ann, bob := s.SignUp(t), s.SignUp(t)
	newProject(bob, "His")
	bob.Delete(newProject(bob, "His trash").path()).Want(204)
	for _, trashed := range []string{"true", "false"} {
		for _, order := range projectOrders {
			if page := listProjects(ann, "trashed", trashed, "order_by", order); len(page.Projects) != 0 || page.NextPageToken != "" {
				t.Errorf("another user's list has %+v", page)
			}
		}
	}
}

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

// requestsOfAProject are all that take a project's id.
var requestsOfAProject = map[string]struct {
	method, below string
	body          any
	headers       []string
}{
	"GET":                             {"GET", "", nil, nil},
	"GET of any version but the same": {"GET", "", nil, []string{"If-None-Match", `"1"`}},
	"GET of any version but any":      {"GET", "", nil, []string{"If-None-Match", "*"}},
	"HEAD":                            {"HEAD", "", nil, nil},
	"PUT":                             {"PUT", "", titled("Stolen"), nil},
	"PUT of the present version":      {"PUT", "", titled("Stolen"), []string{"If-Match", `"1"`}},
	"PUT of another version":          {"PUT", "", titled("Stolen"), []string{"If-Match", `"9"`}},
	"PUT of any version":              {"PUT", "", titled("Stolen"), []string{"If-Match", "*"}},
	"PATCH":                           {"PATCH", "", titled("Stolen"), nil},
	"PATCH of nothing":                {"PATCH", "", "{}", nil},
	"PATCH of another version":        {"PATCH", "", titled("Stolen"), []string{"If-Match", `"9"`}},
	"PATCH of any version":            {"PATCH", "", titled("Stolen"), []string{"If-Match", "*"}},
	"DELETE":                          {"DELETE", "", nil, nil},
	"DELETE of another version":       {"DELETE", "", nil, []string{"If-Match", `"9"`}},
	"DELETE of any version":           {"DELETE", "", nil, []string{"If-Match", "*"}},
	"restore":                         {"POST", "/restore", nil, nil},
}

// refusedOfAProject are requests that are refused before the project is looked
// for; whose it is must not show there either. A path id that is no id at all
// may be told first.
var refusedOfAProject = map[string]struct {
	method, below string
	body          any
	headers       []string
}{
	"PUT of an empty title":       {"PUT", "", titled(""), nil},
	"PUT of malformed JSON":       {"PUT", "", "{", nil},
	"PUT of text":                 {"PUT", "", "x", []string{"Content-Type", "text/plain"}},
	"PATCH of an unknown field":   {"PATCH", "", `{"owner_id": null}`, nil},
	"DELETE of a broken version":  {"DELETE", "", nil, []string{"If-Match", "1"}},
	"GET with a parameter":        {"GET", "?q=1", nil, nil},
	"restore with a parameter":    {"POST", "/restore?q=1", nil, nil},
	"a method that is not there":  {"POST", "", titled("x"), nil},
	"a path that is not there":    {"GET", "/specifications-of", nil, nil},
	"the options":                 {"OPTIONS", "", nil, nil},
	"DELETE of what is below":     {"DELETE", "/restore", nil, nil},
	"an unclean path":             {"GET", "/", nil, nil},
	"a path out of the directory": {"GET", "/../", nil, nil},
}

// told is everything that an answer tells, but for ids and lengths that follow
// from them.
type told struct {
	Status int
	Header http.Header
	Body   string
}

func tell(a *testkit.Response, id string) told {
	header := a.Header.Clone()
	for _, name := range []string{"Date", "Content-Length"} {
		header.Del(name)
	}
	body := strings.Replace(string(a.Body), `"`+projectsPath+"/"+url.PathEscape(id), `"`+projectsPath+"/{id}", 1)
	return told{a.Status, header, body}
}

func TestSomebodyElsesProjectIsAsOneThatDoesNotExist(t *testing.T) {
	t.Parallel()
	behindEachWall(t, somebodyElsesProjectIsAsOneThatDoesNotExist)
}

func somebodyElsesProjectIsAsOneThatDoesNotExist(t *testing.T, s *testkit.Server) {
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
		"somebody else's project": his.ID,
		"somebody else's trash":   hisTrash.ID,
		"somebody else":           bob.User,
		"a random UUIDv4":         uuid.NewString(),
		"the nil UUID":            uuid.Nil.String(),
		"the greatest UUID":       uuid.Max.String(),
	}
	notCanonical := map[string]string{
		"somebody else's in capitals": strings.ToUpper(his.ID),
		"one's own in capitals":       strings.ToUpper(hers.ID),
		"one's own half in capitals":  strings.ToUpper(hers.ID[:18]) + hers.ID[18:],
		"one's own in braces":         "{" + hers.ID + "}",
		"one's own as a URN":          "urn:uuid:" + hers.ID,
		"one's own without hyphens":   strings.ReplaceAll(hers.ID, "-", ""),
		"one's own and more":          hers.ID + "0",
		"one's own and a blank":       hers.ID + " ",
		"one's own and a line feed":   hers.ID + "\n",
		"one's own and NUL":           hers.ID + "\x00",
		"one's own but for a digit":   hers.ID[:35],
		"one's own and a slash":       hers.ID + "/restore",
		"a number":                    "1",
		"a word":                      "me",
		"a star":                      "*",
		"two dots and a letter":       "..x",
		"SQL":                         "' OR 1=1 --",
		"bad UTF-8 in hexadecimal":    hers.ID[:34] + "zz",
		"something long":              strings.Repeat("a", 5000),
	}
	type request = struct {
		method, below string
		body          any
		headers       []string
	}
	compare := func(t *testing.T, requests map[string]request, names map[string]string) {
		for name, r := range requests {
			ask := func(t *testing.T, id string) told {
				headers := append([]string{"X-Request-Id", "the-same"}, r.headers...)
				return tell(ann.WithT(t).Do(r.method, projectsPath+"/"+url.PathEscape(id)+r.below, r.body, headers...), id)
			}
			want := ask(t, missing)
			for whose, id := range names {
				t.Run(name+" of "+whose, func(t *testing.T) {
					t.Parallel()
					if diff := cmp.Diff(want, ask(t, id)); diff != "" {
						t.Errorf("(-one that does not exist +this):\n%s", diff)
					}
				})
			}
			if _, refused := refusedOfAProject[name]; !refused && want.Status != 404 {
				t.Errorf("%s of what does not exist answered %d", name, want.Status)
			}
		}
	}
	t.Run("told", func(t *testing.T) {
		compare(t, requestsOfAProject, canonical)
		compare(t, requestsOfAProject, notCanonical)
		compare(t, refusedOfAProject, canonical)
	})
	if after := bob.Get(his.path()).Want(200); !bytes.Equal(after.Body, before.Body) {
		t.Errorf("a stranger changed %s to %s", before.Body, after.Body)
	}
	if after := ann.Get(hers.path()).Want(200); projectOf(after) != hers {
		t.Errorf("the project was changed by another spelling of its id: %s", after.Body)
	}
	if got := ids(list(bob, "trashed", "true").Projects); len(got) != 1 || got[0] != hisTrash.ID {
		t.Errorf("a stranger changed the trash: %v", got)
	}
}

func TestOnesOwnTrashIsAsWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	gone := newProject(ann, "Gone")
	ann.Delete(gone.path()).Want(204)
	missing := uuid.NewString()
	for name, r := range requestsOfAProject {
		if name == "restore" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := func(id string) told {
				headers := append([]string{"X-Request-Id", "the-same"}, r.headers...)
				return tell(ann.WithT(t).Do(r.method, projectsPath+"/"+id+r.below, r.body, headers...), id)
			}
			if diff := cmp.Diff(ask(missing), ask(gone.ID)); diff != "" {
				t.Errorf("(-one that does not exist +in the trash):\n%s", diff)
			}
		})
	}
}

func TestListsHaveOnlyOnesOwn(t *testing.T) {
	t.Parallel()
	behindEachWall(t, listsHaveOnlyOnesOwn)
}

func listsHaveOnlyOnesOwn(t *testing.T, s *testkit.Server) {
	t.Helper()
	ann, bob := s.SignUp(t), s.SignUp(t)
	newProject(bob, "His")
	bob.Delete(newProject(bob, "His trash").path()).Want(204)
	for _, trashed := range []string{"true", "false"} {
		for _, order := range orders {
			if page := list(ann, "trashed", trashed, "order_by", order); len(page.Projects) != 0 || page.NextPageToken != "" {
				t.Errorf("a stranger's list has %+v", page)
			}
		}
	}
}

package httpapi_test

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestProjects_CreateThenRead(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	made := ann.Post("/api/v1/projects", map[string]any{"title": " Invoices "}).Want(201)
	if got := made.Header.Get("ETag"); got != `"1-1"` {
		t.Errorf("ETag = %s", got)
	}
	again := ann.Get(made.Header.Get("Location")).Want(200)
	if !bytes.Equal(again.Body, made.Body) {
		t.Errorf("read %s, created %s", again.Body, made.Body)
	}
}

var sixDigits = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)

func TestProjects_Create(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	answer := ann.Post(projectsPath, map[string]any{"title": "\t Invoices \u2003"}).Want(201)
	p := projectOf(answer)

	t.Run("has the fields of the contract and no other", func(t *testing.T) {
		t.Parallel()
		want := []string{
			"created_at", "deleted_at", "description", "id", "owner", "owner_id", "revision", "role", "specification_count", "title", "updated_at", "version",
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(answer.JSON()))); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	})
	t.Run("begins with the defaults", func(t *testing.T) {
		t.Parallel()
		want := project{
			ID: p.ID, OwnerID: ann.User, Owner: projectOwner{ann.User, nameOf(ann)}, Role: "owner", Title: "Invoices", Version: 1, Revision: 1, CreatedAt: p.CreatedAt, UpdatedAt: p.CreatedAt,
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Errorf("new project (-want +got):\n%s", diff)
		}
	})
	t.Run("has a UUIDv7 in its canonical form", func(t *testing.T) {
		t.Parallel()
		id, err := uuid.Parse(p.ID)
		if err != nil || id.Version() != 7 || id.String() != p.ID {
			t.Errorf("id = %s", p.ID)
		}
	})
	t.Run("has its location and version", func(t *testing.T) {
		t.Parallel()
		if got := answer.Header.Get("Location"); got != p.path() {
			t.Errorf("Location = %q", got)
		}
		if got := answer.Header.Get("ETag"); got != `"1-1"` {
			t.Errorf("ETag = %s", got)
		}
		if got := answer.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type = %s", got)
		}
	})
}

func TestProjects_TimesHaveSixDigitsAndZ(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	p := newProject(ann, "Invoices")
	// A time without a fraction is where digits could be lost.
	execSQL(t, s, "UPDATE projects SET created_at = '2026-01-01T00:00:00Z', updated_at = '2026-01-01T00:00:00.1Z', deleted_at = '2026-01-01T12:45:00Z' WHERE id = $1", p.ID)
	got := listProjects(ann, "trashed", "true").Projects[0]
	want := []string{"2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.100000Z", "2026-01-01T12:45:00.000000Z"}
	if diff := cmp.Diff(want, []string{got.CreatedAt, got.UpdatedAt, *got.DeletedAt}); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	for _, at := range []string{p.CreatedAt, p.UpdatedAt} {
		if !sixDigits.MatchString(at) {
			t.Errorf("time %s", at)
		}
	}
}

func TestProjects_Change(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	type state struct{ title, description string }
	for name, tc := range map[string]struct {
		method, body string
		want         state
	}{
		"PUT sets both":                                   {"PUT", `{"title": "New", "description": "Words"}`, state{"New", "Words"}},
		"PUT without a description empties it":            {"PUT", `{"title": "New"}`, state{"New", ""}},
		"PUT trims the title and keeps the description":   {"PUT", `{"title": " New ", "description": " Words\n"}`, state{"New", " Words\n"}},
		"PATCH of the title keeps the description":        {"PATCH", `{"title": "New"}`, state{"New", "About Old"}},
		"PATCH of the description keeps the title":        {"PATCH", `{"description": "Words"}`, state{"Old", "Words"}},
		"PATCH of the description with null empties it":   {"PATCH", `{"description": null}`, state{"Old", ""}},
		"PATCH of the description with nothing in it":     {"PATCH", `{"description": ""}`, state{"Old", ""}},
		"PATCH of both":                                   {"PATCH", `{"description": "Words", "title": "New"}`, state{"New", "Words"}},
		"PATCH trims the title":                           {"PATCH", `{"title": "\u00a0New\u0085"}`, state{"New", "About Old"}},
		"a surrogate pair is one character":               {"PATCH", `{"title": "\ud835\udc9c"}`, state{"𝒜", "About Old"}},
		"markup is stored as sent":                        {"PATCH", `{"title": "</script>&amp;"}`, state{"</script>&amp;", "About Old"}},
		"line ends of the description are stored as sent": {"PATCH", `{"description": "a\r\nb\n\tc\r"}`, state{"Old", "a\r\nb\n\tc\r"}},
		"decomposed characters are not composed silently": {"PATCH", `{"title": "e\u0301"}`, state{"e\u0301", "About Old"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			old := newProject(ann, "Old")
			answer := ann.Do(tc.method, old.path(), tc.body).Want(200)
			got := projectOf(answer)
			want := old
			want.Title, want.Description, want.Version, want.Revision, want.UpdatedAt = tc.want.title, tc.want.description, 2, 2, got.UpdatedAt
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("after the change (-want +got):\n%s", diff)
			}
			if got.UpdatedAt <= old.UpdatedAt || !sixDigits.MatchString(got.UpdatedAt) {
				t.Errorf("updated_at went from %s to %s", old.UpdatedAt, got.UpdatedAt)
			}
			if tag := answer.Header.Get("ETag"); tag != `"2-2"` {
				t.Errorf("ETag = %s", tag)
			}
			again := ann.Get(old.path()).Want(200)
			if !bytes.Equal(again.Body, answer.Body) || again.Header.Get("ETag") != `"2-2"` {
				t.Errorf("responded %s, reads %s", answer.Body, again.Body)
			}
		})
	}
}

func TestProjects_NoopKeepsVersionAndTime(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, tc := range map[string]struct{ method, below, body, match string }{
		"the same PUT":                               {"PUT", "", `{"title": "Same", "description": "About Same"}`, ""},
		"the same PUT with a condition":              {"PUT", "", `{"title": "Same", "description": "About Same"}`, `"1"`},
		"a PUT that differs in surrounding blanks":   {"PUT", "", `{"title": "  Same\n", "description": "About Same"}`, ""},
		"an empty PATCH":                             {"PATCH", "", `{}`, ""},
		"an empty PATCH with a condition":            {"PATCH", "", `{}`, `*`},
		"a PATCH with the same title":                {"PATCH", "", `{"title": "Same"}`, ""},
		"a PATCH with the same title and text":       {"PATCH", "", `{"title": "Same", "description": "About Same"}`, ""},
		"a restore of what is not in the trash":      {"POST", "/restore", ``, ""},
		"a PATCH of the media type of merge patches": {"PATCH", "", `{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			before := newProject(ann, "Same")
			var body any
			if tc.body != "" {
				body = tc.body
			}
			answer := ann.Do(tc.method, before.path()+tc.below, body, "If-Match", tc.match).Want(200)
			if diff := cmp.Diff(before, projectOf(answer)); diff != "" {
				t.Errorf("responded (-before +after):\n%s", diff)
			}
			if tag := answer.Header.Get("ETag"); tag != `"1-1"` {
				t.Errorf("ETag = %s", tag)
			}
			if diff := cmp.Diff(before, projectOf(ann.Get(before.path()).Want(200))); diff != "" {
				t.Errorf("stored (-before +after):\n%s", diff)
			}
		})
	}
}

func TestProjects_TrashAndRestore(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	other := newProject(ann, "Other")
	p := newProject(ann, "Invoices")

	gone := ann.Delete(p.path()).Want(204)
	if len(gone.Body) != 0 || gone.Header.Get("Content-Type") != "" {
		t.Errorf("204 with a body: %q, %v", gone.Body, gone.Header)
	}
	for method, body := range map[string]any{"GET": nil, "PUT": `{"title": "x"}`, "PATCH": `{"title": "x"}`, "DELETE": nil} {
		ann.Do(method, p.path(), body).WantProblem(404, "project_not_found")
	}
	if got := projectIDs(listProjects(ann).Projects); !slices.Equal(got, []string{other.ID}) {
		t.Errorf("the list has %v, want only %s", got, other.ID)
	}
	trash := listProjects(ann, "trashed", "true").Projects
	if len(trash) != 1 || trash[0].ID != p.ID || trash[0].DeletedAt == nil || !sixDigits.MatchString(*trash[0].DeletedAt) {
		t.Fatalf("the trash has %+v", trash)
	}
	if trash[0].Version != 2 || trash[0].UpdatedAt <= p.UpdatedAt {
		t.Errorf("in the trash it is at version %d of %s", trash[0].Version, trash[0].UpdatedAt)
	}

	back := ann.Post(p.path()+"/restore", nil).Want(200)
	got := projectOf(back)
	want := p
	want.Version, want.Revision, want.UpdatedAt = 3, 3, got.UpdatedAt
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("restored (-want +got):\n%s", diff)
	}
	if tag := back.Header.Get("ETag"); tag != `"3-3"` {
		t.Errorf("ETag = %s", tag)
	}
	if got := listProjects(ann, "trashed", "true").Projects; len(got) != 0 {
		t.Errorf("the trash still has %v", got)
	}
	if diff := cmp.Diff(got, projectOf(ann.Get(p.path()).Want(200))); diff != "" {
		t.Errorf("read after restoring (-want +got):\n%s", diff)
	}
}

func TestProjects_HEADEqualsGETWithoutBody(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p := newProject(ann, "Invoices")
	for name, path := range map[string]string{
		"a project":             p.path(),
		"the list":              projectsPath,
		"a project not there":   projectsPath + "/" + uuid.NewString(),
		"a wrong parameter":     projectsPath + "?page_size=0",
		"health":                "/health/live",
		"the contract as JSON":  "/api/v1/openapi.json",
		"the contract as YAML":  "/api/v1/openapi.yaml",
		"a path with no route":  "/api/v1/nothing",
		"a path that is unread": "/api/v1//projects",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			named := []string{"X-Request-Id", "the-same"}
			get := ann.WithT(t).Get(path, named...)
			head := ann.WithT(t).Do("HEAD", path, nil, named...)
			if head.Status != get.Status || len(head.Body) != 0 {
				t.Errorf("HEAD got %d with %d bytes, GET %d", head.Status, len(head.Body), get.Status)
			}
			for _, answer := range []*testkit.Response{get, head} {
				if length := answer.Header.Get("Content-Length"); length != "" && length != strconv.Itoa(len(get.Body)) {
					t.Errorf("Content-Length = %s of %d bytes", length, len(get.Body))
				}
				answer.Header.Del("Date")
				answer.Header.Del("Content-Length")
			}
			if diff := cmp.Diff(get.Header, head.Header); diff != "" {
				t.Errorf("headers (-GET +HEAD):\n%s", diff)
			}
		})
	}
}

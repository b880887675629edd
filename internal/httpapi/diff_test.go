package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

func TestDiff_WordsAndItems(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one", "two")
	items := bulletsOf(ann, s)
	from := specOf(ann.Get(s.path()).Want(200)).Version
	ann.Patch(items[0].path(), map[string]any{"content": "number one"}).Want(200)
	ann.Delete(items[1].path()).Want(204)
	var d struct {
		From, To       int
		Title, Content *struct{}
		Items          []struct {
			Ref, Change string
			Segments    []struct{ Op, Text string }
		}
	}
	ann.Get(fmt.Sprintf("%s/diff?from=v%d", s.path(), from)).Want(200).Decode(&d)
	if d.From != from || d.To != from+2 || d.Title != nil || d.Content != nil || len(d.Items) != 2 || d.Items[0].Change != "changed" || d.Items[1].Change != "removed" ||
		d.Items[0].Segments[0].Op != "insert" {
		t.Errorf("the diff is %+v", d)
	}
	ann.Get(s.path()+"/diff").WantProblem(400, "invalid_parameter")
	ann.Get(s.path()+"/diff?from=v1&to=x").WantProblem(400, "invalid_parameter")
	ann.Get(s.path()+"/diff?from=r99").WantProblem(404, "revision_not_found")
}

// specificationChange is what a client reads of a specification in a project's diff.
type specificationChange struct {
	Number        int
	Title, Change string
	FromVersion   *int `json:"from_version"`
	ToVersion     *int `json:"to_version"`
}

func TestDiff_ProjectNamesSpecifications(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	changed := newSpec(ann, "one", "two")
	project := "/api/v1/projects/" + changed.ProjectID
	removed := specOf(ann.Post(project+"/specs", `{"content": "removed"}`).Want(201))
	same := specOf(ann.Post(project+"/specs", `{"content": "same"}`).Want(201))
	from := projectOf(ann.Get(project).Want(200)).Revision

	ann.Patch(project, map[string]any{"title": "Portal", "description": "For customers."}).Want(200)
	ann.Patch(bulletsOf(ann, changed)[1].path(), map[string]any{"content": "number two"}).Want(200)
	ann.Delete(removed.path()).Want(204)
	ann.Post(project+"/specs", `{"content": "added"}`).Want(201)
	ann.Delete(same.path()).Want(204)
	ann.Post(same.path()+"/restore", nil).Want(200)
	to := projectOf(ann.Get(project).Want(200)).Revision
	ann.Patch(changed.path(), map[string]any{"content": "later"}).Want(200)

	type projectDiff struct {
		From, To           int
		Title, Description *struct{ Segments []struct{ Op, Text string } }
		Specifications     []specificationChange
	}
	var forth, back projectDiff
	ann.Get(fmt.Sprintf("%s/diff?from=r%d&to=r%d", project, from, to)).Want(200).Decode(&forth)
	want := []specificationChange{
		{changed.Number, changed.Title, "changed", new(3), new(4)}, {removed.Number, "removed", "removed", new(1), nil}, {4, "added", "added", nil, new(1)},
	}
	if diff := cmp.Diff(want, forth.Specifications); diff != "" || forth.From != from || forth.To != to || forth.Title == nil || forth.Description == nil {
		t.Errorf("from r%d to r%d: %s\n%+v", from, to, diff, forth)
	}
	ann.Get(fmt.Sprintf("%s/diff?from=r%d&to=r%d", project, to, from)).Want(200).Decode(&back)
	want = []specificationChange{
		{changed.Number, changed.Title, "changed", new(4), new(3)}, {removed.Number, "removed", "added", nil, new(1)}, {4, "added", "removed", new(1), nil},
	}
	if diff := cmp.Diff(want, back.Specifications); diff != "" {
		t.Errorf("from r%d to r%d: %s", to, from, diff)
	}
	var none projectDiff
	ann.Get(fmt.Sprintf("%s/diff?from=r%d&to=r%d", project, to, to)).Want(200).Decode(&none)
	if len(none.Specifications) > 0 || none.Title != nil || none.Description != nil {
		t.Errorf("one state has differences: %+v", none)
	}
	ann.Get(project+"/diff?from=v1").WantProblem(400, "invalid_parameter")
	ann.Get(project+"/diff").WantProblem(400, "invalid_parameter")
	ann.Get(project+"/diff?from=r0").WantProblem(404, "project_not_found")
}

func TestAccept_Texts(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one", "two")
	project := "/api/v1/projects/" + s.ProjectID
	from := projectOf(ann.Get(project).Want(200)).Revision
	ann.Patch(bulletsOf(ann, s)[0].path(), map[string]any{"content": "number one"}).Want(200)
	diff := fmt.Sprintf("/diff?from=r%d", from)
	for _, c := range []struct{ path, accept, media, holds string }{
		{s.path() + diff, "text/x-diff", "text/x-diff", "\n+-   **1.1** number one\n"},
		{s.path() + diff, "text/markdown", "text/markdown", "**1.1** changed: <ins>number </ins>one\n"},
		{project + diff, "text/x-diff", "text/x-diff", "--- 1.md\tv3\n+++ 1.md\tv4\n"},
		{project + diff, "text/markdown", "text/markdown", "\n### Items\n\n-   **1.1** changed: <ins>number </ins>one\n"},
		{s.path(), "text/markdown", "text/markdown", "\n-   **1.1** number one\n-   **1.2** two\n"},
		{s.path() + "?at=v3", "TEXT/Markdown;q=0.9, */*;q=0.1", "text/markdown", "\n-   **1.1** one\n"},
		{project, "application/json;q=0.5, text/markdown", "text/markdown", "# Home\n"},
		{s.path() + "/revisions?page_size=1", "text/markdown", "text/markdown", ": Changed item 1.1.\n"},
		{s.path(), "text/x-diff", "application/json", "{"},
		{s.path(), "text/markdown;q=0.5, application/json", "application/json", "{"},
		{s.path(), "text/markdown, application/json", "application/json", "{"},
		{s.path(), "*/*", "application/json", "{"},
		{s.path() + "/items", "text/markdown", "application/json", "{"},
		{project + "x", "text/markdown", "application/problem+json", "{"},
	} {
		r := ann.Get(c.path, "Accept", c.accept)
		media, charset, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if media != c.media || strings.HasPrefix(media, "text/") && charset != " charset=utf-8" || !strings.Contains(string(r.Body), c.holds) {
			t.Errorf("GET %s, Accept %s: %d %s\n%s", c.path, c.accept, r.Status, r.Header.Get("Content-Type"), r.Body)
		}
	}
	if next := ann.Get(s.path()+"/revisions?page_size=1", "Accept", "text/markdown").Want(200).Header.Get("Link"); !strings.HasPrefix(next, "<?page_size=1&page_token=") {
		t.Errorf("the next page is %q", next)
	} else if page := ann.Get(s.path()+"/revisions"+strings.TrimSuffix(strings.TrimPrefix(next, "<"), `>; rel="next"`), "Accept", "text/markdown").Want(200); !strings.Contains(string(page.Body), "Added item 1.2.") {
		t.Errorf("the next page is %s", page.Body)
	}
}

// A cached response is JSON, and a text has a tag of its own.
func TestAccept_TextsHaveTheirOwnTags(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one")
	for range 2 {
		text, document := ann.Get(s.path(), "Accept", "text/markdown").Want(200), ann.Get(s.path(), "Accept", "application/json").Want(200)
		if text.Body[0] != '#' || document.Body[0] != '{' || text.Header.Get("ETag") == document.Header.Get("ETag") {
			t.Fatalf("%s %s\n%s %s", text.Header.Get("ETag"), text.Body, document.Header.Get("ETag"), document.Body)
		}
		for _, r := range []*testkit.Response{text, document} {
			if !strings.Contains(strings.Join(r.Header.Values("Vary"), ","), "Accept,") && r.Header.Values("Vary")[0] != "Accept" {
				t.Errorf("Vary is %q", r.Header.Values("Vary"))
			}
		}
		tag := text.Header.Get("ETag")
		ann.Get(s.path(), "Accept", "text/markdown", "If-None-Match", tag).Want(http.StatusNotModified)
		ann.Get(s.path(), "Accept", "application/json", "If-None-Match", tag).Want(200)
		ann.Patch(s.path(), map[string]any{"title": "by the tag of a text"}, "If-Match", tag).Want(200)
	}
}

// What cannot be read prefers nothing.
func TestAccept_AnyValueIsServed(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one")
	for _, accept := range []string{";", ";,", "a;,", ",", "a;q", "text/markdown;q=NaN", "text/markdown;q=x", ";;;;", "\xff;,", strings.Repeat("a,", 4000) + "text/markdown"} {
		for _, path := range []string{s.path(), s.path() + "/items", "/api/v1/users/me"} {
			if r := ann.Get(path, "Accept", accept).Want(200); r.Body[0] != '{' {
				t.Errorf("GET %s, Accept %.20q: %s", path, accept, r.Body)
			}
		}
	}
}

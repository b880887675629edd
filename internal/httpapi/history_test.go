package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// changeRow is a change in a list.
type changeRow struct {
	Revision int     `json:"revision"`
	Kind     string  `json:"kind"`
	Ref      *string `json:"ref"`
	Actor    struct {
		ID   *string `json:"id"`
		Name *string `json:"name"`
	} `json:"actor"`
}

func changesOf(c *testkit.Client, path string) (kinds []string) {
	for path != "" {
		var page struct {
			Changes []changeRow `json:"changes"`
			Next    string      `json:"next_page_token"`
		}
		c.Get(path).Want(200).Decode(&page)
		for _, row := range page.Changes {
			ref := ""
			if row.Ref != nil {
				ref = " " + *row.Ref
			}
			kinds = append(kinds, fmt.Sprintf("r%d %s%s", row.Revision, row.Kind, ref))
		}
		if page.Next == "" {
			return kinds
		}
		path = strings.Split(path, "&page_token=")[0] + "&page_token=" + page.Next
	}
	return kinds
}

func TestHistory_ListsEveryChange(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one", "two")
	items := bulletsOf(ann, s)
	project := "/api/v1/projects/" + s.ProjectID
	ann.Patch(items[0].path(), map[string]any{"content": "uno"}).Want(200)
	ann.Patch(items[0].path(), map[string]any{"content": "uno"}).Want(200) // changes nothing
	ann.Delete(items[1].path()).Want(204)
	ann.Patch(s.path(), map[string]any{"title": "new"}).Want(200)
	ann.Patch(project, map[string]any{"title": "renamed"}).Want(200)

	want := []string{
		"r8 project.changed", "r7 specification.changed", "r6 item.deleted 1.2", "r5 item.changed 1.1",
	}
	all := changesOf(ann, project+"/changes?page_size=2")
	if diff := cmp.Diff(want, all[:4]); diff != "" {
		t.Errorf("newest first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"r6 item.deleted 1.2", "r7 specification.changed", "r8 project.changed"}, changesOf(ann, project+"/changes?page_size=1&since=r5")); diff != "" {
		t.Errorf("since r5 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"r6 item.deleted 1.2"}, changesOf(ann, project+"/changes?kind=item.deleted&specification_id="+s.ID)); diff != "" {
		t.Errorf("filtered (-want +got):\n%s", diff)
	}
	if got := changesOf(ann, project+"/changes?actor_id="+s.ID); got != nil {
		t.Errorf("changes of an id that made none: %v", got)
	}
	ann.Get(project+"/changes?since=r99").WantProblem(404, "revision_not_found")
	ann.Get(project+"/changes?since=99").WantProblem(400, "invalid_parameter")
	ann.Get(project+"/changes?actor_id=ann").WantProblem(400, "invalid_parameter")

	var page struct {
		Revisions []struct {
			Revision int    `json:"revision"`
			Summary  string `json:"summary"`
		} `json:"revisions"`
		Next string `json:"next_page_token"`
	}
	ann.Get(s.path() + "/revisions?page_size=2").Want(200).Decode(&page)
	if len(page.Revisions) != 2 || page.Revisions[0].Summary != "Changed the text." || page.Revisions[1].Summary != "Deleted item 1.2." || page.Next == "" {
		t.Errorf("revisions %+v", page)
	}
	ann.Get(s.path() + "/revisions?page_size=2&page_token=" + page.Next).Want(200).Decode(&page)
	if page.Revisions[0].Summary != "Changed item 1.1." {
		t.Errorf("the next page %+v", page)
	}
}

func TestHistory_AtNamesOnePoint(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one")
	first := string(ann.Get(s.path() + "?include=items").Want(200).Body)
	project := "/api/v1/projects/" + s.ProjectID
	ann.Post(project+"/baselines", map[string]any{"name": "1.0"}).Want(201)
	ann.Patch(s.path(), map[string]any{"content": "changed"}).Want(200)
	for _, at := range []string{"r3", "v2", "baseline:1.0", "R3x"} {
		got := ann.Get(s.path() + "?include=items&at=" + at)
		if at == "R3x" {
			got.WantProblem(400, "invalid_parameter")
		} else if string(got.Want(200).Body) != first {
			t.Errorf("at=%s is %s", at, got.Body)
		}
	}
	ann.Get(s.path()+"?at=r99").WantProblem(404, "revision_not_found")
	ann.Get(s.path()+"?at=v99").WantProblem(404, "revision_not_found")
	ann.Get(s.path()+"?at=r1").WantProblem(404, "specification_not_found")
	ann.Get(s.path()+"?at=baseline:none").WantProblem(404, "baseline_not_found")
	ann.Get(s.path()+"?at=2001-01-01T00:00:00Z").WantProblem(404, "specification_not_found")
	ann.Get(s.path() + "?at=2999-01-01T00:00:00Z").Want(200)
	ann.Get(project+"/specs?at=v2").WantProblem(400, "invalid_parameter")
	ann.Get(project+"/specs?at=r3&order_by=title").WantProblem(400, "invalid_parameter")
}

// One request takes back a bounded number of changes, of one specification and of a page.
func TestHistory_StatesTooFarBackAreRejected(t *testing.T) {
	t.Parallel()
	server := testkit.Start(t)
	ann := server.SignUp(t)
	s := newSpec(ann, "one")
	project := "/api/v1/projects/" + s.ProjectID
	execSQL(t, server, `INSERT INTO changes (owner_id, project_id, revision, kind, revised_at, actor_id, spec_id, spec_version, old_content)
		SELECT c.owner_id, c.project_id, c.revision + n, 'specification.changed', c.revised_at, c.actor_id, c.spec_id, c.spec_version + n, 'x'
		FROM   (SELECT * FROM changes WHERE project_id = $1 ORDER BY revision DESC, number DESC LIMIT 1) AS c, generate_series(1, 20001) AS n`, s.ProjectID)
	execSQL(t, server, "UPDATE project_revisions SET revision = revision + 20001 WHERE project_id = $1", s.ProjectID)
	execSQL(t, server, "UPDATE specifications SET title = 'later' WHERE id = $1", s.ID)
	for _, path := range []string{s.path() + "?at=r3", project + "/specs?at=r3", s.path() + "/diff?from=r3"} {
		if p := ann.Get(path).WantProblem(400, "invalid_parameter"); !strings.Contains(p.Detail, "20000 changes ago") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	ann.Post(project+"/restore", map[string]any{"to": "r3"}).WantProblem(400, "invalid_parameter")
	ann.Get(s.path() + "?at=" + lastRevision(ann, project)).Want(200)
}

func TestRestore_VersionRevisionAndItem(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one", "two", "three")
	items := bulletsOf(ann, s)
	before := specOf(ann.Get(s.path()).Want(200))
	ann.Delete(items[0].path()).Want(204)
	ann.Patch(items[1].path(), map[string]any{"content": "dos"}).Want(200)
	ann.Post(s.items(), map[string]any{"content": "four"}).Want(201)
	ann.Patch(s.path(), map[string]any{"content": "other"}).Want(200)

	// The deleted item alone.
	back := bulletOf(ann.Post(items[0].path()+"/restore", nil).Want(200))
	if back.ID != items[0].ID || back.Number != 1 || back.Order != 0 || back.Content != "one" || back.Version != 2 {
		t.Errorf("the item is %+v", back)
	}
	if again := bulletOf(ann.Post(items[0].path()+"/restore", nil).Want(200)); again.Version != 2 {
		t.Errorf("restored twice: %+v", again)
	}
	ann.Post("/api/v1/items/"+s.ID+"/restore", nil).WantProblem(404, "item_not_found")

	// The whole specification.
	ann.Post(s.path()+"/restore", map[string]any{"to": fmt.Sprintf("v%d", before.Version)}, "If-Match", `"1"`).WantProblem(412, "precondition_failed")
	now := specOf(ann.Post(s.path()+"/restore", map[string]any{"to": fmt.Sprintf("v%d", before.Version)}).Want(200))
	var contents []string
	for n, item := range bulletsOf(ann, s) {
		contents = append(contents, item.Content)
		if item.ID != items[n].ID || item.Number != items[n].Number {
			t.Errorf("item %d is %+v", n, item)
		}
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, contents); diff != "" || now.Content != before.Content {
		t.Errorf("restored %+v (-want +got):\n%s", now, diff)
	}
	if kept := specOf(ann.Get(s.path()).Want(200)); kept != now {
		t.Errorf("the response was %+v, the specification is %+v", now, kept)
	}

	// One revision is undone, unless later ones changed the same.
	project := "/api/v1/projects/" + s.ProjectID
	ann.Patch(items[0].path(), map[string]any{"content": "first"}).Want(200)
	changed := lastRevision(ann, project)
	ann.Patch(items[1].path(), map[string]any{"content": "second"}).Want(200)
	ann.Post(s.path()+"/restore", map[string]any{"undo": changed}).Want(200)
	if got := bulletOf(ann.Get(items[0].path()).Want(200)); got.Content != "one" {
		t.Errorf("undone: %+v", got)
	}
	ann.Post(s.path()+"/restore", map[string]any{"undo": changed}).WantProblem(409, "undo_conflict")
	ann.Post(s.path()+"/restore", map[string]any{"undo": "r1"}).WantProblem(404, "revision_not_found")
	ann.Post(s.path()+"/restore", map[string]any{"to": "r2", "undo": "r2"}).WantProblem(422, "validation_failed")
	ann.Post(s.path()+"/restore", map[string]any{"to": "x"}).WantProblem(422, "validation_failed")
	ann.Post(project+"/restore", map[string]any{"to": "v2"}).WantProblem(422, "validation_failed")
}

// lastRevision is the newest revision of a project, as a request names it.
func lastRevision(c *testkit.Client, project string) string {
	var p struct{ Revision int }
	c.Get(project).Want(200).Decode(&p)
	return fmt.Sprintf("r%d", p.Revision)
}

func TestRestore_ProjectIsOneRevision(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one")
	project := "/api/v1/projects/" + s.ProjectID
	state, specs := lastRevision(ann, project), string(ann.Get(project+"/specs").Want(200).Body)
	ann.Delete(s.path()).Want(204)
	ann.Post(project+"/specs", map[string]any{"content": "later"}).Want(201)
	ann.Patch(project, map[string]any{"title": "renamed"}).Want(200)
	renamed := lastRevision(ann, project)

	restored := ann.Post(project+"/restore", map[string]any{"to": state}).Want(200)
	if string(restored.Body) != string(ann.Get(project).Want(200).Body) {
		t.Errorf("the response was %s, the project is %s", restored.Body, ann.Get(project).Body)
	}
	var now struct {
		Title string
		Count int `json:"specification_count"`
	}
	restored.Decode(&now)
	if now.Title == "renamed" || now.Count != 1 {
		t.Errorf("restored %+v", now)
	}
	after := changesOf(ann, project+"/changes?page_size=100&since="+renamed)
	if diff := cmp.Diff([]string{"specification.restored", "specification.trashed", "project.changed"}, withoutRevisions(after)); diff != "" || ann.Get(s.path()).Status != 200 {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	_ = specs
	// And back again.
	ann.Post(project+"/restore", map[string]any{"undo": lastRevision(ann, project)}).Want(200)
	ann.Get(s.path()).WantProblem(404, "specification_not_found")
}

func withoutRevisions(changes []string) (kinds []string) {
	for _, c := range changes {
		_, kind, _ := strings.Cut(c, " ")
		kinds = append(kinds, kind)
	}
	return kinds
}

func TestBaselines_NameRevisions(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	s := newSpec(ann, "one")
	project := "/api/v1/projects/" + s.ProjectID
	type named struct {
		ID, Name, Description, Digest string
		Revision                      int
	}
	var first, second named
	made := ann.Post(project+"/baselines", map[string]any{"name": "1.0", "revision": 2}).Want(201)
	made.Decode(&first)
	if made.Header.Get("Location") != "/api/v1/baselines/"+first.ID || first.Revision != 2 {
		t.Errorf("made %s at %s", made.Body, made.Header.Get("Location"))
	}
	ann.Post(project+"/baselines", map[string]any{"name": "1.0"}).WantProblem(409, "baseline_exists")
	ann.Post(project+"/baselines", map[string]any{"name": "2.0", "revision": 99}).WantProblem(404, "revision_not_found")
	ann.Post(project+"/baselines", map[string]any{"name": "2.0"}).Want(201).Decode(&second)
	if first.Digest == second.Digest {
		t.Errorf("two states have the digest %s", first.Digest)
	}
	// The same content has the same digest, also as a later revision.
	ann.Patch(s.path(), map[string]any{"content": "other"}).Want(200)
	ann.Post(project+"/restore", map[string]any{"to": "baseline:2.0"}).Want(200)
	var third named
	ann.Post(project+"/baselines", map[string]any{"name": "3.0"}).Want(201).Decode(&third)
	if third.Digest != second.Digest || third.Revision <= second.Revision {
		t.Errorf("restored: %+v, was %+v", third, second)
	}
	path := "/api/v1/baselines/" + first.ID
	ann.Patch(path, map[string]any{"name": "2.0"}).WantProblem(409, "baseline_exists")
	ann.Patch(path, map[string]any{"name": "0.9", "description": "d"}).Want(200).Decode(&first)
	if first.Name != "0.9" || first.Description != "d" {
		t.Errorf("changed: %+v", first)
	}
	var page struct {
		Baselines []named
		Next      string `json:"next_page_token"`
	}
	ann.Get(project + "/baselines?page_size=2").Want(200).Decode(&page)
	if len(page.Baselines) != 2 || page.Baselines[0].Name != "3.0" || page.Next == "" {
		t.Errorf("the list is %+v", page)
	}
	ann.Get(project + "/baselines?page_token=" + page.Next).Want(200).Decode(&page)
	if len(page.Baselines) != 1 {
		t.Errorf("the next page is %+v", page)
	}
	ann.Get(path).Want(200)
	ann.Delete(path).Want(204)
	ann.Get(path).WantProblem(404, "baseline_not_found")
}

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// exportedHistory is what these tests read of an export with the history.
type exportedHistory struct {
	Projects []struct {
		ID             string            `json:"id"`
		Specifications []json.RawMessage `json:"specifications"`
		Baselines      []json.RawMessage `json:"baselines"`
		Changes        []map[string]any  `json:"changes"`
	}
}

func readHistory(c *testkit.Client) (doc exportedHistory) {
	c.Get(exportPath + "?history=true").Want(200).Decode(&doc)
	return doc
}

// The baselines are as their list has them, and so are the changes, with what each
// replaced. A project without history has empty lists.
func TestExport_HistoryIsWhatTheListsHave(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	ben := s.SignUp(t)
	newBaseline(ben, newSpecProject(ben), "of another user")
	h := newSpecProject(ann)
	made := h.addWith(ann, "a", "b", "c")
	ann.Patch(bulletsOf(ann, made)[0].path(), `{"content": "a2"}`).Want(200)
	ann.Patch(bulletsOf(ann, made)[0].path(), `{"order": 2}`).Want(200)
	ann.Delete(bulletsOf(ann, made)[0].path()).Want(204)
	list := bulletsOf(ann, made)
	ann.Put(made.items()+"/reorder", map[string]any{"item_ids": []string{list[1].ID, list[0].ID}}).Want(200)
	ann.Patch(made.path(), `{"title": "t", "content": "y"}`).Want(200)
	ann.Patch(h.path(), `{"description": "d"}`).Want(200)
	newBaseline(ann, h, "one")
	ann.Post(h.path()+"/baselines", `{"name": "another", "revision": 3}`).Want(201)
	trashed := newSpecProject(ann)
	ann.Delete(trashed.path()).Want(204)

	doc := readHistory(ann)
	if len(doc.Projects) != 2 || doc.Projects[0].ID != h.ID || len(doc.Projects[0].Specifications) != 1 {
		t.Fatalf("the document has %+v", doc)
	}
	var baselines struct{ Baselines []json.RawMessage }
	ann.Get(h.path() + "/baselines").Want(200).Decode(&baselines)
	got := doc.Projects[0].Baselines // by name; the list has the newest first
	if len(got) != 2 || string(got[0]) != string(baselines.Baselines[0]) || string(got[1]) != string(baselines.Baselines[1]) {
		t.Errorf("exported %s, listed %s", got, baselines.Baselines)
	}
	var replaced []string
	for _, c := range doc.Projects[0].Changes {
		before := "-"
		if old, ok := c["replaced"].(map[string]any); ok {
			ids, _ := old["item_ids"].([]any)
			before = fmt.Sprintf("%v %v %v %d", old["title"], old["content"], old["order"], len(ids))
		}
		replaced = append(replaced, fmt.Sprintf("%v %s: %s", c["revision"], c["kind"], before))
		delete(c, "replaced")
	}
	want := strings.Split(`1 project.created: -
2 specification.created: -
2 item.created: -
2 item.created: -
2 item.created: -
3 item.changed: <nil> a <nil> 0
4 item.moved: <nil> <nil> 0 0
5 item.deleted: <nil> b 0 0
6 items.reordered: <nil> <nil> <nil> 2
7 specification.changed: x x <nil> 0
8 project.changed: <nil>  <nil> 0`, "\n")
	if diff := cmp.Diff(want, replaced); diff != "" {
		t.Errorf("replaced (-want +got):\n%s", diff)
	}
	var changes struct{ Changes []map[string]any }
	ann.Get(h.path() + "/changes?since=r0").Want(200).Decode(&changes)
	if diff := cmp.Diff(changes.Changes, doc.Projects[0].Changes); diff != "" {
		t.Errorf("changes (-listed +exported):\n%s", diff)
	}
	if got := doc.Projects[1]; got.Baselines == nil || len(got.Baselines) != 0 || len(got.Changes) != 2 {
		t.Errorf("the project in the trash has %+v", got)
	}
	for _, query := range []string{"", "?history=false"} {
		if body := string(ann.Get(exportPath + query).Want(200).Body); strings.Contains(body, `"changes"`) || strings.Contains(body, `"baselines"`) {
			t.Errorf("the export %s has a history", query)
		}
	}
	ann.Get(exportPath+"?history=1").WantProblem(400, "invalid_parameter")
}

// The history is read in pages, by rows and by bytes. What was deleted from the history is
// not in it.
func TestExport_HistoryInPages(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	h := newSpecProject(ann)
	made := h.add(ann, "secret "+strings.Repeat("x", 90_000))
	for n := range 60 { // 5.4 MB of replaced contents
		ann.Patch(made.path(), map[string]any{"content": fmt.Sprintf("secret %d ", n) + strings.Repeat("x", 90_000)}).Want(200)
	}
	ann.Patch(made.path(), `{"content": "clean"}`).Want(200)
	execSQL(t, s, `INSERT INTO baselines (owner_id, id, project_id, name, revision, digest, created_by, created_at)
		SELECT $1, gen_random_uuid(), $2, 'b' || n, 1, 'sha256:' || repeat('0', 64), $1, now() FROM generate_series(1, 450) AS n`, ann.User, h.ID)
	got := readHistory(ann).Projects[0]
	if len(got.Changes) != 63 || len(got.Baselines) != 450 {
		t.Errorf("%d changes and %d baselines are exported", len(got.Changes), len(got.Baselines))
	}
	for n, c := range got.Changes[2:] {
		if old := c["replaced"].(map[string]any)["content"].(string); c["revision"] != float64(n+3) || !strings.HasPrefix(old, "secret") {
			t.Fatalf("change %d is revision %v and replaced %.20s", n, c["revision"], old)
		}
	}
	ann.Delete(made.path() + "/history?before=v" + fmt.Sprint(reloadSpec(ann, made).Version)).Want(204)
	if body := string(ann.Get(exportPath + "?history=true").Want(200).Body); strings.Contains(body, `"content":"secret`) {
		t.Error("the export has what was deleted from the history")
	}
	if got := readHistory(ann).Projects[0]; len(got.Changes) != 63 || got.Changes[10]["replaced"] != nil {
		t.Errorf("%d changes are left, the eleventh is %v", len(got.Changes), got.Changes[10])
	}
}

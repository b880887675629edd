package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// An item's place is part of its tag. A request that moves the item must name the
// present one; for any other change the version is enough.
func TestETag_StalePlaceLosesOnlyAMove(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, tc := range map[string]struct {
		method, body, tag string // of an item that was read at "1-0" and is now at "1-1"
		want              int
	}{
		"PUT back to the place as read":       {"PUT", `{"content": "x", "order": 0}`, `"1-0"`, 412},
		"PUT to another place":                {"PUT", `{"content": "x", "order": 2}`, `"1-0"`, 412},
		"PUT to the place where it is":        {"PUT", `{"content": "x", "order": 1}`, `"1-0"`, 412},
		"PATCH to another place":              {"PATCH", `{"order": 2}`, `"1-0"`, 412},
		"PATCH with a weak tag":               {"PATCH", `{"order": 2}`, `W/"1-0"`, 412},
		"PATCH with the present tag":          {"PATCH", `{"order": 2}`, `"1-1"`, 200},
		"PATCH with the present tag, weak":    {"PATCH", `{"order": 2}`, `W/"1-1-gzip"`, 200},
		"PATCH with the version of a list":    {"PATCH", `{"order": 2}`, `"1"`, 200},
		"PATCH with an old and a new tag":     {"PATCH", `{"order": 2}`, `"1-0", "1-1"`, 200},
		"PUT of the content":                  {"PUT", `{"content": "x"}`, `"1-0"`, 200},
		"PATCH of the content":                {"PATCH", `{"content": "x"}`, `"1-0"`, 200},
		"PATCH of the content by the version": {"PATCH", `{"content": "x"}`, `"1"`, 200},
		"DELETE":                              {"DELETE", ``, `"1-0"`, 204},
		"a version to come":                   {"PATCH", `{"content": "x"}`, `"2-1"`, 412},
		"a counter that no item has":          {"PATCH", `{"content": "x"}`, `"1-1-0"`, 412},
		"the specification's version":         {"PATCH", `{"content": "x"}`, `"3"`, 412},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			parent := newSpec(ann, "a", "b")
			read := bulletsOf(ann, parent)[0]
			ann.Post(parent.items(), map[string]any{"content": "new", "order": 0}).Want(201)
			before := ann.Get(read.path()).Want(200)
			var body any
			if tc.body != "" {
				body = tc.body
			}
			answer := ann.Do(tc.method, read.path(), body, "If-Match", tc.tag).Want(tc.want)
			if tc.want != 412 {
				return
			}
			problem := answer.WantProblem(412, "precondition_failed")
			if diff := cmp.Diff(before.JSON(), problem.Current); diff != "" {
				t.Errorf("current (-want +got):\n%s", diff)
			}
			if got := answer.Header.Get("ETag"); got != `"1-1"` {
				t.Errorf("ETag of the 412 = %s", got)
			}
			if got := itemTexts(bulletsOf(ann, parent)); got != "new a b" {
				t.Errorf("the items are %s", got)
			}
		})
	}
}

// writeCase is a request that changes something that exists.
type writeCase struct {
	method, path string
	body         any
	// read is the path and tag is the ETag of what it changes.
	read, tag string
	status    int
}

// writes are all requests that take If-Match and If-None-Match, each for a resource of
// its own.
func writes(ann *testkit.Client) map[string]writeCase {
	tagOf := func(path string) string { return ann.Get(path).Want(200).Header.Get("ETag") }
	all := map[string]writeCase{}
	for method, body := range map[string]any{"PUT": map[string]any{"title": "new", "content": "new"}, "PATCH": map[string]any{"title": "new"}, "DELETE": nil} {
		status := map[string]int{"DELETE": 204}[method]
		if status == 0 {
			status = 200
		}
		p, s := newProject(ann, "Old"), newSpec(ann, "a", "b")
		item := bulletsOf(ann, newSpec(ann, "a", "b"))[1]
		ofProject, ofItem := body, body
		if method == "PUT" {
			ofProject = map[string]any{"title": "new"}
		}
		if method != "DELETE" {
			ofItem = map[string]any{"content": "new"}
		}
		all[method+" of a project"] = writeCase{method, p.path(), ofProject, p.path(), tagOf(p.path()), status}
		all[method+" of a specification"] = writeCase{method, s.path(), body, s.path(), tagOf(s.path()), status}
		all[method+" of an item"] = writeCase{method, item.path(), ofItem, item.path(), tagOf(item.path()), status}
	}
	s := newSpec(ann, "a", "b")
	ids := itemIDs(bulletsOf(ann, s))
	all["reorder"] = writeCase{"PUT", s.items() + "/reorder", map[string]any{"item_ids": []string{ids[1], ids[0]}}, s.items(), tagOf(s.items()), 200}
	p, trashed := newProject(ann, "Gone"), newSpec(ann, "a")
	ann.Delete(p.path()).Want(204)
	ann.Delete(trashed.path()).Want(204)
	all["restore of a project"] = writeCase{"POST", p.path() + "/restore", nil, "", `"2-2"`, 200}
	all["restore of a specification"] = writeCase{"POST", trashed.path() + "/restore", nil, "", fmt.Sprintf(`"%d"`, trashed.Version+1), 200}
	return all
}

func TestETag_WritesTakeBothConditions(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, tc := range writes(ann) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			weak := "W/" + tc.tag
			coded := strings.TrimSuffix(tc.tag, `"`) + `-gzip"`
			for _, headers := range [][]string{
				{"If-None-Match", "*"},
				{"If-None-Match", tc.tag},
				{"If-None-Match", weak},
				{"If-None-Match", coded},
				{"If-None-Match", `"x", ` + tc.tag},
				{"If-None-Match", `"x"`, "If-None-Match", tc.tag},
				{"If-Match", tc.tag, "If-None-Match", "*"},
				{"If-Match", `"99"`, "If-None-Match", `"99"`},
				{"If-Match", `"99"`},
				{"If-Match", `"x"`},
			} {
				answer := ann.Do(tc.method, tc.path, tc.body, headers...)
				if problem := answer.WantProblem(412, "precondition_failed"); problem.Current["id"] == nil {
					t.Errorf("%v: the problem has no current resource: %s", headers, answer.Body)
				}
				if got := answer.Header.Get("ETag"); got != tc.tag {
					t.Errorf("%v: the ETag of the problem is %s, want %s", headers, got, tc.tag)
				}
				if tc.read == "" {
					continue
				}
				if now := ann.Get(tc.read).Want(200).Header.Get("ETag"); now != tc.tag {
					t.Fatalf("%v changed the tag %s to %s", headers, tc.tag, now)
				}
			}
			for _, malformed := range []string{"x", `"1`, " ", `*, "1"`} {
				for _, header := range []string{"If-Match", "If-None-Match"} {
					ann.Do(tc.method, tc.path, tc.body, header, malformed).WantProblem(400, "invalid_header")
				}
			}
			ann.Do(tc.method, tc.path, tc.body, "If-Match", `"99", `+weak, "If-None-Match", `"99"`).Want(tc.status)
		})
	}
}

func TestETag_CreationsTakeTheTagOfTheParent(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	p, s := newProject(ann, "Invoices"), newSpec(ann, "a")
	for name, tc := range map[string]struct {
		parent, list string
		body         any
	}{
		"a specification": {p.path(), p.path() + "/specs", map[string]any{"content": "x"}},
		"an item":         {s.path(), s.items(), map[string]any{"content": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			before := ann.Get(tc.parent).Want(200)
			tag := before.Header.Get("ETag")
			for _, stale := range []string{`"99"`, `"x"`, strings.TrimSuffix(tag, `"`) + `-0"`} {
				answer := ann.Post(tc.list, tc.body, "If-Match", stale)
				if diff := cmp.Diff(before.JSON(), answer.WantProblem(412, "precondition_failed").Current); diff != "" || answer.Header.Get("ETag") != tag {
					t.Errorf("with the tag %s, current (-want +got):\n%s", answer.Header.Get("ETag"), diff)
				}
			}
			made := ann.Post(tc.list, tc.body, "If-Match", tag, "If-None-Match", "*", "Idempotency-Key", strings.ReplaceAll(name, " ", "-")).Want(201)
			if now := ann.Get(tc.parent).Want(200).Header.Get("ETag"); now == tag {
				t.Errorf("the parent still has the tag %s", now)
			}
			// A retry of the request is no new request: it replays, whatever the tag is now.
			again := ann.Post(tc.list, tc.body, "If-Match", tag, "Idempotency-Key", strings.ReplaceAll(name, " ", "-")).Want(201)
			if string(again.Body) != string(made.Body) || again.Header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("the retry got %s", again.Body)
			}
			ann.Post(tc.list, tc.body, "If-Match", tag).WantProblem(412, "precondition_failed")
			ann.Post(tc.list, tc.body, "If-Match", "*").Want(201)
		})
	}
}

func TestETag_ChangesOfItemsShowTheSpecificationsTag(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b")
	const header = "Specification-ETag"
	want := func(answer *testkit.Response, changed bool) {
		t.Helper()
		now := reloadSpec(ann, parent)
		if got := answer.Header.Get(header); got != now.tag() || changed == (now.Version == parent.Version) {
			t.Errorf("%s = %s, the specification has the tag %s, before it had %s", header, got, now.tag(), parent.tag())
		}
		parent = now
	}
	made := ann.Post(parent.items(), map[string]any{"content": "c"}, "Idempotency-Key", "c").Want(201)
	want(made, true)
	item := bulletOf(made)
	want(ann.Patch(item.path(), map[string]any{"content": "C"}).Want(200), true)
	want(ann.Patch(item.path(), map[string]any{"order": 0}).Want(200), true)
	want(ann.Patch(item.path(), map[string]any{}).Want(200), false)
	want(ann.Put(item.path(), map[string]any{"content": "D"}).Want(200), true)
	deleted := ann.Delete(item.path()).Want(204)
	want(deleted, true)
	ids := itemIDs(bulletsOf(ann, parent))
	ann.Put(parent.items()+"/reorder", map[string]any{"item_ids": []string{ids[1], ids[0]}}, "If-Match", deleted.Header.Get(header)).Want(200)

	replayed := ann.Post(parent.items(), map[string]any{"content": "c"}, "Idempotency-Key", "c").Want(201)
	if got := replayed.Header.Get(header); got != "" {
		t.Errorf("a replayed response has the tag %s of a specification that it has not read", got)
	}
}

func TestReorder_ProblemsShowTheItems(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b", "c")
	whole := ann.Get(parent.path() + "?include=items").Want(200)
	ids := itemIDs(bulletsOf(ann, parent))
	for name, answer := range map[string]*testkit.Response{
		"412": ann.Put(parent.items()+"/reorder", map[string]any{"item_ids": ids}, "If-Match", `"99"`).Want(412),
		"409": ann.Put(parent.items()+"/reorder", map[string]any{"item_ids": ids[1:]}).Want(409),
	} {
		if diff := cmp.Diff(whole.JSON(), answer.JSON()["current"]); diff != "" {
			t.Errorf("current of the %s (-want +got):\n%s", name, diff)
		}
		if got := answer.Header.Get("ETag"); got != parent.tag() {
			t.Errorf("ETag of the %s = %s, want %s", name, got, parent.tag())
		}
	}
}

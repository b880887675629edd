package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

// A specification is created with its items in one revision. The response is what a read
// with the items returns, and a retry gets it again.
func TestSpecifications_CreatedWithItems(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	parent := newSpecProject(ann)
	body := map[string]any{"content": "# Refunds", "items": []listed{{Content: "a"}, {Content: " b\n"}, {Content: "a"}}}
	revision := queryInt(t, s, "SELECT revision FROM project_revisions WHERE project_id = $1", parent.ID)
	answer := ann.Post(parent.specs(), body, keyHeader, "k").Want(201)
	made := specOf(answer)
	var wanted []bullet
	for n, content := range []string{"a", " b\n", "a"} {
		wanted = append(wanted, bullet{SpecID: made.ID, Number: n + 1, Content: content, Order: n, Version: 1})
	}
	if diff := cmp.Diff(wantedItems(wanted, bulletList(answer), made), bulletList(answer)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if made.Version != 1 || made.ItemCount != 3 || made.CreatedAt != made.UpdatedAt {
		t.Errorf("the specification is %+v", made)
	}
	if read := ann.Get(made.path() + "?include=items").Want(200); string(read.Body) != string(answer.Body) {
		t.Errorf("created %s, then read %s", answer.Body, read.Body)
	}
	races.WantReplay(t, answer, ann.Post(parent.specs(), body, keyHeader, "k"))
	if made := queryInt(t, s, "SELECT revision FROM project_revisions WHERE project_id = $1", parent.ID) - revision; made != 1 {
		t.Errorf("the request made %d revisions", made)
	}
	const kinds = "SELECT count(*) FROM changes WHERE project_id = $1 AND revision > $2 AND kind IN ('specification.created', 'item.created')"
	if n := queryInt(t, s, kinds, parent.ID, revision); n != 4 {
		t.Errorf("the revision has %d changes", n)
	}
	if next := newBullet(ann, made, "x"); next.Number != 4 {
		t.Errorf("the next number is %d", next.Number)
	}
}

// The response has items only if the request had them, also an empty list.
func TestSpecifications_ResponseHasItemsOfTheRequest(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpecProject(ann)
	for body, want := range map[string]bool{
		`{"content": "x"}`:                false,
		`{"content": "x", "items": null}`: false,
		`{"content": "x", "items": []}`:   true,
	} {
		key := strings.ReplaceAll(body, " ", "")
		answer := ann.Post(parent.specs(), body, keyHeader, key).Want(201)
		if got := strings.Contains(string(answer.Body), `"items":[]`); got != want {
			t.Errorf("%s: %s", body, answer.Body)
		}
		races.WantReplay(t, answer, ann.Post(parent.specs(), body, keyHeader, key))
	}
}

func TestSpecifications_FaultyItemCreatesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withSmallLimits)
	ann := s.SignUp(t)
	parent := newSpecProject(ann)
	parent = parent.reload(ann)
	for body, want := range map[string]string{
		`{"content": "x", "items": [{"content": "a"}, {"content": " "}]}`:          "/items/1/content blank",
		`{"content": " ", "items": [{"content": "\u0000"}]}`:                       "/content blank, /items/0/content control_character",
		`{"content": "x", "items": [{}]}`:                                          "/items/0/content required",
		`{"content": "x", "items": [{"content": "a", "id": "` + parent.ID + `"}]}`: "/items/0/id unknown_field",
		`{"content": "x", "items": ["a"]}`:                                         "/items/0 wrong_type",
		`{"content": "x", "items": {}}`:                                            "/items wrong_type",
	} {
		got := strings.Join(ann.Post(parent.specs(), body).WantProblem(422, "validation_failed").FieldErrors(), ", ")
		if got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	for _, headers := range [][]string{nil, {"If-Match", fmt.Sprintf(`"%d"`, parent.Version)}, {keyHeader, "k"}} {
		ann.Post(parent.specs(), map[string]any{"content": "x", "items": entries(9)}, headers...).WantProblem(409, "item_limit_reached")
	}
	ann.Post(parent.specs(), map[string]any{"content": "x", "items": entries(9)}, "If-Match", `"77"`).WantProblem(412, "precondition_failed")
	if now := parent.reload(ann); now != parent {
		t.Errorf("the project was %+v, is %+v", parent, now)
	}
	ann.Post(parent.specs(), map[string]any{"content": "x", "items": entries(8)}, keyHeader, "k").Want(201)
}

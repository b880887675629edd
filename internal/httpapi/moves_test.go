package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
	"github.com/codegenapp/codegenapp/internal/testkit/races"
)

func moveItem(c *testkit.Client, b bullet, to spec, order any, headers ...string) *testkit.Response {
	body := map[string]any{"specification_id": to.ID}
	if order != nil {
		body["order"] = order
	}
	return c.Post(b.path()+"/move", body, headers...)
}

func TestMoves_ItemKeepsItsIDAndGetsTheNextNumber(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	from := newSpec(ann, "a", "b", "c")
	to := specProject{ID: from.ProjectID}.add(ann, "to")
	newBullet(ann, to, "x")
	newBullet(ann, to, "y")
	from, to = reloadSpec(ann, from), reloadSpec(ann, to)
	b, revision := bulletsOf(ann, from)[1], storedRevision(t, s, from)
	answer := moveItem(ann, b, to, 1, "If-Match", b.tag()).Want(200)
	moved, now := bulletOf(answer), reloadSpec(ann, to)
	want := b
	want.SpecID, want.Number, want.Order, want.Version, want.UpdatedAt = to.ID, 3, 1, b.Version+1, now.UpdatedAt
	if diff := cmp.Diff(want, moved); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(answer.Body), `"ref":"2.3"`) || answer.Header.Get("ETag") != moved.tag() || answer.Header.Get("Specification-ETag") != now.tag() {
		t.Errorf("responded %v %s", answer.Header, answer.Body)
	}
	if left, there := itemTexts(bulletsOf(ann, from)), itemTexts(bulletsOf(ann, to)); left != "a c" || there != "x b y" {
		t.Errorf("the items are %q and %q", left, there)
	}
	if left := reloadSpec(ann, from); left.Version != from.Version+1 || now.Version != to.Version+1 || left.UpdatedAt != now.UpdatedAt {
		t.Errorf("the specifications were %+v and %+v, are %+v and %+v", from, to, left, now)
	}
	if made := storedRevision(t, s, from) - revision; made != 1 {
		t.Errorf("the request made %d revisions", made)
	}
	back := bulletOf(moveItem(ann, moved, from, nil).Want(200))
	if back.Number != 4 || back.Order != 2 || back.CreatedAt != b.CreatedAt {
		t.Errorf("moved back it is %+v", back)
	}
}

// Within its specification an item moves as by PATCH.
func TestMoves_WithinTheSpecification(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b", "c")
	a := bulletsOf(ann, parent)[0]
	if same := bulletOf(moveItem(ann, a, parent, nil).Want(200)); same != a || reloadSpec(ann, parent) != parent {
		t.Errorf("without an order it is %+v", same)
	}
	moved := bulletOf(moveItem(ann, a, parent, 2).Want(200))
	if moved.Number != a.Number || moved.Order != 2 || moved.Version != a.Version+1 || itemTexts(bulletsOf(ann, parent)) != "b c a" {
		t.Errorf("it is %+v", moved)
	}
	moveItem(ann, a, parent, 3).WantProblem(422, "validation_failed")
}

func TestMoves_RejectedMoveChangesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withSmallLimits)
	ann, bob := s.SignUp(t), s.SignUp(t)
	from := newSpec(ann, "a")
	home := specProject{ID: from.ProjectID}
	to, full, trashed := home.add(ann, "to"), home.add(ann, "full"), home.add(ann, "trashed")
	for range races.Limit {
		newBullet(ann, full, "x")
	}
	ann.Delete(trashed.path()).Want(204)
	from = reloadSpec(ann, from)
	a := bulletsOf(ann, from)[0]
	missing := spec{ID: unknownIDs(1)[0]}
	for name, tc := range map[string]struct {
		to      spec
		order   any
		headers []string
		want    string
	}{
		"to the trash":             {trashed, nil, nil, "404 specification_not_found"},
		"to another project":       {newSpec(ann), nil, nil, "404 specification_not_found"},
		"to another user":          {newSpec(bob), nil, nil, "404 specification_not_found"},
		"to nothing":               {missing, nil, nil, "404 specification_not_found"},
		"to a project":             {spec{ID: home.ID}, nil, nil, "404 specification_not_found"},
		"to a full one":            {full, nil, nil, "409 item_limit_reached"},
		"behind the end":           {to, 1, nil, "422 validation_failed"},
		"before the beginning":     {to, -1, nil, "422 validation_failed"},
		"to no id":                 {spec{ID: "x"}, nil, nil, "422 validation_failed"},
		"with an old version":      {to, nil, []string{"If-Match", `"7-0"`}, "412 precondition_failed"},
		"with another place":       {to, nil, []string{"If-Match", `"1-1"`}, "412 precondition_failed"},
		"with its tag excluded":    {to, nil, []string{"If-None-Match", `"1-0"`}, "412 precondition_failed"},
		"a condition comes before": {missing, nil, []string{"If-Match", `"7-0"`}, "412 precondition_failed"},
	} {
		if got := races.Code(moveItem(ann, a, tc.to, tc.order, tc.headers...)); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if got := bulletsOf(ann, from); len(got) != 1 || got[0] != a || reloadSpec(ann, from) != from {
		t.Errorf("the items are %+v", got)
	}
	foreign := newBullet(bob, newSpec(bob), "x")
	if a, b := formatResponse(moveItem(ann, foreign, to, nil).Want(404), foreign.ID), formatResponse(moveItem(ann, bullet{ID: missing.ID}, to, nil).Want(404), missing.ID); a != b {
		t.Errorf("a foreign item and a missing one differ:\n%s\n%s", a, b)
	}
}

// Two replicas know where an item is. One moves it, then either reads and writes it: no
// read is of before the write that ended before it, whatever the other replica remembers.
func TestMoves_ReplicasNeverServeWhatWasBefore(t *testing.T) {
	t.Parallel()
	c := twoReplicas(t, withSmallLimits).WithRetry()
	first := newSpec(c[0], "a")
	specs := []spec{first, specProject{ID: first.ProjectID}.add(c[0], "second")}
	item := bulletsOf(c[0], first)[0]
	read := func(round int, text string) {
		t.Helper()
		for k := range 4 { // the second read of a replica is cached
			here, there := specs[(round+1)%2], specs[round%2]
			one := c.At(k / 2)
			if got := bulletOf(one.Get(item.path()).Want(200)); got.SpecID != here.ID || got.Content != text {
				t.Fatalf("round %d, replica %d: the item is %+v, want %q in %s", round, k/2, got, text, here.ID)
			}
			if got := itemTexts(bulletsOf(one, here)); got != text {
				t.Fatalf("round %d, replica %d: the list has %q, want %q", round, k/2, got, text)
			}
			if got := one.Get(here.path() + "?include=items").Want(200); itemTexts(bulletList(got)) != text {
				t.Fatalf("round %d, replica %d: the specification is %s", round, k/2, got.Body)
			}
			if got := bulletsOf(one, there); len(got) != 0 {
				t.Fatalf("round %d, replica %d: the item is also in %+v", round, k/2, got)
			}
		}
	}
	for round := range testkit.Repetitions(10, 200) {
		text := fmt.Sprint("round ", round)
		moveItem(c.At(round), item, specs[(round+1)%2], nil).Want(200)
		if round%3 > 0 { // the reads teach the other replica the location
			read(round, itemTexts(bulletsOf(c.At(round), specs[(round+1)%2])))
		}
		c.At(round+1+round/2).Patch(item.path(), map[string]any{"content": text}).Want(200)
		read(round, text)
	}
}

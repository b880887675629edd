package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// listed is one item of a list that replaces another; without an id it is new.
type listed struct {
	ID      string `json:"id,omitempty"`
	Content string `json:"content"`
}

func replaceItems(c *testkit.Client, s spec, list any, headers ...string) *testkit.Response {
	return c.Put(s.items(), map[string]any{"items": list}, headers...)
}

// Each case turns the items a, b, c into those of want: a letter is an item that stays, a
// letter with a mark one with another content, and + a new item.
func TestItemList_ReplacesTheItems(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	for name, want := range map[string]string{
		"as they are":         "a b c",
		"another order":       "c a b",
		"another content":     "a b! c",
		"one is new":          "a + b c",
		"one is left out":     "a c",
		"all are left out":    "",
		"all are new":         "+ + + +",
		"everything together": "+ c! + a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			parent := newSpec(ann, "a", "b", "c")
			before, revision := bulletsOf(ann, parent), storedRevision(t, s, parent)
			list, wanted := []listed{}, []bullet{}
			number := 4
			for text := range strings.FieldsSeq(want) {
				if text == "+" {
					list = append(list, listed{Content: "+"})
					wanted = append(wanted, bullet{SpecID: parent.ID, Number: number, Content: "+", Order: len(wanted), Version: 1})
					number++
					continue
				}
				item := before[strings.Index("abc", text[:1])]
				if item.Order = len(wanted); item.Content != text {
					item.Content, item.Version = text, item.Version+1
				}
				list = append(list, listed{item.ID, text})
				wanted = append(wanted, item)
			}
			answer := replaceItems(ann, parent, list, "If-Match", parent.tag()).Want(200)
			got, now := bulletList(answer), reloadSpec(ann, parent)
			if diff := cmp.Diff(wantedItems(wanted, got, now), got); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(got, bulletsOf(ann, parent)); diff != "" {
				t.Errorf("items (-answered +listed):\n%s", diff)
			}
			raised := 1
			if want == "a b c" {
				raised = 0
			}
			if now.Version != parent.Version+raised || answer.Header.Get("ETag") != now.tag() {
				t.Errorf("the version was %d, is %d; the tag is %s", parent.Version, now.Version, answer.Header.Get("ETag"))
			}
			if made := storedRevision(t, s, parent) - revision; made != raised {
				t.Errorf("the request made %d revisions", made)
			}
		})
	}
}

// wantedItems are the wanted items with what only the server knows: the ids of new ones,
// and the times, which must be those of the specification.
func wantedItems(wanted, got []bullet, now spec) []bullet {
	for n := range min(len(wanted), len(got)) {
		w := &wanted[n]
		if w.ID == "" {
			w.ID, w.CreatedAt = got[n].ID, now.UpdatedAt
		}
		if w.UpdatedAt == "" || w.Version > 1 {
			w.UpdatedAt = now.UpdatedAt
		}
	}
	return wanted
}

// storedRevision is the revision of a specification's project.
func storedRevision(t *testing.T, s *testkit.Server, of spec) int {
	t.Helper()
	return queryInt(t, s, "SELECT revision FROM project_revisions WHERE project_id = $1", of.ProjectID)
}

func TestItemList_NumbersAreNeverReused(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b")
	replaceItems(ann, parent, []listed{}).Want(200)
	list := bulletList(replaceItems(ann, parent, []listed{{Content: "c"}, {Content: "d"}}).Want(200))
	if list[0].Number != 3 || list[1].Number != 4 {
		t.Errorf("the numbers are %d and %d", list[0].Number, list[1].Number)
	}
	if next := newBullet(ann, parent, "e"); next.Number != 5 {
		t.Errorf("the next number is %d", next.Number)
	}
}

func TestItemList_RejectedListChangesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	parent := newSpec(ann, "a", "b")
	gone := newBullet(ann, parent, "x")
	ann.Delete(gone.path()).Want(204)
	elsewhere, foreign := newBullet(ann, newSpec(ann), "x").ID, newBullet(bob, newSpec(bob), "x").ID
	parent = reloadSpec(ann, parent)
	old := bulletsOf(ann, parent)
	a := old[0].ID
	const mismatch = "item_set_mismatch"
	for name, tc := range map[string]struct {
		list any
		want string
	}{
		"one of another specification": {[]listed{{a, "a"}, {elsewhere, "x"}}, mismatch},
		"one of another user":          {[]listed{{foreign, "x"}}, mismatch},
		"a deleted one":                {[]listed{{gone.ID, "x"}}, mismatch},
		"the specification":            {[]listed{{parent.ID, "x"}}, mismatch},
		"the nil id":                   {[]listed{{"00000000-0000-0000-0000-000000000000", "x"}}, mismatch},
		"one twice":                    {[]listed{{a, "a"}, {Content: "x"}, {strings.ToUpper(a), "b"}}, "/items/2/id repeated"},
		"no id":                        {[]listed{{"x", "a"}}, "/items/0/id wrong_format"},
		"a blank content":              {[]listed{{a, "a"}, {Content: " \n"}}, "/items/1/content blank"},
		"no content":                   {[]any{map[string]any{"id": a}}, "/items/0/content required"},
		"a NUL":                        {[]listed{{a, "x\x00"}}, "/items/0/content control_character"},
		"too long":                     {[]listed{{Content: letters(10_001)}}, "/items/0/content too_long"},
		"the items as they are read":   {old[:1], "/items/0/created_at unknown_field, /items/0/number unknown_field, /items/0/order unknown_field, /items/0/spec_id unknown_field, /items/0/updated_at unknown_field, /items/0/version unknown_field"},
		"texts":                        {[]string{"a"}, "/items/0 wrong_type"},
		"null":                         {nil, "/items wrong_type"},
		"an object":                    {map[string]any{"0": "a"}, "/items wrong_type"},
		"501":                          {entries(501), "/items too_many"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := replaceItems(ann.WithT(t), parent, tc.list)
			if tc.want == mismatch {
				current := answer.WantProblem(409, mismatch).Current
				if items, _ := current["items"].([]any); current["id"] != parent.ID || len(items) != 2 {
					t.Errorf("the specification as it is now: %v", current)
				}
			} else if got := strings.Join(answer.WantProblem(422, "validation_failed").FieldErrors(), ", "); got != tc.want {
				t.Errorf("field errors %s, want %s", got, tc.want)
			}
			if diff := cmp.Diff(old, bulletsOf(ann.WithT(t), parent)); diff != "" {
				t.Errorf("items (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(parent, reloadSpec(ann.WithT(t), parent)); diff != "" {
				t.Errorf("specification (-before +after):\n%s", diff)
			}
		})
	}
}

// An item of another user gets the response of one that does not exist.
func TestItemList_ForeignItemIsLikeAMissingOne(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	parent, foreign := newSpec(ann, "a"), newBullet(bob, newSpec(bob), "x").ID
	var bodies []string
	for _, id := range []string{foreign, unknownIDs(1)[0]} {
		bodies = append(bodies, formatResponse(replaceItems(ann, parent, []listed{{id, "x"}}).Want(409), id))
	}
	if bodies[0] != bodies[1] {
		t.Errorf("the responses differ:\n%s\n%s", bodies[0], bodies[1])
	}
}

func TestItemList_ListsAtMost100Faults(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	faults := replaceItems(ann, newSpec(ann), slices.Repeat([]listed{{Content: ""}}, 500)).WantProblem(422, "validation_failed").FieldErrors()
	if len(faults) != 100 || faults[99] != "more_errors" {
		t.Errorf("%d faults, the last %q", len(faults), faults[len(faults)-1])
	}
}

func TestItemList_PreconditionsPrecedeTheList(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a")
	newBullet(ann, parent, "b")
	unknown := []listed{{unknownIDs(1)[0], "x"}}
	current := replaceItems(ann, parent, unknown, "If-Match", parent.tag()).WantProblem(412, "precondition_failed").Current
	if items, _ := current["items"].([]any); len(items) != 2 {
		t.Errorf("the specification as it is now: %v", current)
	}
	replaceItems(ann, parent, unknown, "If-None-Match", "*").WantProblem(412, "precondition_failed")
	replaceItems(ann, parent, unknown, "If-Match", "*").WantProblem(409, "item_set_mismatch")
	replaceItems(ann, parent, unknown, "If-Match", "three").WantProblem(400, "invalid_header")
}

// The limit of the settings is a conflict. A list that is longer, because the limit was
// lowered, may change and shrink, but not grow.
func TestItemList_LimitOfTheSettings(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t, withSmallLimits)
	ann := s.SignUp(t)
	parent := newSpec(ann)
	full := bulletList(replaceItems(ann, parent, entries(8)).Want(200))
	replaceItems(ann, parent, entries(9)).WantProblem(409, "item_limit_reached")
	if diff := cmp.Diff(full, bulletsOf(ann, parent)); diff != "" {
		t.Errorf("items (-before +after):\n%s", diff)
	}
	for k := range 2 {
		execSQL(t, s, `INSERT INTO bullet_items (id, owner_id, spec_id, content, created_at, updated_at)
			VALUES (gen_random_uuid(), $1, $2, $3, now(), now())`, ann.User, parent.ID, fmt.Sprint(k))
	}
	replaceItems(ann, parent, entries(11)).WantProblem(409, "item_limit_reached")
	replaceItems(ann, parent, entries(10)).Want(200)
	replaceItems(ann, parent, entries(9)).Want(200)
	replaceItems(ann, parent, entries(10)).WantProblem(409, "item_limit_reached")
}

package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// reorder sends a new order of all items.
func reorder(c *testkit.Client, s spec, order any, headers ...string) *testkit.Response {
	return c.Put(s.items()+"/reorder", map[string]any{"item_ids": order}, headers...)
}

func TestReorder_AppliesNewOrder(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	for name, want := range map[string]string{
		"reversed":          "d c b a",
		"two swapped":       "a c b d",
		"the last in front": "d a b c",
		"all as they are":   "a b c d",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := ann.WithT(t)
			parent := newSpec(ann, "a", "b", "c", "d")
			before := bulletsOf(ann, parent)
			var order []string
			for text := range strings.SplitSeq(want, " ") {
				order = append(order, before[strings.Index("abcd", text)].ID)
			}
			answer := reorder(ann, parent, order, "If-Match", parent.tag()).Want(200)
			list := bulletList(answer)
			if !strings.Contains(string(answer.Body), `"next_page_token":""`) {
				t.Errorf("responded without next_page_token: %s", answer.Body)
			}
			if got := itemTexts(list); got != want {
				t.Errorf("responded %s, want %s", got, want)
			}
			if err := checkDense(list); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(list, bulletsOf(ann, parent)); diff != "" {
				t.Errorf("items (-answered +listed):\n%s", diff)
			}
			wantOthersUntouched(t, before, list, &testkit.Response{}) // a moved item keeps its version
			raised := 1
			if want == "a b c d" {
				raised = 0
			}
			now := reloadSpec(ann, parent)
			if now.Version != parent.Version+raised || (now.UpdatedAt > parent.UpdatedAt) != (raised == 1) || answer.Header.Get("ETag") != now.tag() {
				t.Errorf("the specification is %+v, was %+v; the tag %s", now, parent, answer.Header.Get("ETag"))
			}
		})
	}
}

// unknownIDs are ids of no item.
func unknownIDs(n int) []string {
	all := make([]string, n)
	for k := range all {
		all[k] = fmt.Sprintf("00000000-0000-7000-8000-%012d", k)
	}
	return all
}

func TestReorder_MismatchChangesNothing(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann, bob := s.SignUp(t), s.SignUp(t)
	parent := newSpec(ann, "a", "b", "c")
	old := bulletsOf(ann, parent)
	a, b, c := old[0].ID, old[1].ID, old[2].ID
	gone := newBullet(ann, parent, "x")
	ann.Delete(gone.path()).Want(204)
	elsewhere, foreign := newBullet(ann, newSpec(ann), "x").ID, newBullet(bob, newSpec(bob), "x").ID
	parent = reloadSpec(ann, parent)
	const mismatch = "item_set_mismatch"
	for name, tc := range map[string]struct {
		order any
		want  string
	}{
		"one missing":                    {[]string{c, b}, mismatch},
		"none":                           {[]string{}, mismatch},
		"one that does not exist":        {[]string{c, b, a, "00000000-0000-7000-8000-000000000000"}, mismatch},
		"the nil id for one":             {[]string{c, b, "00000000-0000-0000-0000-000000000000"}, mismatch},
		"one of another specification":   {[]string{c, b, a, elsewhere}, mismatch},
		"that one instead of an own one": {[]string{c, b, elsewhere}, mismatch},
		"one of another user":            {[]string{c, b, foreign}, mismatch},
		"a deleted one":                  {[]string{c, b, a, gone.ID}, mismatch},
		"the specification for an item":  {[]string{c, b, parent.ID}, mismatch},
		"three others":                   {unknownIDs(3), mismatch},
		"500 others":                     {unknownIDs(500), mismatch},
		"501 others":                     {unknownIDs(501), "/item_ids too_many"},
		"20,000 others":                  {unknownIDs(20_000), "/item_ids too_many"},
		"one twice":                      {[]string{a, b, c, b}, "/item_ids/3 repeated"},
		"one twice, as many":             {[]string{a, a, c}, "/item_ids/1 repeated"},
		"one three times":                {[]string{a, a, b, c, a}, "/item_ids/1 repeated, /item_ids/4 repeated"},
		"another user's twice":           {[]string{foreign, foreign}, "/item_ids/1 repeated"},
		"one twice, once in upper case":  {[]string{c, b, a, strings.ToUpper(a)}, "/item_ids/3 repeated"},
		"braces":                         {[]string{c, b, "{" + a + "}"}, "/item_ids/2 wrong_format"},
		"no hyphens":                     {[]string{c, b, strings.ReplaceAll(a, "-", "")}, "/item_ids/2 wrong_format"},
		"a line feed behind":             {[]string{c, b, a + "\n"}, "/item_ids/2 wrong_format"},
		"nothing for one":                {[]string{c, "", a}, "/item_ids/1 wrong_format"},
		"null for one":                   {[]any{c, b, nil}, "/item_ids/2 wrong_type"},
		"null for all":                   {[]any{nil, nil, nil}, "/item_ids/0 wrong_type, /item_ids/1 wrong_type, /item_ids/2 wrong_type"},
		"other types":                    {[]any{1, true, []string{a}}, "/item_ids/0 wrong_type, /item_ids/1 wrong_type, /item_ids/2 wrong_type"},
		"the items, not their ids":       {old, "/item_ids/0 wrong_type, /item_ids/1 wrong_type, /item_ids/2 wrong_type"},
		"null":                           {nil, "/item_ids wrong_type"},
		"a string":                       {a, "/item_ids wrong_type"},
		"an object":                      {map[string]string{"0": a, "1": b, "2": c}, "/item_ids wrong_type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := reorder(ann.WithT(t), parent, tc.order)
			if tc.want == mismatch {
				answer.WantProblem(409, mismatch)
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

func TestReorder_BodyIsClosed(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	empty := newSpec(ann)
	for body, want := range map[string]string{
		`{}`:                              "/item_ids required",
		`{"Item_ids": []}`:                "/Item_ids unknown_field, /item_ids required",
		`{"item_ids": [], "version": 1}`:  "/version unknown_field",
		`{"item_ids": [], "If-Match": 1}`: "/If-Match unknown_field",
		`[]`:                              "wrong_type",
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			got := ann.WithT(t).Put(empty.items()+"/reorder", body).WantProblem(422, "validation_failed").FieldErrors()
			slices.Sort(got)
			if joined := strings.Join(got, ", "); joined != want {
				t.Errorf("%s, want %s", joined, want)
			}
		})
	}
}

func TestReorder_EmptyListIsAccepted(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	empty := newSpec(ann)
	if list := bulletList(reorder(ann, empty, []string{}).Want(200)); len(list) != 0 {
		t.Errorf("nothing reordered is %v", list)
	}
	if diff := cmp.Diff(empty, reloadSpec(ann, empty)); diff != "" {
		t.Errorf("specification (-before +after):\n%s", diff)
	}
}

func TestReorder_412PrecedesMismatch(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	parent := newSpec(ann, "a", "b")
	newBullet(ann, parent, "c")
	current := reorder(ann, parent, []string{}, "If-Match", parent.tag()).WantProblem(412, "precondition_failed").Current
	if current["id"] != parent.ID || current["item_count"] != 3.0 || current["content"] != parent.Content {
		t.Errorf("the resource as it is now: %v", current)
	}
	reorder(ann, parent, []string{}, "If-Match", "*").WantProblem(409, "item_set_mismatch")
	reorder(ann, parent, []string{}, "If-Match", "three").WantProblem(400, "invalid_header")
}

func TestReorder_OrderStaysDenseAfterRandomWrites(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	rapid.Check(t, func(t *rapid.T) {
		x := &reorderModel{c: ann, spec: newSpec(ann)}
		for range rapid.IntRange(5, 15).Draw(t, "steps") {
			x.step(t)
			list := bulletsOf(ann, x.spec)
			if err := checkDense(list); err != nil {
				t.Fatal(err)
			}
			if got, want := itemTexts(list), strings.Join(x.want, " "); got != want {
				t.Fatalf("the items are %s, want %s", got, want)
			}
			x.list = list
		}
	})
}

// reorderModel is a random walk over one specification: the items as last
// read, and the expected contents.
type reorderModel struct {
	c    *testkit.Client
	spec spec
	list []bullet
	want []string
	made int
}

func (x *reorderModel) step(t *rapid.T) {
	steps := []func(*rapid.T){x.create}
	if len(x.list) > 0 {
		steps = append(steps, x.create, x.move, x.remove, x.reorderAll)
	}
	rapid.SampledFrom(steps).Draw(t, "step")(t)
}

func (x *reorderModel) create(t *rapid.T) {
	x.made++
	text := fmt.Sprint("item", x.made)
	at := rapid.Ptr(rapid.IntRange(-1, len(x.want)+1), true).Draw(t, "at")
	body, k := map[string]any{"content": text}, len(x.want)
	if at != nil {
		body["order"], k = *at, *at
	}
	answer := x.c.Post(x.spec.items(), body)
	if k < 0 || k > len(x.want) {
		x.wantRejected(t, answer)
		return
	}
	x.want = slices.Insert(x.want, k, text)
	x.wantAnswered(t, answer, 201, k)
}

func (x *reorderModel) move(t *rapid.T) {
	from := rapid.IntRange(0, len(x.list)-1).Draw(t, "from")
	to := rapid.IntRange(-1, len(x.list)).Draw(t, "to")
	method := rapid.SampledFrom([]string{"PUT", "PATCH"}).Draw(t, "method")
	answer := x.c.Do(method, x.list[from].path(), map[string]any{"content": x.want[from], "order": to})
	if to < 0 || to >= len(x.want) {
		x.wantRejected(t, answer)
		return
	}
	text := x.want[from]
	x.want = slices.Insert(slices.Delete(x.want, from, from+1), to, text)
	x.wantAnswered(t, answer, 200, to)
}

func (x *reorderModel) remove(t *rapid.T) {
	k := rapid.IntRange(0, len(x.list)-1).Draw(t, "k")
	x.c.Delete(x.list[k].path()).Want(204)
	x.want = slices.Delete(x.want, k, k+1)
}

func (x *reorderModel) reorderAll(t *rapid.T) {
	list := rapid.Permutation(x.list).Draw(t, "order")
	reorder(x.c, x.spec, itemIDs(list)).Want(200)
	x.want = strings.Fields(itemTexts(list))
}

func (x *reorderModel) wantAnswered(t *rapid.T, answer *testkit.Response, status, place int) {
	if got := bulletOf(answer.Want(status)).Order; got != place {
		t.Fatalf("responded with place %d, want %d", got, place)
	}
}

func (x *reorderModel) wantRejected(t *rapid.T, answer *testkit.Response) {
	if got := answer.WantProblem(422, "validation_failed").FieldErrors(); !slices.Equal(got, []string{"/order out_of_range"}) {
		t.Fatalf("rejected for %v", got)
	}
}

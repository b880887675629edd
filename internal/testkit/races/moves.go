package races

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// moveRace is the state before a round of MovesAreAtomic: three lists, and the item that
// both writers move.
type moveRace struct {
	specs []spec
	lists [][]string
	item  item
}

// MovesAreAtomic sends two moves between three specifications to two servers, repeatedly.
// In turns, both move one item to two targets; both do so with its tag, and one succeeds;
// two items change places; two items want the last place of a list, and one gets it. The
// three lists have each item once, with the counts and versions of exactly these moves.
func MovesAreAtomic(t *testing.T, c Clients, rounds int) {
	t.Helper()
	home := newProject(c[0])
	specs := []spec{home.spec(c[0]), home.spec(c[0]), home.spec(c[0])}
	for round := range rounds {
		r := newMoveRace(c.At(round), specs, round)
		switch round % 4 {
		case 0:
			r.oneItemTwice(t, c, round)
		case 1:
			r.oneItemWithItsTag(t, c, round)
		case 2:
			r.twoItemsChangePlaces(t, c, round)
		default:
			r.lastPlace(t, c, round)
		}
	}
}

// newMoveRace gives the specifications new items: two, two and one, or one less than the
// limit if the round is about that.
func newMoveRace(c *testkit.Client, specs []spec, round int) *moveRace {
	r := &moveRace{}
	for n, s := range specs {
		ids := make([]string, 2-n/2)
		if n == 1 && round%4 == 3 {
			ids = make([]string, Limit-1)
		}
		items := itemsIn(replace(c, s, ids).Want(200))
		if n == 0 {
			r.item = items[0]
		}
		r.lists = append(r.lists, idsOf(items))
		r.specs = append(r.specs, s.get(c))
	}
	return r
}

func move(c *testkit.Client, id string, to spec, order int, headers ...string) *testkit.Response {
	return c.Post(item{ID: id}.path()+"/move", map[string]any{"specification_id": to.ID, "order": order}, headers...)
}

// send sends two moves, and returns their codes.
func (r *moveRace) send(t *testing.T, request func(k int) *testkit.Response) ([]*testkit.Response, []string) {
	t.Helper()
	answers := SendConcurrently(t, 2, request)
	return answers, []string{Code(answers[0]), Code(answers[1])}
}

func (r *moveRace) oneItemTwice(t *testing.T, c Clients, round int) {
	t.Helper()
	answers, codes := r.send(t, func(k int) *testkit.Response { return move(c.At(round+k), r.item.ID, r.specs[1+k], k) })
	var versions []int
	for _, a := range answers {
		var moved item
		a.Decode(&moved)
		versions = append(versions, moved.Version-r.item.Version)
	}
	second := slices.Index(versions, 2)
	if !slices.Equal(codes, []string{"200", "200"}) || second < 0 || versions[1-second] != 1 {
		t.Fatalf("round %d: %v, versions %v", round, codes, versions)
	}
	made := []int{1, 1, 1}
	made[2-second] = 2 // the item came and went
	r.leaves(0)
	r.enters(1+second, r.item.ID, second)
	r.check(t, c, round, made)
	r.checkItem(t, c, round, answers[second])
}

func (r *moveRace) oneItemWithItsTag(t *testing.T, c Clients, round int) {
	t.Helper()
	answers, codes := r.send(t, func(k int) *testkit.Response {
		return move(c.At(round+k), r.item.ID, r.specs[1+k], k, "If-Match", r.item.tag())
	})
	won := slices.Index(codes, "200")
	if won < 0 || codes[1-won] != "412 precondition_failed" {
		t.Fatalf("round %d: %v", round, codes)
	}
	made := []int{1, 0, 0}
	made[1+won] = 1
	r.leaves(0)
	r.enters(1+won, r.item.ID, won)
	r.check(t, c, round, made)
	r.checkItem(t, c, round, answers[won])
}

func (r *moveRace) twoItemsChangePlaces(t *testing.T, c Clients, round int) {
	t.Helper()
	other := r.lists[1][0]
	_, codes := r.send(t, func(k int) *testkit.Response {
		return move(c.At(round+k), []string{r.item.ID, other}[k], r.specs[1-k], 0)
	})
	if !slices.Equal(codes, []string{"200", "200"}) {
		t.Fatalf("round %d: %v", round, codes)
	}
	// Index 0 is before the item that leaves, or where it was.
	r.leaves(0)
	r.leaves(1)
	r.enters(0, other, 0)
	r.enters(1, r.item.ID, 0)
	r.check(t, c, round, []int{2, 2, 0})
}

func (r *moveRace) lastPlace(t *testing.T, c Clients, round int) {
	t.Helper()
	items := []string{r.item.ID, r.lists[2][0]}
	answers, codes := r.send(t, func(k int) *testkit.Response { return move(c.At(round+k), items[k], r.specs[1], 3) })
	won := slices.Index(codes, "200")
	if won < 0 || codes[1-won] != "409 item_limit_reached" {
		t.Fatalf("round %d: %v", round, codes)
	}
	made := []int{0, 1, 0}
	made[2*won] = 1
	r.leaves(2 * won)
	r.enters(1, items[won], 3)
	r.check(t, c, round, made)
	r.checkItem(t, c, round, answers[won])
}

// leaves takes the first item off a list, and enters inserts one.
func (r *moveRace) leaves(list int) { r.lists[list] = r.lists[list][1:] }

func (r *moveRace) enters(list int, id string, at int) {
	r.lists[list] = slices.Insert(slices.Clone(r.lists[list]), at, id)
}

// check compares lists, counts and versions with the expected ones. Made is by how much
// the versions rose.
func (r *moveRace) check(t *testing.T, c Clients, round int, made []int) {
	t.Helper()
	for n, s := range r.specs {
		list, now := itemsOf(c.At(round+n), s), s.get(c.At(round+n+1))
		if err := checkDense(list); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if diff := cmp.Diff(r.lists[n], idsOf(list)); diff != "" {
			t.Fatalf("round %d, list %d (-want +got):\n%s", round, n, diff)
		}
		if now.ItemCount != len(list) || now.Version != s.Version+made[n] {
			t.Fatalf("round %d: the specification is %+v, was %+v, want %d versions", round, now, s, made[n])
		}
	}
}

// checkItem compares an item with the response of its last move.
func (r *moveRace) checkItem(t *testing.T, c Clients, round int, last *testkit.Response) {
	t.Helper()
	var moved item
	last.Decode(&moved)
	now := c.At(round + 1).Get(moved.path()).Want(200)
	if diff := cmp.Diff(fmt.Sprint(last.JSON()), fmt.Sprint(now.JSON())); diff != "" {
		t.Fatalf("round %d: the item (-last move +read):\n%s", round, diff)
	}
}

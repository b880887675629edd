package races

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// ReplacementsAreAtomic sends two different lists for one specification to two servers,
// repeatedly. The first drops an item that the second one names, so it succeeds and is the
// list afterwards. The second one succeeds before it, or is a mismatch after it. With the
// tag of the list that both have read, exactly one succeeds.
func ReplacementsAreAtomic(t *testing.T, c Clients, rounds int) {
	t.Helper()
	parent := newSpec(c[0])
	for round := range rounds {
		read := replace(c.At(round), parent, []string{"", "", ""}).Want(200)
		old, tag := idsOf(itemsIn(read)), read.Header.Get("ETag")
		before := parent.get(c.At(round + 1))
		lists := [][]string{{old[2], "", old[0]}, {old[1], old[0], old[2], ""}}
		var condition []string
		if round%2 == 1 {
			condition = []string{"If-Match", tag}
		}
		answers := SendConcurrently(t, 2, func(k int) *testkit.Response { return replace(c.At(round+k), parent, lists[k], condition...) })
		codes := []string{Code(answers[0]), Code(answers[1])}
		won, made := 0, 1
		switch {
		case condition == nil && slices.Equal(codes, []string{"200", "200"}):
			made = 2
		case condition == nil && slices.Equal(codes, []string{"200", "409 item_set_mismatch"}):
		case condition != nil && slices.Equal(codes, []string{"200", "412 precondition_failed"}):
		case condition != nil && slices.Equal(codes, []string{"412 precondition_failed", "200"}):
			won = 1
		default:
			t.Fatalf("round %d: %v: %s, %s", round, codes, answers[0].Body, answers[1].Body)
		}
		list := itemsOf(c.At(round+1), parent)
		if err := checkDense(list); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if diff := cmp.Diff(itemsIn(answers[won]), list); diff != "" {
			t.Fatalf("round %d, %v: (-response +list)\n%s", round, codes, diff)
		}
		if now := parent.get(c.At(round)); now.Version != before.Version+made || now.ItemCount != len(list) {
			t.Fatalf("round %d, %v: the specification is %+v, was %+v", round, codes, now, before)
		}
		for n, id := range lists[won] {
			if id != "" && list[n].ID != id {
				t.Fatalf("round %d: item %d is %s, want %s", round, n, list[n].ID, fmt.Sprint(lists[won]))
			}
		}
	}
}

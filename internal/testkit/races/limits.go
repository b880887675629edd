package races

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// concurrentCreations is the number of concurrent creations, far above the limit.
const concurrentCreations = 50

// CreationsRespectTheLimit creates concurrently in one parent: exactly as many creations as
// the limit allows succeed, the others get the limit's error, and the counters of the
// parent are correct.
func CreationsRespectTheLimit(t *testing.T, c Clients, rounds int) {
	t.Helper()
	for round := range rounds {
		itemsRespectTheLimit(t, c, round)
		specificationsRespectTheLimit(t, c, round)
	}
}

func itemsRespectTheLimit(t *testing.T, c Clients, round int) {
	t.Helper()
	parent := newSpec(c[0])
	answers := SendConcurrently(t, concurrentCreations, func(k int) *testkit.Response {
		body := map[string]any{"content": fmt.Sprint("item ", k)}
		if k%3 == 0 {
			body["order"] = 0
		}
		return c.At(k).Post(parent.items(), body)
	})
	want := map[string]int{"201": Limit, "409 item_limit_reached": concurrentCreations - Limit}
	if diff := cmp.Diff(want, CountByCode(answers)); diff != "" {
		t.Errorf("round %d: creations of items (-want +got):\n%s", round, diff)
	}
	list := itemsOf(c.At(round), parent)
	numbers := map[int]bool{}
	for _, i := range list {
		numbers[i.Number] = true
	}
	if err := checkDense(list); err != nil || len(list) != Limit || len(numbers) != Limit || !numbers[1] || !numbers[Limit] {
		t.Errorf("round %d: %d items with the numbers %v: %v", round, len(list), numbers, err)
	}
	if now := parent.get(c.At(round + 1)); now.Version != parent.Version+Limit || now.ItemCount != Limit {
		t.Errorf("round %d: the specification is %+v, was %+v", round, now, parent)
	}
}

func specificationsRespectTheLimit(t *testing.T, c Clients, round int) {
	t.Helper()
	parent := newProject(c[0])
	answers := SendConcurrently(t, concurrentCreations, func(k int) *testkit.Response { return c.At(k).Post(parent.specs(), `{"content": "x"}`) })
	want := map[string]int{"201": Limit, "409 specification_limit_reached": concurrentCreations - Limit}
	if diff := cmp.Diff(want, CountByCode(answers)); diff != "" {
		t.Errorf("round %d: creations of specifications (-want +got):\n%s", round, diff)
	}
	if now := parent.get(c.At(round + 1)); now.Count != Limit || now.Version != parent.Version+Limit {
		t.Errorf("round %d: the project is %+v, was %+v", round, now, parent)
	}
}

package races

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// ReordersAreAtomic reorders the items of one specification concurrently with reads: all
// reorders succeed, and every read, also the last, is one of the requested orders. It
// logs the seed of the orders.
func ReordersAreAtomic(t *testing.T, c Clients, writers int) {
	t.Helper()
	parent := newSpec(c[0], contents(Limit)...)
	start := idsOf(itemsOf(c[0], parent))
	orders := make([][]string, writers)
	submitted := map[string]bool{fmt.Sprint(start): true}
	seed := testkit.Seed(t)
	random := rand.New(rand.NewPCG(seed, 0))
	for k := range orders {
		orders[k] = slices.Clone(start)
		random.Shuffle(len(start), func(i, j int) { orders[k][i], orders[k][j] = orders[k][j], orders[k][i] })
		submitted[fmt.Sprint(orders[k])] = true
	}
	stop := watch(t, c, parent, submitted)
	answers := SendConcurrently(t, writers, func(k int) *testkit.Response { return reorder(c.At(k), parent, orders[k]) })
	reads := stop()
	for k, a := range answers {
		if a.Status != 200 || !slices.Equal(idsOf(itemsIn(a)), orders[k]) {
			t.Errorf("order %d: status %d: %.300s", k, a.Status, a.Body)
		}
	}
	final := idsOf(itemsOf(c.At(1), parent))
	if !submitted[fmt.Sprint(final)] {
		t.Errorf("the final order %v was not requested", final)
	}
	// A request for the current order does not raise the version.
	if now := parent.get(c[0]); now.Version > parent.Version+writers || now.Version < parent.Version+writers*9/10 {
		t.Errorf("%d orders raised the version from %d to %d", writers, parent.Version, now.Version)
	}
	t.Logf("%d orders, %d reads meanwhile", writers, reads)
}

// TwoReordersAreSerial sends two orders of one list to two servers, repeatedly: both
// succeed, one after the other, and the list has the order of the later one.
func TwoReordersAreSerial(t *testing.T, c Clients, rounds int) {
	t.Helper()
	parent := newSpec(c[0], contents(Limit)...)
	random := rand.New(rand.NewPCG(testkit.Seed(t), 0))
	for round := range rounds {
		before, now := parent.get(c.At(round)), idsOf(itemsOf(c.At(round+1), parent))
		orders := [][]string{slices.Clone(now), slices.Clone(now)}
		for _, order := range orders {
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		answers := SendConcurrently(t, 2, func(k int) *testkit.Response { return reorder(c.At(round+k), parent, orders[k]) })
		later, made := 0, before.Version
		for k, a := range answers {
			if a.Status != 200 || !slices.Equal(idsOf(itemsIn(a)), orders[k]) {
				t.Fatalf("round %d, order %d: %d %s", round, k, a.Status, a.Body)
			}
			if version := versionOf(t, a); version > made {
				later, made = k, version
			}
		}
		list, after := itemsOf(c.At(round+1), parent), parent.get(c.At(round))
		if err := checkDense(list); err != nil || !slices.Equal(idsOf(list), orders[later]) {
			t.Fatalf("round %d: the list is %v, want %v: %v", round, idsOf(list), orders[later], err)
		}
		// An order that the list has already raises no version.
		steps := after.Version - before.Version
		if after.Version != made || steps > 2 || steps < 2 && !slices.Equal(orders[0], orders[1]) && !slices.Equal(now, orders[1-later]) {
			t.Fatalf("round %d: two orders raised the version from %d to %d", round, before.Version, after.Version)
		}
	}
}

// versionOf is the version of a specification in the tag of a response.
func versionOf(t *testing.T, a *testkit.Response) (version int) {
	t.Helper()
	if _, err := fmt.Sscanf(a.Header.Get("ETag"), `"%d"`, &version); err != nil {
		t.Fatalf("the tag is %q: %v", a.Header.Get("ETag"), err)
	}
	return version
}

// watch reads the items from every server and through both operations, until stop is
// called, which returns the number of reads. Each read must be one of the orders.
func watch(t *testing.T, c Clients, parent spec, orders map[string]bool) (stop func() int64) {
	t.Helper()
	wrong := CollectFailures(t)
	var done atomic.Bool
	var reads atomic.Int64
	var readers sync.WaitGroup
	for k := range 2 * len(c) {
		path := parent.items()
		if k >= len(c) {
			path = parent.path() + "?include=items"
		}
		readers.Go(func() {
			for !done.Load() {
				a := c.At(k).Get(path)
				list := itemsIn(a)
				if err := checkDense(list); a.Status != 200 || err != nil || !orders[fmt.Sprint(idsOf(list))] {
					wrong.Add("a read of an order that was not requested", "%d: %v: %.500s", a.Status, err, a.Body)
				}
				reads.Add(1)
			}
		})
	}
	return func() int64 {
		done.Store(true)
		readers.Wait()
		return reads.Load()
	}
}

// allowedCodes are the possible responses to concurrent item operations.
var allowedCodes = []string{
	"200", "201", "204", "404 item_not_found", "409 item_set_mismatch", "409 item_limit_reached", "412 precondition_failed",
	"422 validation_failed",
}

// PositionsStayDense creates, deletes, moves, changes and reorders items of one
// specification concurrently: the positions in every list, also the last, have no gap.
func PositionsStayDense(t *testing.T, c Clients, d time.Duration) {
	t.Helper()
	parent := newSpec(c[0], contents(Limit/2)...)
	until := time.Now().Add(d)
	seed := testkit.Seed(t)
	var mu sync.Mutex
	counts, wrong := map[string]int{}, CollectFailures(t)
	Concurrently(12, func(k int) bool {
		c := c.At(k)
		dice := rand.New(rand.NewPCG(seed, uint64(k)))
		for time.Now().Before(until) {
			read := c.Get(parent.items()).Want(200)
			list := itemsIn(read)
			if err := checkDense(list); err != nil {
				wrong.Add("a list with a gap", "%v: %s", err, read.Body)
			}
			what, answer := randomChange(c, parent, list, read.Header.Get("ETag"), dice)
			code := Code(answer)
			if !slices.Contains(allowedCodes, code) {
				wrong.Add(code, "%s: %s", what, answer.Body)
			}
			mu.Lock()
			counts[what+" "+code]++
			mu.Unlock()
		}
		return true
	})
	list, now := itemsOf(c.At(1), parent), parent.get(c[0])
	if err := checkDense(list); err != nil || now.ItemCount != len(list) || len(list) > Limit {
		t.Errorf("at the end: %d items, count %d: %v", len(list), now.ItemCount, err)
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%5d %s", counts[what], what)
	}
}

// randomChange makes one change to a list that was just read.
func randomChange(c *testkit.Client, parent spec, list []item, tag string, dice *rand.Rand) (string, *testkit.Response) {
	kind := dice.IntN(6)
	if len(list) == 0 {
		kind = 0
	}
	switch kind {
	case 0:
		return "create", c.Post(parent.items(), map[string]any{"content": "x", "order": dice.IntN(len(list) + 1)})
	case 1:
		return "delete", c.Delete(list[dice.IntN(len(list))].path())
	case 2:
		return "move", c.Patch(list[dice.IntN(len(list))].path(), map[string]any{"order": dice.IntN(len(list))})
	case 3:
		i := list[dice.IntN(len(list))]
		return "change", c.Put(i.path(), map[string]any{"content": fmt.Sprint(dice.Int())}, "If-Match", i.tag())
	case 4:
		ids := idsOf(list)
		ids[dice.IntN(len(ids))] = ""
		return "replace", replace(c, parent, ids)
	default:
		order := idsOf(list)
		dice.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		if dice.IntN(2) == 0 {
			return "reorder as read", reorder(c, parent, order, "If-Match", tag)
		}
		return "reorder", reorder(c, parent, order)
	}
}

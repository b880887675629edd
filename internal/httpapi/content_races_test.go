package httpapi_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// atOnce does something n times at the same moment.
func atOnce[T any](n int, do func(k int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for k := range n {
		all.Go(func() {
			<-start
			results[k] = do(k)
		})
	}
	close(start)
	all.Wait()
	return results
}

// twins are one caller at two replicas.
func twins(t *testing.T, change ...func(*app.Settings)) [2]*testkit.Client {
	t.Helper()
	s := testkit.Start(t, change...)
	ann := s.SignUp(t)
	return [2]*testkit.Client{ann, ann.At(s.Replica(t, change...))}
}

// codeOf is the status of an answer, and the code of a problem.
func codeOf(a *testkit.Answer) string {
	if a.Status < 400 {
		return strconv.Itoa(a.Status)
	}
	var p testkit.Problem
	a.Into(&p)
	return fmt.Sprint(a.Status, " ", p.Code)
}

// tally counts answers by their code.
func tally(answers []*testkit.Answer) map[string]int {
	n := map[string]int{}
	for _, a := range answers {
		n[codeOf(a)]++
	}
	return n
}

// mishaps are what went wrong in a race: the first in full, then how often.
type mishaps struct {
	mu    sync.Mutex
	first map[string]string
	times map[string]int
}

func (c *mishaps) add(kind, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times[kind]++; c.times[kind] == 1 {
		c.first[kind] = fmt.Sprintf(format, args...)
	}
}

// mishapsOf collects what goes wrong; it shows when the test ends.
func mishapsOf(t *testing.T) *mishaps {
	t.Helper()
	c := &mishaps{first: map[string]string{}, times: map[string]int{}}
	t.Cleanup(func() {
		for kind, first := range c.first {
			t.Errorf("%s, %d times, first: %s", kind, c.times[kind], first)
		}
	})
	return c
}

// again repeats a request that finds the server busy, as it is told to.
func again(ask func() *testkit.Answer) *testkit.Answer {
	for range 50 {
		if a := ask(); a.Status != 503 {
			return a
		}
		time.Sleep(100 * time.Millisecond)
	}
	return ask()
}

func TestConcurrentCreationsStopExactlyAtTheLimit(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t, func(s *app.Settings) { s.MaxItems, s.MaxSpecifications = 10, 10 })
	for round := range 4 {
		parent := newSpec(ann[0])
		answers := atOnce(50, func(k int) *testkit.Answer {
			body := map[string]any{"content": fmt.Sprint("item ", k)}
			if k%3 == 0 {
				body["order"] = 0
			}
			return ann[k%2].Post(parent.items(), body)
		})
		if got := tally(answers); got["201"] != 10 || got["409 item_limit_reached"] != 40 {
			t.Errorf("round %d: items: %v", round, got)
		}
		list := bulletsOf(ann[0], parent)
		numbers := map[int]bool{}
		for _, b := range list {
			numbers[b.Number] = true
		}
		if err := dense(list); err != nil || len(list) != 10 || len(numbers) != 10 || !numbers[1] || !numbers[10] {
			t.Errorf("round %d: %d items with the numbers %v: %v", round, len(list), numbers, err)
		}
		if now := seenSpec(ann[1], parent); now.Version != parent.Version+10 || now.ItemCount != 10 {
			t.Errorf("round %d: the specification is %+v", round, now)
		}

		h := newHome(ann[0])
		specs := atOnce(50, func(k int) *testkit.Answer { return ann[k%2].Post(h.specs(), `{"content": "x"}`) })
		if got := tally(specs); got["201"] != 10 || got["409 specification_limit_reached"] != 40 {
			t.Errorf("round %d: specifications: %v", round, got)
		}
		if now := h.seen(ann[1]); now.Count != 10 || now.Version != h.Version+10 {
			t.Errorf("round %d: the project is %+v", round, now)
		}
	}
}

func TestConcurrentReordersLeaveOneOfThemAndAReaderSeesOnlyWholeOnes(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t)
	parent := newSpec(ann[0], "a", "b", "c", "d", "e", "f", "g", "h", "i", "j")
	start := placesOf(bulletsOf(ann[0], parent))
	orders := make([][]string, 100)
	submitted := map[string]bool{fmt.Sprint(start): true}
	for k := range orders {
		orders[k] = slices.Clone(start)
		rand.Shuffle(len(start), func(i, j int) { orders[k][i], orders[k][j] = orders[k][j], orders[k][i] })
		submitted[fmt.Sprint(orders[k])] = true
	}
	var done atomic.Bool
	var readers sync.WaitGroup
	var reads atomic.Int64
	for k := range 4 {
		readers.Go(func() {
			for !done.Load() {
				path := parent.items()
				if k > 1 {
					path = parent.path() + "?include=items"
				}
				list := bulletList(again(func() *testkit.Answer { return ann[k%2].Get(path) }).Want(200))
				if err := dense(list); err != nil || !submitted[fmt.Sprint(placesOf(list))] {
					t.Errorf("read %v: %v", placesOf(list), err)
				}
				reads.Add(1)
			}
		})
	}
	answers := atOnce(len(orders), func(k int) *testkit.Answer {
		return again(func() *testkit.Answer { return reorder(ann[k%2], parent, orders[k]) })
	})
	done.Store(true)
	readers.Wait()
	for k, a := range answers {
		if a.Status != 200 || !slices.Equal(placesOf(bulletList(a)), orders[k]) {
			t.Errorf("order %d: answered %d: %.300s", k, a.Status, a.Body)
		}
	}
	final := placesOf(bulletsOf(ann[1], parent))
	if !submitted[fmt.Sprint(final)] || slices.Equal(final, start) {
		t.Errorf("finally %v", final)
	}
	if now := seenSpec(ann[0], parent); now.Version > parent.Version+100 || now.Version < parent.Version+99 {
		t.Errorf("100 orders raised the version from %d to %d", parent.Version, now.Version)
	}
	t.Logf("%d reads", reads.Load())
}

// mayAnswer are the answers that a race of item operations may have.
var mayAnswer = []string{
	"200", "201", "204", "404 item_not_found", "409 item_set_mismatch", "409 item_limit_reached", "412 precondition_failed",
	"422 validation_failed",
}

func TestItemsStayDenseWhileEverythingHappensAtOnce(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t, func(s *app.Settings) { s.MaxItems = 12 })
	parent := newSpec(ann[0], "a", "b", "c", "d", "e", "f")
	until := time.Now().Add(4 * time.Second)
	var mu sync.Mutex
	counts, wrong := map[string]int{}, mishapsOf(t)
	atOnce(12, func(k int) bool {
		c := ann[k%2]
		dice := rand.New(rand.NewPCG(1, uint64(k)))
		for time.Now().Before(until) {
			read := c.Get(parent.items()).Want(200)
			list := bulletList(read)
			if err := dense(list); err != nil {
				wrong.add("a list with a gap", "%v: %s", err, read.Body)
			}
			what, answer := anyChange(c, parent, list, read.Header.Get("ETag"), dice)
			code := codeOf(answer)
			if !slices.Contains(mayAnswer, code) {
				wrong.add(code, "%s: %s", what, answer.Body)
			}
			mu.Lock()
			counts[what+" "+code]++
			mu.Unlock()
		}
		return true
	})
	whole := specOf(ann[1].Get(parent.path() + "?include=items").Want(200))
	if err := dense(*whole.Items); err != nil || whole.ItemCount != len(*whole.Items) {
		t.Errorf("finally %d items, count %d: %v", len(*whole.Items), whole.ItemCount, err)
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%5d %s", counts[what], what)
	}
}

// anyChange makes one change of a list that was read a moment ago.
func anyChange(c *testkit.Client, parent spec, list []bullet, tag string, dice *rand.Rand) (string, *testkit.Answer) {
	kind := dice.IntN(5)
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
		b := list[dice.IntN(len(list))]
		return "change", c.Put(b.path(), map[string]any{"content": fmt.Sprint(dice.Int())}, "If-Match", b.tag())
	default:
		order := placesOf(list)
		dice.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		if dice.IntN(2) == 0 {
			return "reorder as read", reorder(c, parent, order, "If-Match", tag)
		}
		return "reorder", reorder(c, parent, order)
	}
}

func TestOfTwoWritersWithOneTagOneWinsEachRound(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t)
	item := bulletsOf(ann[0], newSpec(ann[0], "x"))[0]
	for name, path := range map[string]string{"an item": item.path(), "a specification": newSpec(ann[0]).path()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := [2]*testkit.Client{ann[0].For(t), ann[1].For(t)}
			tag := c[0].Get(path).Want(200).Header.Get("ETag")
			for round := range 500 {
				answers := atOnce(2, func(k int) *testkit.Answer {
					return c[k].Patch(path, map[string]any{"content": fmt.Sprint(round, " by ", k)}, "If-Match", tag)
				})
				won := slices.IndexFunc(answers, func(a *testkit.Answer) bool { return a.Status == 200 })
				if won < 0 || codeOf(answers[1-won]) != "412 precondition_failed" {
					t.Fatalf("round %d: %v", round, tally(answers))
				}
				want := fmt.Sprint(round, " by ", won)
				lost := answers[1-won].WantProblem(412, "precondition_failed")
				if now := c[1-won].Get(path).Want(200).JSON(); now["content"] != want || lost.Current["content"] != want {
					t.Fatalf("round %d: %s won; the loser is told of %v, then reads %v", round, want, lost.Current, now)
				}
				tag = answers[won].Header.Get("ETag")
			}
		})
	}
}

func TestWhatOneReplicaHasWrittenTheOtherReads(t *testing.T) {
	long(t)
	t.Parallel()
	ann := twins(t)
	old := newSpec(ann[0], "x")
	item := bulletsOf(ann[0], old)[0]
	for round := range 200 {
		writer, reader := ann[round%2], ann[1-round%2]
		text := fmt.Sprint("round ", round)
		tag := writer.Get(old.path()).Want(200).Header.Get("ETag")
		writer.Patch(item.path(), map[string]any{"content": text}).Want(200)
		if got := bulletOf(reader.Get(item.path()).Want(200)).Content; got != text {
			t.Fatalf("the item is still %s", got)
		}
		reader.Get(old.path(), "If-None-Match", tag).Want(200)
		if got := bulletsOf(reader, old)[0].Content; got != text {
			t.Fatalf("the list still has %s", got)
		}
		writer.Patch(old.path(), map[string]any{"content": text}).Want(200)
		if got := seenSpec(reader, old).Content; got != text {
			t.Fatalf("the specification is still %s", got)
		}
	}
}

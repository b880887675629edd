package races

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	historyClients = 4
	historySteps   = 8
)

// ItemsAreLinearizable records histories of concurrent operations on the items of two
// specifications each, and moves between them. It fails unless every history is
// linearizable. The operations of a history depend on its number only.
func ItemsAreLinearizable(t *testing.T, c Clients, histories int) {
	t.Helper()
	made, moved, broken, home := 0, 0, 0, newProject(c[0])
	for seed := range histories {
		w := newRecorder(c[0], home)
		start := w.start
		Concurrently(historyClients, func(k int) bool {
			dice := rand.New(rand.NewPCG(uint64(seed), uint64(k)))
			for range historySteps {
				w.perform(k, c.At(k), w.choose(dice))
			}
			return true
		})
		made += len(w.history)
		moved += w.moved()
		for _, s := range w.specs { // below the limit for the next history
			c[0].Delete(s.path()).Want(204)
		}
		if porcupine.CheckOperationsTimeout(model(start), w.history, 20*time.Second) == porcupine.Ok {
			continue
		}
		if broken++; broken == 1 {
			t.Errorf("history %d is not linearizable; its initial state is %+v:\n%s", seed, start, formatHistory(w.history))
		}
	}
	if broken > 0 {
		t.Errorf("%d of %d histories are not linearizable", broken, histories)
	}
	if moved < histories/2 {
		t.Errorf("%d items moved in %d histories; the operations are too few or always refused", moved, histories)
	}
	t.Logf("%d operations, %d of them successful moves, in %d histories at %d servers", made, moved, histories, len(c))
}

// recorder performs operations on two specifications of a project and records them.
type recorder struct {
	home      project
	specs     [2]spec
	start     pairState
	startedAt time.Time

	mu      sync.Mutex
	known   []string // ids that a response has shown
	history []porcupine.Operation
}

func newRecorder(c *testkit.Client, home project) *recorder {
	w := &recorder{home: home, specs: [2]spec{home.spec(c, "a", "b", "c"), home.spec(c, "d")}, startedAt: time.Now()}
	for n, s := range w.specs {
		w.start[n] = listState{idsOf(itemsOf(c, s)), s.Version}
		w.known = append(w.known, w.start[n].order...)
	}
	return w
}

// moved counts the successful moves.
func (w *recorder) moved() (n int) {
	for _, op := range w.history {
		if op.Input.(operation).kind == "move" && op.Output.(result).code == "200" {
			n++
		}
	}
	return n
}

// choose returns a random operation.
func (w *recorder) choose(dice *rand.Rand) operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	newer := w.known[max(0, len(w.known)-8):] // older ones are mostly deleted
	in := operation{list: dice.IntN(2), id: newer[dice.IntN(len(newer))], place: dice.IntN(Limit+1) - 1}
	switch dice.IntN(12) {
	case 0, 1:
		in.kind = "create"
	case 2:
		in.kind, in.place = "place", max(0, in.place)
	case 3, 4:
		in.kind = "delete"
	case 5:
		in.kind = "list"
	case 6:
		in.kind = "read"
	case 7:
		in.kind = "replace"
	case 8:
		in.kind = "reorder"
	case 9:
		in.kind = "counts"
	default:
		in.kind, in.place = "move", dice.IntN(4)-1 // mostly places that exist
	}
	return in
}

// perform performs the operation, and records it with its times.
func (w *recorder) perform(client int, c *testkit.Client, in operation) {
	if in.kind == "reorder" || in.kind == "replace" { // of the current items, which others may change meanwhile
		seen := itemsOf(c, w.specs[in.list])
		in.order = idsOf(seen)
		slices.Reverse(in.order)
	}
	if in.kind == "replace" { // one goes, and two are new
		in.order = append([]string{"", ""}, in.order[min(1, len(in.order)):]...)
	}
	call := time.Since(w.startedAt).Nanoseconds()
	answer := w.send(c, in)
	returned := time.Since(w.startedAt).Nanoseconds()
	out := w.result(in, answer)
	w.mu.Lock()
	defer w.mu.Unlock()
	if in.kind == "create" && out.id != "" {
		w.known = append(w.known, out.id)
	}
	if in.kind == "replace" {
		w.known = append(w.known, out.order...)
	}
	w.history = append(w.history, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: returned})
}

// result is what a response says.
func (w *recorder) result(in operation, answer *testkit.Response) result {
	out := result{code: Code(answer)}
	if answer.Status >= 300 {
		return out
	}
	switch in.kind {
	case "delete":
	case "create", "place", "move":
		var one item
		answer.Decode(&one)
		out.id, out.place = one.ID, one.Order
		if in.kind == "move" {
			out.tag = answer.Header.Get("Specification-ETag")
		}
	case "counts":
		out.counts = w.counts(answer)
	default:
		out.tag = answer.Header.Get("ETag")
		out.order = idsOf(itemsIn(answer))
	}
	return out
}

// counts are the counts and versions of both specifications in a list of a project.
func (w *recorder) counts(answer *testkit.Response) string {
	var page struct{ Specifications []spec }
	answer.Decode(&page)
	var s pairState
	for n := range s {
		for _, found := range page.Specifications {
			if found.ID == w.specs[n].ID {
				s[n] = listState{make([]string, found.ItemCount), found.Version}
			}
		}
	}
	return s.counts()
}

func (w *recorder) send(c *testkit.Client, in operation) *testkit.Response {
	path, parent := item{ID: in.id}.path(), w.specs[in.list]
	switch in.kind {
	case "create":
		body := map[string]any{"content": "x"}
		if in.place >= 0 {
			body["order"] = in.place
		}
		return c.Post(parent.items(), body)
	case "place":
		return c.Patch(path, map[string]any{"order": in.place})
	case "move":
		body := map[string]any{"specification_id": parent.ID}
		if in.place >= 0 {
			body["order"] = in.place
		}
		return c.Post(path+"/move", body)
	case "delete":
		return c.Delete(path)
	case "reorder":
		return reorder(c, parent, in.order)
	case "replace":
		return replace(c, parent, in.order)
	case "list":
		return c.Get(parent.items())
	case "counts":
		return c.Get(w.home.specs())
	default:
		return c.Get(parent.path() + "?include=items")
	}
}

// formatHistory formats a history in the order of its responses, with shortened ids.
func formatHistory(history []porcupine.Operation) string {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Return - b.Return) })
	var b strings.Builder
	short := func(ids ...string) string {
		var all []string
		for _, id := range ids {
			all = append(all, id[max(0, len(id)-4):])
		}
		return strings.Join(all, " ")
	}
	for _, op := range history {
		in, out := op.Input.(operation), op.Output.(result)
		fmt.Fprintf(&b, "client %d, %8d to %8d µs: %-7s %s in list %d at %d [%s] -> %s %s at %d [%s] %s%s\n", op.ClientId, op.Call/1000, op.Return/1000,
			in.kind, short(in.id), in.list, in.place, short(in.order...), out.code, short(out.id), out.place, short(out.order...), out.tag, out.counts)
	}
	return b.String()
}

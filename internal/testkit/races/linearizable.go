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

// ItemsAreLinearizable records histories of concurrent operations on the items of one
// specification each. It fails unless every history is linearizable. The operations of a
// history depend on its number only.
func ItemsAreLinearizable(t *testing.T, c Clients, histories int) {
	t.Helper()
	made, broken, home := 0, 0, newProject(c[0])
	for seed := range histories {
		parent := home.spec(c[0], "a", "b", "c")
		start := listState{idsOf(itemsOf(c[0], parent)), parent.Version}
		w := &recorder{spec: parent, known: start.order, startedAt: time.Now()}
		Concurrently(historyClients, func(k int) bool {
			dice := rand.New(rand.NewPCG(uint64(seed), uint64(k)))
			for range historySteps {
				w.perform(k, c.At(k), w.choose(dice))
			}
			return true
		})
		made += len(w.history)
		c[0].Delete(parent.path()).Want(204) // below the limit for the next history
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
	t.Logf("%d operations in %d histories at %d servers", made, histories, len(c))
}

// recorder performs operations on one specification and records them.
type recorder struct {
	spec      spec
	startedAt time.Time

	mu      sync.Mutex
	known   []string // ids that a response has shown
	history []porcupine.Operation
}

// choose returns a random operation.
func (w *recorder) choose(dice *rand.Rand) operation {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.known[dice.IntN(len(w.known))]
	switch dice.IntN(9) {
	case 0, 1:
		return operation{kind: "create", place: dice.IntN(Limit+1) - 1}
	case 2:
		return operation{kind: "move", id: id, place: dice.IntN(Limit)}
	case 3, 4:
		return operation{kind: "delete", id: id}
	case 5:
		return operation{kind: "list"}
	case 6:
		return operation{kind: "read"}
	case 7:
		return operation{kind: "replace"}
	default:
		return operation{kind: "reorder"}
	}
}

// perform performs the operation, and records it with its times.
func (w *recorder) perform(client int, c *testkit.Client, in operation) {
	if in.kind == "reorder" || in.kind == "replace" { // of the current items, which others may change meanwhile
		seen := itemsOf(c, w.spec)
		in.order = idsOf(seen)
		slices.Reverse(in.order)
	}
	if in.kind == "replace" { // one goes, and two are new
		in.order = append([]string{"", ""}, in.order[min(1, len(in.order)):]...)
	}
	call := time.Since(w.startedAt).Nanoseconds()
	answer := w.send(c, in)
	returned := time.Since(w.startedAt).Nanoseconds()
	out := result{code: Code(answer)}
	switch {
	case answer.Status >= 300 || in.kind == "delete":
	case in.kind == "create" || in.kind == "move":
		var one item
		answer.Decode(&one)
		out.id, out.place = one.ID, one.Order
	default:
		out.version = answer.Header.Get("ETag")
		out.order = idsOf(itemsIn(answer))
	}
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

func (w *recorder) send(c *testkit.Client, in operation) *testkit.Response {
	path := item{ID: in.id}.path()
	switch in.kind {
	case "create":
		body := map[string]any{"content": "x"}
		if in.place >= 0 {
			body["order"] = in.place
		}
		return c.Post(w.spec.items(), body)
	case "move":
		return c.Patch(path, map[string]any{"order": in.place})
	case "delete":
		return c.Delete(path)
	case "reorder":
		return reorder(c, w.spec, in.order)
	case "replace":
		return replace(c, w.spec, in.order)
	case "list":
		return c.Get(w.spec.items())
	default:
		return c.Get(w.spec.path() + "?include=items")
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
		fmt.Fprintf(&b, "client %d, %8d to %8d µs: %-7s %s at %d [%s] -> %s %s at %d [%s] %s\n", op.ClientId, op.Call/1000, op.Return/1000,
			in.kind, short(in.id), in.place, short(in.order...), out.code, short(out.id), out.place, short(out.order...), out.version)
	}
	return b.String()
}

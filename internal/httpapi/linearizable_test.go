package httpapi_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	histories      = 200
	historyClients = 4
	historySteps   = 8
	historyLimit   = 7 // items of one specification
)

// asked is one operation on the items of a specification.
type asked struct {
	kind  string // create, move, delete, reorder, list, read
	id    string
	place int // -1 for the end
	order []string
}

// answered is what came back: the code, the place of one item, or the whole list
// and the version of the specification.
type answered struct {
	code    string
	id      string
	place   int
	order   []string
	version string
}

// outlineState is the state of the model: the ids in their order, and the
// specification's version.
type outlineState struct {
	order   []string
	version int
}

func (s outlineState) next(order []string) outlineState { return outlineState{order, s.version + 1} }

// model is a specification as a list that changes one operation at a time.
func model(start outlineState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return start },
		Step: func(state, input, output any) (bool, any) {
			return step(state.(outlineState), input.(asked), output.(answered))
		},
		Equal: func(a, b any) bool {
			x, y := a.(outlineState), b.(outlineState)
			return x.version == y.version && slices.Equal(x.order, y.order)
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// step tells whether the list may answer so, and what it is then.
func step(s outlineState, in asked, out answered) (bool, outlineState) {
	at := slices.Index(s.order, in.id)
	switch in.kind + " " + out.code {
	case "create 201":
		place := in.place
		if place < 0 {
			place = len(s.order)
		}
		if len(s.order) >= historyLimit || place > len(s.order) || out.place != place {
			return false, s
		}
		return true, s.next(slices.Insert(slices.Clone(s.order), place, out.id))
	case "create 409 item_limit_reached":
		return len(s.order) == historyLimit, s
	case "create 422 validation_failed":
		return in.place > len(s.order), s
	case "move 200":
		if at < 0 || in.place >= len(s.order) || out.place != in.place {
			return false, s
		}
		if at == in.place {
			return true, s
		}
		return true, s.next(slices.Insert(slices.Delete(slices.Clone(s.order), at, at+1), in.place, in.id))
	case "move 422 validation_failed":
		return at >= 0 && in.place >= len(s.order), s
	case "delete 204":
		if at < 0 {
			return false, s
		}
		return true, s.next(slices.Delete(slices.Clone(s.order), at, at+1))
	case "move 404 item_not_found", "delete 404 item_not_found":
		return at < 0, s
	case "reorder 200":
		if !slices.Equal(slices.Sorted(slices.Values(s.order)), slices.Sorted(slices.Values(in.order))) {
			return false, s
		}
		if !slices.Equal(s.order, in.order) {
			s = s.next(in.order)
		}
		return slices.Equal(out.order, in.order) && out.version == s.tag(), s
	case "reorder 409 item_set_mismatch":
		return !slices.Equal(slices.Sorted(slices.Values(s.order)), slices.Sorted(slices.Values(in.order))), s
	case "list 200", "read 200":
		return slices.Equal(out.order, s.order) && out.version == s.tag(), s
	default:
		return false, s
	}
}

func (s outlineState) tag() string { return fmt.Sprintf(`"%d"`, s.version) }

// witness makes operations on one specification and writes them down.
type witness struct {
	spec  spec
	began time.Time

	mu      sync.Mutex
	known   []string // ids that somebody has seen
	history []porcupine.Operation
}

// choose draws an operation.
func (w *witness) choose(dice *rand.Rand) asked {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.known[dice.IntN(len(w.known))]
	switch dice.IntN(8) {
	case 0, 1:
		return asked{kind: "create", place: dice.IntN(historyLimit+1) - 1}
	case 2:
		return asked{kind: "move", id: id, place: dice.IntN(historyLimit)}
	case 3, 4:
		return asked{kind: "delete", id: id}
	case 5:
		return asked{kind: "list"}
	case 6:
		return asked{kind: "read"}
	default:
		return asked{kind: "reorder"}
	}
}

// perform makes the operation and writes down when and what.
func (w *witness) perform(client int, c *testkit.Client, in asked) {
	if in.kind == "reorder" { // of what is there, or was a moment ago
		seen := bulletsOf(c, w.spec)
		in.order = placesOf(seen)
		slices.Reverse(in.order)
	}
	call := time.Since(w.began).Nanoseconds()
	answer := w.send(c, in)
	returned := time.Since(w.began).Nanoseconds()
	out := answered{code: codeOf(answer)}
	switch {
	case answer.Status >= 300 || in.kind == "delete":
	case in.kind == "create" || in.kind == "move":
		b := bulletOf(answer)
		out.id, out.place = b.ID, b.Order
	default:
		out.version = answer.Header.Get("ETag")
		for _, b := range bulletList(answer) {
			out.order = append(out.order, b.ID)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if in.kind == "create" && out.id != "" {
		w.known = append(w.known, out.id)
	}
	w.history = append(w.history, porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: returned})
}

func (w *witness) send(c *testkit.Client, in asked) *testkit.Answer {
	item := bullet{ID: in.id}.path()
	switch in.kind {
	case "create":
		body := map[string]any{"content": "x"}
		if in.place >= 0 {
			body["order"] = in.place
		}
		return c.Post(w.spec.items(), body)
	case "move":
		return c.Patch(item, map[string]any{"order": in.place})
	case "delete":
		return c.Delete(item)
	case "reorder":
		return reorder(c, w.spec, in.order)
	case "list":
		return c.Get(w.spec.items())
	default:
		return c.Get(w.spec.path() + "?include=items")
	}
}

func TestOperationsOnItemsAreLinearizableOverTwoReplicas(t *testing.T) {
	t.Parallel()
	ann := twins(t, func(s *app.Settings) { s.MaxItems = historyLimit })
	made, broken := 0, 0
	for seed := range uint64(histories) {
		parent := newSpec(ann[0], "a", "b", "c")
		start := outlineState{placesOf(bulletsOf(ann[0], parent)), parent.Version}
		w := &witness{spec: parent, known: start.order, began: time.Now()}
		atOnce(historyClients, func(k int) bool {
			dice := rand.New(rand.NewPCG(seed, uint64(k)))
			for range historySteps {
				w.perform(k, ann[k%2], w.choose(dice))
			}
			return true
		})
		made += len(w.history)
		if porcupine.CheckOperationsTimeout(model(start), w.history, 20*time.Second) == porcupine.Ok {
			continue
		}
		if broken++; broken == 1 {
			t.Errorf("history %d is not linearizable; it began with %+v:\n%s", seed, start, recount(w.history))
		}
	}
	if broken > 0 {
		t.Errorf("%d of %d histories are not linearizable", broken, histories)
	}
	t.Logf("%d operations in %d histories", made, histories)
}

// recount is a history by the time of its answers, ids by their last digits.
func recount(history []porcupine.Operation) string {
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
		in, out := op.Input.(asked), op.Output.(answered)
		fmt.Fprintf(&b, "client %d, %8d to %8d µs: %-7s %s at %d [%s] -> %s %s at %d [%s] %s\n", op.ClientId, op.Call/1000, op.Return/1000,
			in.kind, short(in.id), in.place, short(in.order...), out.code, short(out.id), out.place, short(out.order...), out.version)
	}
	return b.String()
}

// A checker that accepts everything would prove nothing.
func TestABrokenHistoryIsNotLinearizable(t *testing.T) {
	t.Parallel()
	start := outlineState{[]string{"a", "b"}, 1}
	op := func(client int, call, back int64, in asked, out answered) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: back}
	}
	insert := op(0, 0, 10, asked{kind: "create", place: 0}, answered{code: "201", id: "c"})
	for name, tc := range map[string]struct {
		history []porcupine.Operation
		want    porcupine.CheckResult
	}{
		"a list after an insertion":            {[]porcupine.Operation{insert, op(1, 11, 12, asked{kind: "list"}, answered{code: "200", order: []string{"c", "a", "b"}, version: `"2"`})}, porcupine.Ok},
		"a list beside it, as before":          {[]porcupine.Operation{insert, op(1, 5, 6, asked{kind: "list"}, answered{code: "200", order: []string{"a", "b"}, version: `"1"`})}, porcupine.Ok},
		"a stale list":                         {[]porcupine.Operation{insert, op(1, 11, 12, asked{kind: "list"}, answered{code: "200", order: []string{"a", "b"}, version: `"1"`})}, porcupine.Illegal},
		"the new list with the old version":    {[]porcupine.Operation{insert, op(1, 5, 6, asked{kind: "list"}, answered{code: "200", order: []string{"c", "a", "b"}, version: `"1"`})}, porcupine.Illegal},
		"a list that never was":                {[]porcupine.Operation{insert, op(1, 5, 6, asked{kind: "list"}, answered{code: "200", order: []string{"a", "c", "b"}, version: `"2"`})}, porcupine.Illegal},
		"an item deleted twice":                {[]porcupine.Operation{op(0, 0, 5, asked{kind: "delete", id: "a"}, answered{code: "204"}), op(1, 0, 5, asked{kind: "delete", id: "a"}, answered{code: "204"})}, porcupine.Illegal},
		"two reorders of which none was first": {[]porcupine.Operation{op(0, 0, 5, asked{kind: "reorder", order: []string{"b", "a"}}, answered{code: "200", order: []string{"b", "a"}, version: `"2"`}), op(1, 0, 5, asked{kind: "delete", id: "a"}, answered{code: "204"}), op(0, 6, 7, asked{kind: "list"}, answered{code: "200", order: []string{"b"}, version: `"2"`})}, porcupine.Illegal},
		"an answer that is none":               {[]porcupine.Operation{op(0, 0, 5, asked{kind: "list"}, answered{code: "503 unavailable"})}, porcupine.Illegal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := porcupine.CheckOperationsTimeout(model(start), tc.history, time.Second); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

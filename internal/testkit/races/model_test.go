package races

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A checker that accepts everything would prove nothing.
func TestModel_RejectsBrokenHistories(t *testing.T) {
	t.Parallel()
	start := pairState{{[]string{"a", "b"}, 1}, {[]string{"z"}, 5}}
	op := func(client int, call, back int64, in operation, out result) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: back}
	}
	insert := op(0, 0, 10, operation{kind: "create", place: 0}, result{code: "201", id: "c"})
	move := op(0, 0, 10, operation{kind: "move", list: 1, id: "a", place: -1}, result{code: "200", id: "a", place: 1, tag: `"6"`})
	list := func(call int64, list int, tag string, order ...string) porcupine.Operation {
		return op(1, call, call+1, operation{kind: "list", list: list}, result{code: "200", order: order, tag: tag})
	}
	counts := func(call int64, counts string) porcupine.Operation {
		return op(1, call, call+1, operation{kind: "counts"}, result{code: "200", counts: counts})
	}
	for name, tc := range map[string]struct {
		history []porcupine.Operation
		want    porcupine.CheckResult
	}{
		"a list after an insertion":         {[]porcupine.Operation{insert, op(1, 11, 12, operation{kind: "list"}, result{code: "200", order: []string{"c", "a", "b"}, tag: `"2"`})}, porcupine.Ok},
		"a concurrent list, as before":      {[]porcupine.Operation{insert, op(1, 5, 6, operation{kind: "list"}, result{code: "200", order: []string{"a", "b"}, tag: `"1"`})}, porcupine.Ok},
		"a stale list":                      {[]porcupine.Operation{insert, op(1, 11, 12, operation{kind: "list"}, result{code: "200", order: []string{"a", "b"}, tag: `"1"`})}, porcupine.Illegal},
		"the new list with the old version": {[]porcupine.Operation{insert, op(1, 5, 6, operation{kind: "list"}, result{code: "200", order: []string{"c", "a", "b"}, tag: `"1"`})}, porcupine.Illegal},
		"a list that never existed":         {[]porcupine.Operation{insert, op(1, 5, 6, operation{kind: "list"}, result{code: "200", order: []string{"a", "c", "b"}, tag: `"2"`})}, porcupine.Illegal},
		"an item deleted twice":             {[]porcupine.Operation{op(0, 0, 5, operation{kind: "delete", id: "a"}, result{code: "204"}), op(1, 0, 5, operation{kind: "delete", id: "a"}, result{code: "204"})}, porcupine.Illegal},
		"two reorders without an order":     {[]porcupine.Operation{op(0, 0, 5, operation{kind: "reorder", order: []string{"b", "a"}}, result{code: "200", order: []string{"b", "a"}, tag: `"2"`}), op(1, 0, 5, operation{kind: "delete", id: "a"}, result{code: "204"}), op(0, 6, 7, operation{kind: "list"}, result{code: "200", order: []string{"b"}, tag: `"2"`})}, porcupine.Illegal},
		"both lists after a move":           {[]porcupine.Operation{move, list(11, 0, `"2"`, "b"), list(13, 1, `"6"`, "z", "a")}, porcupine.Ok},
		"both lists during a move":          {[]porcupine.Operation{move, list(2, 1, `"5"`, "z"), list(5, 0, `"2"`, "b")}, porcupine.Ok},
		"the item in no list":               {[]porcupine.Operation{move, list(2, 0, `"2"`, "b"), list(5, 1, `"5"`, "z")}, porcupine.Illegal},
		"the item in both lists":            {[]porcupine.Operation{move, list(2, 1, `"6"`, "z", "a"), list(5, 0, `"1"`, "a", "b")}, porcupine.Illegal},
		"counts after a move":               {[]porcupine.Operation{move, counts(11, "1 items at 2, 2 items at 6")}, porcupine.Ok},
		"counts with half of a move":        {[]porcupine.Operation{move, counts(5, "1 items at 2, 1 items at 5")}, porcupine.Illegal},
		"an item moved and deleted":         {[]porcupine.Operation{move, op(1, 0, 5, operation{kind: "delete", id: "a"}, result{code: "204"}), list(11, 1, `"6"`, "z", "a")}, porcupine.Illegal},
		"an error response":                 {[]porcupine.Operation{op(0, 0, 5, operation{kind: "list"}, result{code: "503 unavailable"})}, porcupine.Illegal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := porcupine.CheckOperationsTimeout(model(start), tc.history, time.Second); got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
		})
	}
}

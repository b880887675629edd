package races

import (
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// A checker that accepts everything would prove nothing.
func TestModel_RejectsBrokenHistories(t *testing.T) {
	t.Parallel()
	start := listState{[]string{"a", "b"}, 1}
	op := func(client int, call, back int64, in operation, out result) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: back}
	}
	insert := op(0, 0, 10, operation{kind: "create", place: 0}, result{code: "201", id: "c"})
	for name, tc := range map[string]struct {
		history []porcupine.Operation
		want    porcupine.CheckResult
	}{
		"a list after an insertion":         {[]porcupine.Operation{insert, op(1, 11, 12, operation{kind: "list"}, result{code: "200", order: []string{"c", "a", "b"}, version: `"2"`})}, porcupine.Ok},
		"a concurrent list, as before":      {[]porcupine.Operation{insert, op(1, 5, 6, operation{kind: "list"}, result{code: "200", order: []string{"a", "b"}, version: `"1"`})}, porcupine.Ok},
		"a stale list":                      {[]porcupine.Operation{insert, op(1, 11, 12, operation{kind: "list"}, result{code: "200", order: []string{"a", "b"}, version: `"1"`})}, porcupine.Illegal},
		"the new list with the old version": {[]porcupine.Operation{insert, op(1, 5, 6, operation{kind: "list"}, result{code: "200", order: []string{"c", "a", "b"}, version: `"1"`})}, porcupine.Illegal},
		"a list that never existed":         {[]porcupine.Operation{insert, op(1, 5, 6, operation{kind: "list"}, result{code: "200", order: []string{"a", "c", "b"}, version: `"2"`})}, porcupine.Illegal},
		"an item deleted twice":             {[]porcupine.Operation{op(0, 0, 5, operation{kind: "delete", id: "a"}, result{code: "204"}), op(1, 0, 5, operation{kind: "delete", id: "a"}, result{code: "204"})}, porcupine.Illegal},
		"two reorders without an order":     {[]porcupine.Operation{op(0, 0, 5, operation{kind: "reorder", order: []string{"b", "a"}}, result{code: "200", order: []string{"b", "a"}, version: `"2"`}), op(1, 0, 5, operation{kind: "delete", id: "a"}, result{code: "204"}), op(0, 6, 7, operation{kind: "list"}, result{code: "200", order: []string{"b"}, version: `"2"`})}, porcupine.Illegal},
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

package races

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// operation is one operation on the items of a specification.
type operation struct {
	kind  string // create, move, delete, reorder, replace, list, read
	id    string
	place int      // -1 for the end
	order []string // with empty ids for the new items of a replacement
}

// result is the response: the code, and the position of one item, or the whole list and
// the version of the specification.
type result struct {
	code    string
	id      string
	place   int
	order   []string
	version string
}

// listState is the state of the model: the ordered ids, and the specification's version.
type listState struct {
	order   []string
	version int
}

func (s listState) next(order []string) listState { return listState{order, s.version + 1} }

// model is a specification as a sequential list.
func model(start listState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return start },
		Step: func(state, input, output any) (bool, any) {
			return step(state.(listState), input.(operation), output.(result))
		},
		Equal: func(a, b any) bool {
			x, y := a.(listState), b.(listState)
			return x.version == y.version && slices.Equal(x.order, y.order)
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// step reports whether the list allows the result, and returns its next state.
func step(s listState, in operation, out result) (bool, listState) {
	at := slices.Index(s.order, in.id)
	switch in.kind + " " + out.code {
	case "create 201":
		place := in.place
		if place < 0 {
			place = len(s.order)
		}
		if len(s.order) >= Limit || place > len(s.order) || out.place != place {
			return false, s
		}
		return true, s.next(slices.Insert(slices.Clone(s.order), place, out.id))
	case "create 409 item_limit_reached":
		return len(s.order) == Limit, s
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
	case "replace 200":
		if !s.has(in.order) || len(in.order) > max(Limit, len(s.order)) || len(out.order) != len(in.order) {
			return false, s
		}
		for n, id := range out.order {
			if in.order[n] != id && (in.order[n] != "" || slices.Contains(s.order, id)) {
				return false, s
			}
		}
		if !slices.Equal(s.order, out.order) {
			s = s.next(out.order)
		}
		return out.version == s.tag(), s
	case "replace 409 item_set_mismatch":
		return !s.has(in.order), s
	case "replace 409 item_limit_reached":
		return len(in.order) > max(Limit, len(s.order)), s
	case "list 200", "read 200":
		return slices.Equal(out.order, s.order) && out.version == s.tag(), s
	default:
		return false, s
	}
}

// has reports whether the list has all the ids that are not empty.
func (s listState) has(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return id != "" && !slices.Contains(s.order, id) })
}

func (s listState) tag() string { return fmt.Sprintf(`"%d"`, s.version) }

package races

import (
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// operation is one operation on the items of two specifications of a project.
type operation struct {
	kind string // create, place, move, delete, reorder, replace, list, read, counts
	// list is the specification that is meant, or the target of a move.
	list  int
	id    string
	place int      // -1 for the end
	order []string // with empty ids for the new items of a replacement
}

// result is the response: the code, and the position of one item, or the whole list, and
// the tag of the specification. Counts has both specifications in one response.
type result struct {
	code   string
	id     string
	place  int
	order  []string
	tag    string
	counts string
}

// listState is the state of a list in the model: the ordered ids, and the version of the
// specification.
type listState struct {
	order   []string
	version int
}

// pairState is the state of the model. A move changes both lists in one step.
type pairState [2]listState

func (s listState) next(order []string) listState { return listState{order, s.version + 1} }

// has reports whether the list has all the ids that are not empty.
func (s listState) has(ids []string) bool {
	return !slices.ContainsFunc(ids, func(id string) bool { return id != "" && !slices.Contains(s.order, id) })
}

func (s listState) tag() string { return fmt.Sprintf(`"%d"`, s.version) }

func (s listState) without(id string) []string {
	return slices.DeleteFunc(slices.Clone(s.order), func(other string) bool { return other == id })
}

// with returns the list with an item at a place, or false if there is no such place.
func with(list []string, id string, place int) ([]string, bool) {
	if place < 0 {
		place = len(list)
	}
	if place > len(list) {
		return nil, false
	}
	return slices.Insert(slices.Clone(list), place, id), true
}

// find returns the list of an item, or -1.
func (s pairState) find(id string) int {
	return slices.IndexFunc(s[:], func(l listState) bool { return slices.Contains(l.order, id) })
}

// set returns the state with another list.
func (s pairState) set(list int, now listState) pairState {
	s[list] = now
	return s
}

func (s pairState) counts() string {
	return fmt.Sprintf("%d items at %d, %d items at %d", len(s[0].order), s[0].version, len(s[1].order), s[1].version)
}

// model is two specifications as sequential lists.
func model(start pairState) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return start },
		Step: func(state, input, output any) (bool, any) {
			return step(state.(pairState), input.(operation), output.(result))
		},
		Equal: func(a, b any) bool {
			x, y := a.(pairState), b.(pairState)
			return x[0].version == y[0].version && x[1].version == y[1].version &&
				slices.Equal(x[0].order, y[0].order) && slices.Equal(x[1].order, y[1].order)
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
}

// step reports whether the lists allow the result, and returns their next state.
func step(s pairState, in operation, out result) (bool, pairState) {
	switch in.kind {
	case "place", "move", "delete":
		return stepItem(s, in, out)
	case "counts":
		return out.code == "200" && out.counts == s.counts(), s
	}
	ok, now := stepList(s[in.list], in, out)
	return ok, s.set(in.list, now)
}

// stepItem is step for an operation on an item that exists, in either list.
func stepItem(s pairState, in operation, out result) (bool, pairState) {
	at := s.find(in.id)
	if at < 0 {
		return out.code == "404 item_not_found", s
	}
	here := s[at]
	rest := here.without(in.id)
	if in.kind == "delete" {
		return out.code == "204", s.set(at, here.next(rest))
	}
	if in.kind == "place" || in.list == at { // within its list
		order, valid := with(rest, in.id, in.place)
		if in.kind == "move" && in.place < 0 {
			order, valid = here.order, true // it stays where it is
		}
		if !valid {
			return out.code == "422 validation_failed", s
		}
		if !slices.Equal(order, here.order) {
			s = s.set(at, here.next(order))
		}
		return out.code == "200" && out.place == slices.Index(order, in.id) && (out.tag == "" || out.tag == s[at].tag()), s
	}
	there := s[in.list]
	if len(there.order) >= Limit {
		return out.code == "409 item_limit_reached", s
	}
	order, valid := with(there.order, in.id, in.place)
	if !valid {
		return out.code == "422 validation_failed", s
	}
	s = s.set(at, here.next(rest)).set(in.list, there.next(order))
	return out.code == "200" && out.place == slices.Index(order, in.id) && out.tag == s[in.list].tag(), s
}

// stepList is step for an operation on one list.
func stepList(s listState, in operation, out result) (bool, listState) {
	sameItems := slices.Equal(slices.Sorted(slices.Values(s.order)), slices.Sorted(slices.Values(in.order)))
	switch in.kind + " " + out.code {
	case "create 201":
		order, valid := with(s.order, out.id, in.place)
		return valid && len(s.order) < Limit && out.place == slices.Index(order, out.id), s.next(order)
	case "create 409 item_limit_reached":
		return len(s.order) == Limit, s
	case "create 422 validation_failed":
		return in.place > len(s.order), s
	case "reorder 200":
		if !slices.Equal(s.order, in.order) {
			s = s.next(in.order)
		}
		return sameItems && slices.Equal(out.order, in.order) && out.tag == s.tag(), s
	case "reorder 409 item_set_mismatch":
		return !sameItems, s
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
		return out.tag == s.tag(), s
	case "replace 409 item_set_mismatch":
		return !s.has(in.order), s
	case "replace 409 item_limit_reached":
		return len(in.order) > max(Limit, len(s.order)), s
	case "list 200", "read 200":
		return slices.Equal(out.order, s.order) && out.tag == s.tag(), s
	default:
		return false, s
	}
}

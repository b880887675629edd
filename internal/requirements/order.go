package requirements

import (
	"slices"
	"strconv"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// The functions below decide about the order of a specification's items. An
// order is a list of ids, so it has no gaps and no doubles by construction.
// None of them changes the list it is given.

// inserted is the list with item at place at, at its end where at is nil.
func inserted(list []ItemID, item ItemID, at *int) ([]ItemID, error) {
	place := len(list)
	if at != nil {
		place = *at
	}
	if place < 0 || place > len(list) {
		return nil, misplaced(len(list))
	}
	return slices.Insert(slices.Clone(list), place, item), nil
}

// moved is the list with item, which is in it, at place at.
func moved(list []ItemID, item ItemID, at int) ([]ItemID, error) {
	if at < 0 || at >= len(list) {
		return nil, misplaced(len(list) - 1)
	}
	return slices.Insert(removed(list, item), at, item), nil
}

// removed is the list without item.
func removed(list []ItemID, item ItemID) []ItemID {
	return slices.DeleteFunc(slices.Clone(list), func(other ItemID) bool { return other == item })
}

// CheckOrder returns a violation for every id that is named a second time.
func CheckOrder(wanted []ItemID) []problem.FieldError {
	var faults []problem.FieldError
	seen := make(map[ItemID]bool, len(wanted))
	for n, item := range wanted {
		if seen[item] {
			faults = append(faults, problem.FieldError{
				Pointer: "/item_ids/" + strconv.Itoa(n), Code: "repeated", Detail: "This item is named before; each occurs once.",
			})
		}
		seen[item] = true
	}
	return faults
}

// rearranged is wanted if it names exactly the items of list, each once.
func rearranged(list, wanted []ItemID) ([]ItemID, error) {
	if len(list) != len(wanted) {
		return nil, problem.New(problem.ItemSetMismatch, "The new order names %d items; the specification has %d. Nothing was changed.", len(wanted), len(list))
	}
	has := make(map[ItemID]bool, len(list))
	for _, item := range list {
		has[item] = true
	}
	for _, item := range wanted {
		if !has[item] {
			return nil, problem.New(problem.ItemSetMismatch, "The new order names an item that the specification does not have. Nothing was changed.")
		}
		delete(has, item)
	}
	return wanted, nil
}

func misplaced(last int) error {
	return problem.Invalid([]problem.FieldError{{
		Pointer: "/order", Code: "out_of_range", Detail: "The place is between 0 and " + strconv.Itoa(last) + " here.",
	}})
}

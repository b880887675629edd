package requirements

import (
	"slices"
	"strconv"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// The functions below change the order of a specification's items. The order is
// a list of ids, so it has neither gaps nor duplicates by construction. No
// function modifies the list that it is given.

// inserted returns the list with the item at an index; nil is the end.
func inserted(list []ItemID, item ItemID, at *int) ([]ItemID, error) {
	index := len(list)
	if at != nil {
		index = *at
	}
	if index < 0 || index > len(list) {
		return nil, outOfRange(len(list))
	}
	return slices.Insert(slices.Clone(list), index, item), nil
}

// moved returns the list with one of its items moved to an index.
func moved(list []ItemID, item ItemID, at int) ([]ItemID, error) {
	if at < 0 || at >= len(list) {
		return nil, outOfRange(len(list) - 1)
	}
	return slices.Insert(removed(list, item), at, item), nil
}

// removed returns the list without the item.
func removed(list []ItemID, item ItemID) []ItemID {
	return slices.DeleteFunc(slices.Clone(list), func(other ItemID) bool { return other == item })
}

// CheckOrder returns a field error for each id that occurs a second time.
func CheckOrder(wanted []ItemID) []problem.FieldError {
	var errs []problem.FieldError
	seen := make(map[ItemID]bool, len(wanted))
	for n, item := range wanted {
		if seen[item] {
			errs = append(errs, repeatedItem("/item_ids/"+strconv.Itoa(n)))
		}
		seen[item] = true
	}
	return errs
}

func repeatedItem(pointer string) problem.FieldError {
	return problem.FieldError{Pointer: pointer, Code: "repeated", Detail: "This item occurs earlier in the list. List each item once."}
}

// rearranged returns wanted if it names exactly the items of list, each once.
func rearranged(list, wanted []ItemID) ([]ItemID, error) {
	if len(list) != len(wanted) {
		return nil, problem.New(problem.ItemSetMismatch, "The new order names %d items, but the specification has %d. Nothing was changed.", len(wanted), len(list))
	}
	missing := make(map[ItemID]bool, len(list))
	for _, item := range list {
		missing[item] = true
	}
	for _, item := range wanted {
		if !missing[item] {
			return nil, problem.New(problem.ItemSetMismatch, "The new order names an item that the specification does not have. Nothing was changed.")
		}
		delete(missing, item)
	}
	return wanted, nil
}

func outOfRange(last int) error {
	return problem.Invalid([]problem.FieldError{{
		Pointer: "/order", Code: "out_of_range", Detail: "The order must be between 0 and " + strconv.Itoa(last) + " here.",
	}})
}

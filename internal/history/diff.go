package history

import (
	"fmt"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// SpecificationDiff is the difference between two states of one specification.
type SpecificationDiff struct {
	// Title and Content are nil where the states have the same.
	Title, Content []Segment
	// Items are the items that differ, in the order of the second state. A removed item
	// comes where it was: behind the unmoved items that preceded it, and before what was
	// added or moved to that place. Items that are the same at the same place are left
	// out.
	Items []ItemDiff
}

// IsEmpty reports whether the states are the same.
func (d SpecificationDiff) IsEmpty() bool {
	return d.Title == nil && d.Content == nil && len(d.Items) == 0
}

// ItemDiff is the difference between two states of one item.
type ItemDiff struct {
	ItemID requirements.ItemID
	// Ref is the number of the specification and that of the item, such as "3.2".
	Ref    string
	Change DiffKind
	// FromOrder and ToOrder are the indexes in the two lists, from 0. They are nil where
	// the list does not have the item.
	FromOrder, ToOrder *int
	// Segments are the difference of the contents: one segment, unless the item is
	// changed.
	Segments []Segment
}

// DiffKind says what became of an item.
type DiffKind string

// An item whose text changed is changed, even if it moved as well. As few items as possible
// are moved; items that only make room for others are not.
const (
	DiffAdded   DiffKind = "added"
	DiffRemoved DiffKind = "removed"
	DiffChanged DiffKind = "changed"
	DiffMoved   DiffKind = "moved"
)

// DiffSpecifications compares two states of one specification. Items are the same if they
// have the same id. Texts beyond maxDiffBytes are replaced as a whole.
func DiffSpecifications(from, to requirements.ItemList) SpecificationDiff {
	budget := wordBudget(maxDiffBytes)
	return SpecificationDiff{
		Title:   budget.changed(from.Specification.Title, to.Specification.Title),
		Content: budget.changed(from.Specification.Content, to.Specification.Content),
		Items:   budget.diffItems(max(from.Specification.Number, to.Specification.Number), from.Items, to.Items),
	}
}

// maxDiffBytes is how many bytes of changed texts a diff compares by words. That is more
// than people read, and bounds the memory for the segments.
const maxDiffBytes = 1 << 20

// wordBudget is how many bytes may still be compared by words.
type wordBudget int

// segments returns the segments of two texts that differ: a replacement of the whole, if
// the budget does not suffice.
func (b *wordBudget) segments(from, to string) []Segment {
	size := wordBudget(len(from) + len(to))
	if size > *b {
		return appendSegment(appendSegment(nil, OpDelete, from), OpInsert, to)
	}
	*b -= size
	return Segments(from, to)
}

// changed returns the segments of two texts that differ, or nil.
func (b *wordBudget) changed(from, to string) []Segment {
	if from == to {
		return nil
	}
	return b.segments(from, to)
}

func (b *wordBudget) diffItems(specification int, from, to []requirements.Item) []ItemDiff {
	var diffs []ItemDiff
	add := func(item requirements.Item, kind DiffKind, fromOrder, toOrder *int, segments []Segment) {
		diffs = append(diffs, ItemDiff{item.ID, ref(specification, item.Number), kind, fromOrder, toOrder, segments})
	}
	kept := indexes(to)
	next := 0 // in from: all before it are done
	removeUntil := func(end int) {
		for ; next < end; next++ {
			if _, stays := kept[from[next].ID]; !stays {
				add(from[next], DiffRemoved, new(next), nil, appendSegment(nil, OpDelete, from[next].Content))
			}
		}
	}
	before, unmoved := indexes(from), unmovedItems(from, to)
	for n, end := range placesInFrom(before, unmoved, len(from), to) {
		removeUntil(end)
		item := to[n]
		at, known := before[item.ID]
		switch {
		case !known:
			add(item, DiffAdded, nil, new(n), appendSegment(nil, OpInsert, item.Content))
		case from[at].Content != item.Content:
			add(item, DiffChanged, new(at), new(n), b.segments(from[at].Content, item.Content))
		case !unmoved[item.ID]:
			add(item, DiffMoved, new(at), new(n), appendSegment(nil, OpEqual, item.Content))
		}
	}
	removeUntil(len(from))
	return diffs
}

// placesInFrom returns for each item of to the place in the first list that it stands
// before: that of the next unmoved item, itself included.
func placesInFrom(before map[requirements.ItemID]int, unmoved map[requirements.ItemID]bool, end int, to []requirements.Item) []int {
	places := make([]int, len(to))
	for n := len(to) - 1; n >= 0; n-- {
		if id := to[n].ID; unmoved[id] {
			end = before[id]
		}
		places[n] = end
	}
	return places
}

// unmovedItems returns a largest set of items that both lists have in the same order.
func unmovedItems(from, to []requirements.Item) map[requirements.ItemID]bool {
	before := indexes(from)
	var common []requirements.ItemID
	var places []int
	for _, item := range to {
		if at, known := before[item.ID]; known {
			common = append(common, item.ID)
			places = append(places, at)
		}
	}
	unmoved := make(map[requirements.ItemID]bool, len(common))
	for _, n := range longestIncreasing(places) {
		unmoved[common[n]] = true
	}
	return unmoved
}

func indexes(items []requirements.Item) map[requirements.ItemID]int {
	index := make(map[requirements.ItemID]int, len(items))
	for n, item := range items {
		index[item.ID] = n
	}
	return index
}

// ref is the name by which people cite an item.
func ref(specification, item int) string { return fmt.Sprintf("%d.%d", specification, item) }

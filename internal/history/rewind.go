package history

import (
	"slices"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// State is a specification with its items at one revision.
type State struct { //nolint:recvcheck // undo changes a copy that Rewind has made
	requirements.ItemList
	// Exists is false before the specification was created.
	Exists bool
}

// StateOf returns the present state.
func StateOf(list requirements.ItemList) State { return State{ItemList: list, Exists: true} }

// Live reports whether the specification existed and was not in the trash.
func (s State) Live() bool {
	return s.Exists && s.Specification.DeletedAt == nil && !s.Specification.ProjectTrashed
}

// Rewind returns the state before the changes: all changes of the specification after
// some revision, the newest first. It does not modify its arguments. The error is
// HistoryExpired if the old values of one were erased, unless the specification did not
// exist before the changes.
func Rewind(now State, changes []Change) (State, error) {
	now.Items = slices.Clone(now.Items)
	created := len(changes) > 0 && changes[len(changes)-1].Kind == SpecificationCreated
	for _, c := range changes {
		if c.Erased && !created {
			return State{}, errExpired()
		}
		now.undo(c)
	}
	now.Specification.Items = make([]requirements.ItemID, len(now.Items))
	for n := range now.Items {
		now.Items[n].Order, now.Items[n].SpecificationNumber = n, now.Specification.Number
		now.Specification.Items[n] = now.Items[n].ID
	}
	return now, nil
}

// undo takes back one change.
func (s *State) undo(c Change) {
	s.Specification.Version = c.SpecificationVersion - 1
	switch c.Kind {
	case SpecificationCreated:
		s.Exists = false
	case SpecificationChanged:
		set(&s.Specification.Title, c.Old.Title)
		set(&s.Specification.Content, c.Old.Content)
		s.Specification.UpdatedAt = c.Old.UpdatedAt
	case SpecificationTrashed, SpecificationRestored:
		s.Specification.DeletedAt, s.Specification.UpdatedAt = c.Old.DeletedAt, c.Old.UpdatedAt
	case ItemsReordered:
		s.Items, s.Specification.UpdatedAt = inOrder(s.Items, c.Old.Items), c.Old.UpdatedAt
	case ItemCreated, ItemChanged, ItemMoved, ItemDeleted, ItemRestored:
		s.Specification.UpdatedAt = c.Old.SpecificationUpdatedAt
		s.undoItem(c)
	case ProjectCreated, ProjectChanged, ProjectTrashed, ProjectRestored: // of no specification
	}
}

// undoItem takes back a change of an item.
func (s *State) undoItem(c Change) {
	if c.leaves() {
		s.Items = insert(s.Items, *c.Old.Place, s.left(c))
		return
	}
	at := slices.IndexFunc(s.Items, func(i requirements.Item) bool { return i.ID == c.Item })
	if at < 0 {
		return // undone alone, after the item has left
	}
	if c.enters() {
		s.Items = slices.Delete(s.Items, at, at+1)
		return
	}
	item := s.Items[at]
	item.Version, item.UpdatedAt = c.ItemVersion-1, c.Old.UpdatedAt
	set(&item.Content, c.Old.Content)
	s.Items[at] = item
	if c.Old.Place != nil {
		s.Items = insert(slices.Delete(s.Items, at, at+1), *c.Old.Place, item)
	}
}

// left returns the item that a change took off the list.
func (s *State) left(c Change) requirements.Item {
	item := requirements.Item{
		ID: c.Item, Specification: c.Specification, Owner: s.Specification.Owner, Number: c.ItemNumber,
		Version: c.ItemVersion, CreatedAt: c.Old.CreatedAt, UpdatedAt: c.Old.UpdatedAt,
	}
	set(&item.Content, c.Old.Content)
	return item
}

// set sets *to to the value, if there is one.
func set(to, value *string) {
	if value != nil {
		*to = *value
	}
}

// insert returns the list with the item at an index, or at the end if the list is shorter.
func insert(list []requirements.Item, at int, item requirements.Item) []requirements.Item {
	return slices.Insert(list, min(at, len(list)), item)
}

// inOrder returns the items in an order of their ids. Others come behind.
func inOrder(items []requirements.Item, order []requirements.ItemID) []requirements.Item {
	place := make(map[requirements.ItemID]int, len(order))
	for n, item := range order {
		place[item] = n
	}
	at := func(i requirements.Item) int {
		if n, ok := place[i.ID]; ok {
			return n
		}
		return len(order)
	}
	slices.SortStableFunc(items, func(a, b requirements.Item) int { return at(a) - at(b) })
	return items
}

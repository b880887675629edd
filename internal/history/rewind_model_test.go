package history

import (
	"slices"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// decisions are bytes that decide what a model does; 0 after their end.
type decisions []byte

func (d *decisions) below(n int) int {
	if len(*d) == 0 {
		return 0
	}
	next := int((*d)[0])
	*d = (*d)[1:]
	return next % n
}

func (d *decisions) text() string {
	return []string{"", "a", "b", "# c\n\n- d", "Ünïcödé 👩‍👩‍👧", strings.Repeat("long ", 9)}[d.below(6)]
}

// forward is a specification that changes forward, as statements and triggers of the
// database change it, and records the changes that the triggers write.
type forward struct {
	decide  decisions
	now     State
	at      time.Time
	changes []Change // the oldest first
	states  []State  // by revision
	// gone are the items that were deleted, with the versions that they had.
	gone []requirements.Item
}

// newForward is the model before revision 1, which creates the specification.
func newForward(decide []byte) *forward {
	f := &forward{decide: decide, at: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)}
	f.now.Specification = requirements.Specification{
		ID: id.New[requirements.Specification](), Project: id.New[requirements.Project](), Owner: id.New[auth.User](), Number: 3,
		Title: "t", Content: "c", NextItemNumber: 1, CreatedAt: f.at, UpdatedAt: f.at, Items: []requirements.ItemID{},
	}
	f.states = []State{f.now}
	f.revise(func() {
		f.now.Exists = true
		f.record(Change{Kind: SpecificationCreated})
		for range f.decide.below(4) {
			f.enter(ItemCreated, f.newItem())
		}
	})
	return f
}

// revise makes one revision of some changes, at the next time. Sometimes the clock stands.
func (f *forward) revise(change func()) {
	f.at = f.at.Add(time.Duration(f.decide.below(3)) * time.Minute)
	before := len(f.changes)
	f.now.Items = slices.Clone(f.now.Items)
	f.now.Specification.Version++
	change()
	if len(f.changes) == before { // nothing has changed
		f.now.Specification.Version--
		return
	}
	s := &f.now.Specification
	s.Items = make([]requirements.ItemID, len(f.now.Items))
	for n := range f.now.Items {
		f.now.Items[n].Order, f.now.Items[n].SpecificationNumber = n, s.Number
		s.Items[n] = f.now.Items[n].ID
	}
	f.states = append(f.states, f.now)
}

func (f *forward) record(c Change) {
	c.Project, c.Specification, c.SpecificationVersion = f.now.Specification.Project, f.now.Specification.ID, f.now.Specification.Version
	c.Revision, c.Number, c.At = int64(len(f.states)), int64(len(f.changes)+1), f.at
	f.changes = append(f.changes, c)
}

// touch sets the time of the specification, and returns the one before.
func (f *forward) touch() time.Time {
	before := f.now.Specification.UpdatedAt
	if f.at.After(before) {
		f.now.Specification.UpdatedAt = f.at
	}
	return before
}

// run makes revisions until the decisions end. A revision has one to three statements.
func (f *forward) run() {
	for len(f.decide) > 0 {
		f.revise(func() {
			for range 1 + f.decide.below(3) {
				f.statement()
			}
		})
	}
}

func (f *forward) statement() {
	items := f.now.Items
	switch kind := f.decide.below(9); {
	case kind == 0 || kind <= 3 && len(items) == 0:
		f.enter(ItemCreated, f.newItem())
	case kind == 1:
		f.changeItem(f.decide.below(len(items)))
	case kind == 2:
		f.leave(ItemDeleted, f.decide.below(len(items)))
	case kind == 3:
		f.leave(ItemMoved, f.decide.below(len(items)))
	case kind == 4:
		f.bringBack()
	case kind == 5: // from another specification
		item := f.newItem()
		item.Version, item.CreatedAt = int64(2+f.decide.below(5)), item.CreatedAt.Add(-time.Hour)
		f.enter(ItemMoved, item)
	default:
		f.changeSpecification(kind == 6, kind == 7, kind == 8 || f.decide.below(4) == 0)
	}
}

// changeSpecification is one UPDATE of a specification, which records up to three changes.
func (f *forward) changeSpecification(texts, order, trash bool) {
	old, before := f.now, f.touch()
	if texts {
		f.now.Specification.Title, f.now.Specification.Content = f.decide.text(), f.decide.text()
		change := Change{Kind: SpecificationChanged, Old: Old{UpdatedAt: before}}
		if f.now.Specification.Title != old.Specification.Title {
			change.Old.Title = &old.Specification.Title
		}
		if f.now.Specification.Content != old.Specification.Content {
			change.Old.Content = &old.Specification.Content
		}
		if change.Old.Title != nil || change.Old.Content != nil {
			f.record(change)
		}
	}
	if order {
		f.now.Items = slices.Clone(old.Items)
		for n := range f.now.Items {
			other := f.decide.below(n + 1)
			f.now.Items[n], f.now.Items[other] = f.now.Items[other], f.now.Items[n]
		}
		if ids := idsOf(old.Items); !slices.Equal(ids, idsOf(f.now.Items)) {
			f.record(Change{Kind: ItemsReordered, Old: Old{Items: ids, UpdatedAt: before}})
		}
	}
	if trash {
		kind := SpecificationRestored
		if f.now.Specification.DeletedAt = nil; old.Specification.DeletedAt == nil {
			kind, f.now.Specification.DeletedAt = SpecificationTrashed, new(f.at)
		}
		f.record(Change{Kind: kind, Old: Old{DeletedAt: old.Specification.DeletedAt, UpdatedAt: before}})
	}
	if len(f.changes) == 0 || f.changes[len(f.changes)-1].Revision != int64(len(f.states)) {
		f.now.Specification.UpdatedAt = before // the statement has no effect
	}
}

func idsOf(items []requirements.Item) []requirements.ItemID {
	ids := make([]requirements.ItemID, len(items))
	for n, item := range items {
		ids[n] = item.ID
	}
	return ids
}

func (f *forward) newItem() requirements.Item {
	s := &f.now.Specification
	s.NextItemNumber++
	return requirements.Item{
		ID: id.New[requirements.Item](), Specification: s.ID, Owner: s.Owner, Number: s.NextItemNumber - 1,
		Content: f.decide.text(), Version: 1, CreatedAt: f.at, UpdatedAt: f.at,
	}
}

// enter puts an item on the list, at a place or the end.
func (f *forward) enter(kind Kind, item requirements.Item) {
	f.record(Change{Kind: kind, Item: item.ID, ItemNumber: item.Number, ItemVersion: item.Version, Old: Old{SpecificationUpdatedAt: f.touch()}})
	f.now.Items = slices.Insert(f.now.Items, f.decide.below(len(f.now.Items)+1), item)
}

// bringBack restores a deleted item: its versions go on.
func (f *forward) bringBack() {
	if len(f.gone) == 0 {
		return
	}
	n := f.decide.below(len(f.gone))
	item := f.gone[n]
	f.gone = slices.Delete(f.gone, n, n+1)
	item.Version++
	item.Content, item.UpdatedAt = f.decide.text(), f.at
	f.enter(ItemRestored, item)
}

// leave takes an item off the list: a deletion, or a move to another specification.
func (f *forward) leave(kind Kind, at int) {
	item := f.now.Items[at]
	f.record(Change{Kind: kind, Item: item.ID, ItemNumber: item.Number, ItemVersion: item.Version, Old: Old{
		Content: &item.Content, Place: &at, CreatedAt: item.CreatedAt, UpdatedAt: item.UpdatedAt, SpecificationUpdatedAt: f.touch(),
	}})
	f.now.Items = slices.Delete(f.now.Items, at, at+1)
	if kind == ItemDeleted {
		f.gone = append(f.gone, item)
	}
}

// changeItem changes the text of an item, its place, or both. A statement that changes
// nothing has no effect.
func (f *forward) changeItem(at int) {
	old, to := f.now.Items[at], f.decide.below(len(f.now.Items))
	item := old
	item.Content = f.decide.text()
	change := Change{Kind: ItemMoved, Item: item.ID, ItemNumber: item.Number, ItemVersion: item.Version + 1, Old: Old{UpdatedAt: old.UpdatedAt}}
	if item.Content != old.Content {
		change.Kind, change.Old.Content = ItemChanged, &old.Content
	}
	if to != at {
		change.Old.Place = &at
	}
	if item.Content == old.Content && to == at {
		return
	}
	item.Version++
	if f.at.After(item.UpdatedAt) {
		item.UpdatedAt = f.at
	}
	change.Old.SpecificationUpdatedAt = f.touch()
	f.record(change)
	f.now.Items = slices.Insert(slices.Delete(f.now.Items, at, at+1), to, item)
}

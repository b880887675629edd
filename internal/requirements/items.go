package requirements

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// ItemID identifies an item.
type ItemID = id.Of[Item]

// Item is one bullet of a specification. The JSON names are those of saved
// responses (see [IdempotentRequest]) and never change.
type Item struct {
	ID            ItemID          `json:"ID"`
	Specification SpecificationID `json:"Specification"`
	Owner         auth.UserID     `json:"Owner"`
	// SpecificationNumber is the number of the specification. It is 0 in responses that an
	// older release has saved.
	SpecificationNumber int `json:"SpecificationNumber"`
	// Number counts from 1 within the specification and is never reused.
	Number  int    `json:"Number"`
	Content string `json:"Content"`
	// Order is the index of the item in the specification's list, from 0.
	Order int `json:"Order"`
	// Version counts the states of the item itself from 1. It stays the same when
	// other items are inserted before it.
	Version   int64     `json:"Version"`
	CreatedAt time.Time `json:"CreatedAt"`
	UpdatedAt time.Time `json:"UpdatedAt"`
}

var itemContent = textRule{min: 1, max: 10_000}

// NewItem is the validated input for a whole item. Only the specification can
// check the index.
type NewItem struct {
	content string
	order   *int
}

// ParseNewItem validates a content. An order of nil is the end of the list for a
// new item, and the present index for an item that is replaced. It returns all
// field errors.
func ParseNewItem(content string, order *int) (NewItem, []problem.FieldError) {
	var errs []problem.FieldError
	return NewItem{content: itemContent.parse("/content", content, &errs), order: order}, errs
}

// patch returns the patch that sets every field.
func (n NewItem) patch() ItemPatch { return ItemPatch{content: &n.content, order: n.order} }

// ItemPatch is a validated change of an item. A nil field stays as it is.
type ItemPatch struct {
	content *string
	order   *int
}

// ParseItemPatch validates the fields that are present. It returns all field
// errors.
func ParseItemPatch(content *string, order *int) (ItemPatch, []problem.FieldError) {
	var errs []problem.FieldError
	return ItemPatch{content: itemContent.parseOptional("/content", content, &errs), order: order}, errs
}

// checkItemChange returns nil if a caller with this precondition may change an
// item of the specification. A request moves the item if it names an index, even
// the present one.
func (s Specification) checkItemChange(item Item, condition Precondition, moves bool) error {
	if err := checkItemLive(s.checkLive() != nil); err != nil {
		return err
	}
	return condition.checkMove(item.Tag(), moves, item)
}

// checkItemLive returns ItemNotFound for an item whose specification or project
// is in the trash.
func checkItemLive(trashed bool) error {
	if trashed {
		return problem.NotFound(problem.ItemNotFound)
	}
	return nil
}

// addItem returns the specification with a new item, and that item.
func (s Specification) addItem(item ItemID, n NewItem, condition Precondition, limit int, at time.Time) (Specification, Item, error) {
	if err := s.CheckChange(condition); err != nil {
		return s, Item{}, err
	}
	if len(s.Items) >= limit {
		return s, Item{}, problem.New(problem.ItemLimit, "A specification can have at most %d items; this one has %d.", limit, len(s.Items))
	}
	list, err := inserted(s.Items, item, n.order)
	if err != nil {
		return s, Item{}, err
	}
	added := Item{
		ID: item, Specification: s.ID, SpecificationNumber: s.Number, Owner: s.Owner, Number: s.NextItemNumber, Order: slices.Index(list, item),
		Content: n.content, Version: 1, CreatedAt: at, UpdatedAt: at,
	}
	s.Items = list
	s.NextItemNumber++
	return s.WithUpdatedAt(at), added, nil
}

// patchItem returns the specification and its item with the patch applied, and
// whether they changed.
func (s Specification) patchItem(item Item, patch ItemPatch, condition Precondition, at time.Time) (Specification, Item, bool, error) {
	if err := s.checkItemChange(item, condition, patch.order != nil); err != nil {
		return s, item, false, err
	}
	next := item
	if patch.content != nil {
		next.Content = *patch.content
	}
	if patch.order != nil {
		list, err := moved(s.Items, item.ID, *patch.order)
		if err != nil {
			return s, item, false, err
		}
		s.Items, next.Order = list, *patch.order
	}
	if next == item {
		return s, item, false, nil
	}
	next.Version++
	next.UpdatedAt = later(next.UpdatedAt, at)
	return s.WithUpdatedAt(at), next, true, nil
}

// removeItem returns the specification without the item.
func (s Specification) removeItem(item Item, condition Precondition, at time.Time) (Specification, error) {
	if err := s.checkItemChange(item, condition, false); err != nil {
		return s, err
	}
	s.Items = removed(s.Items, item.ID)
	return s.WithUpdatedAt(at), nil
}

// ItemList is a specification with its items in their order.
type ItemList struct {
	Specification Specification
	Items         []Item
}

// reorder returns the specification with its items in another order, and whether
// that differs. It returns ItemSetMismatch unless wanted names exactly the items
// of the specification. Its errors carry the specification with these items.
func (s Specification) reorder(items []Item, wanted []ItemID, condition Precondition, at time.Time) (Specification, bool, error) {
	if err := s.checkLive(); err != nil {
		return s, false, err
	}
	current := ItemList{s, s.Sorted(items)}
	if err := condition.check(s.Tag(), current); err != nil {
		return s, false, err
	}
	list, err := rearranged(s.Items, wanted)
	if mismatch, ok := errors.AsType[*problem.Error](err); ok {
		mismatch.Current = current
		return s, false, mismatch
	}
	if slices.Equal(list, s.Items) {
		return s, false, nil
	}
	s.Items = list
	return s.WithUpdatedAt(at), true, nil
}

// Ref is the reference of an item, which is cited in code, commits and tests: the number
// of its specification and its own. It is never reused.
type Ref struct{ Specification, Item int }

// Ref returns the reference of the item.
func (i Item) Ref() Ref { return Ref{i.SpecificationNumber, i.Number} }

// AppendText appends both numbers with a dot between them.
func (r Ref) AppendText(b []byte) ([]byte, error) {
	b = strconv.AppendInt(b, int64(r.Specification), 10)
	return strconv.AppendInt(append(b, '.'), int64(r.Item), 10), nil
}

// WithOrder returns the item with what the specification knows of it: its index in the
// list, and the number of the specification.
func (s Specification) WithOrder(item Item) Item {
	item.Order, item.SpecificationNumber = slices.Index(s.Items, item.ID), s.Number
	return item
}

// Sorted sets what [Specification.WithOrder] sets, and sorts the items by their index.
func (s Specification) Sorted(items []Item) []Item {
	index := make(map[ItemID]int, len(s.Items))
	for n, item := range s.Items {
		index[item] = n
	}
	for n := range items {
		items[n].Order, items[n].SpecificationNumber = index[items[n].ID], s.Number
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Order, b.Order) })
	return items
}

// CreateItem adds an item to a specification, or returns ItemLimit. The condition is
// about the specification. CreateItem also returns the specification as it is then;
// an empty one for a replayed response.
func (s *Service) CreateItem(ctx context.Context, actor auth.Actor, spec SpecificationID, request IdempotentRequest, condition Precondition, n NewItem) (parent Specification, _ Created[Item], err error) {
	item := id.New[Item]()
	versions, decide := condition.versions(plain, false)
	created, err := create(ctx, s.store, actor, request, Item{}, func(tx Tx) (created Item, at time.Time, err error) {
		err = guarded(Guard{versions, request.Key == ""}, decide, func(g Guard) (Write, bool, error) {
			before, w, err := tx.AddItem(ctx, spec, ItemInsert{g, item, n.content, n.order, s.limits.ItemsPerSpecification})
			if err == nil {
				parent, created, err = before.addItem(item, n, condition, s.limits.ItemsPerSpecification, w.At)
			}
			at = w.At
			return w, true, err
		})
		return created, at, err
	})
	if !created.Replayed {
		return parent, created, err
	}
	if err == nil && created.Value.SpecificationNumber == 0 { // saved by an older release
		parent, err = s.store.Specification(ctx, actor, spec)
		created.Value.SpecificationNumber = parent.Number
	}
	return Specification{}, created, err
}

// Items returns a live specification and its items in their order.
func (s *Service) Items(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, []Item, error) {
	parent, items, err := s.store.Items(ctx, actor, spec)
	if err != nil {
		return Specification{}, nil, err
	}
	if err := parent.checkLive(); err != nil {
		return Specification{}, nil, err
	}
	return parent, parent.Sorted(items), nil
}

// Item returns an item of a live specification.
func (s *Service) Item(ctx context.Context, actor auth.Actor, item ItemID) (Item, error) {
	found, trashed, err := s.store.Item(ctx, actor, item)
	if err != nil {
		return Item{}, err
	}
	return found, checkItemLive(trashed)
}

// ReplaceItem sets every field that a caller can set. Like PatchItem it returns the
// specification of the item, too.
func (s *Service) ReplaceItem(ctx context.Context, actor auth.Actor, item ItemID, condition Precondition, n NewItem) (Specification, Item, error) {
	return s.PatchItem(ctx, actor, item, condition, n.patch())
}

// PatchItem applies a patch; a new index moves the item. The version stays the
// same if the patch changes nothing. It returns the specification as it is then, and
// the item.
func (s *Service) PatchItem(ctx context.Context, actor auth.Actor, item ItemID, condition Precondition, patch ItemPatch) (parent Specification, now Item, err error) {
	versions, decide := condition.versions(itemKind, patch.order != nil)
	err = s.changeItem(ctx, actor, func(tx Tx) error {
		return guarded(Guard{versions, true}, decide, func(g Guard) (Write, bool, error) {
			locked, before, w, err := tx.ChangeItem(ctx, item, ItemChange{g, patch.content, patch.order})
			if err != nil {
				return w, false, err
			}
			var changed bool
			parent, now, changed, err = locked.patchItem(before, patch, condition, w.At)
			return w, changed, err
		})
	})
	return parent, now, err
}

// DeleteItem removes an item permanently and closes the gap in the list. It returns
// the specification as it is then.
func (s *Service) DeleteItem(ctx context.Context, actor auth.Actor, item ItemID, condition Precondition) (parent Specification, err error) {
	versions, decide := condition.versions(itemKind, false)
	err = s.changeItem(ctx, actor, func(tx Tx) error {
		return guarded(Guard{versions, true}, decide, func(g Guard) (Write, bool, error) {
			locked, before, w, err := tx.RemoveItem(ctx, item, g)
			if err == nil {
				parent, err = locked.removeItem(before, condition, w.At)
			}
			return w, true, err
		})
	})
	return parent, err
}

// ReorderItems puts all items of a specification into a new order at once, or
// returns ItemSetMismatch.
func (s *Service) ReorderItems(ctx context.Context, actor auth.Actor, spec SpecificationID, condition Precondition, wanted []ItemID) (now Specification, items []Item, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		before, locked, at, err := tx.LockSpecificationItems(ctx, spec)
		if err != nil {
			return err
		}
		items = locked
		var changed bool
		if now, changed, err = before.reorder(locked, wanted, condition, at); err != nil || !changed {
			return err
		}
		return tx.UpdateItemList(ctx, now)
	})
	return now, now.Sorted(items), err
}

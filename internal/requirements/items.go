package requirements

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// ItemID identifies an item.
type ItemID = id.Of[Item]

// Item is one point of a specification.
type Item struct {
	ID            ItemID
	Specification SpecificationID
	Owner         auth.UserID
	// Number counts from 1 within the specification and is never given twice.
	Number  int
	Content string
	// Order is the item's place in the specification's list, from 0.
	Order int
	// Version counts the states of the item itself from 1; that others were put
	// before it is no state of its own.
	Version              int64
	CreatedAt, UpdatedAt time.Time
}

var itemContent = text{min: 1, max: 5000}

// ItemDraft is what a caller may say about an item, checked but for the place,
// which only the specification can judge.
type ItemDraft struct {
	content *string
	order   *int
}

// NewItemDraft checks what is given of a content and a place. It returns every
// violation it finds.
func NewItemDraft(content *string, order *int) (ItemDraft, []problem.FieldError) {
	var faults []problem.FieldError
	return ItemDraft{content: itemContent.parseGiven("/content", content, &faults), order: order}, faults
}

// newItem is the specification with its next item at the end or at the place of
// the draft, and that item.
func (s Specification) newItem(draft ItemDraft, limit int, at time.Time) (Specification, Item, error) {
	if len(s.Items) >= limit {
		return s, Item{}, problem.New(problem.ItemLimit, "A specification holds at most %d items; this one has %d.", limit, len(s.Items))
	}
	item := Item{
		ID: id.New[Item](), Specification: s.ID, Owner: s.Owner, Number: s.NextItemNumber,
		Content: *draft.content, Version: 1, CreatedAt: at, UpdatedAt: at,
	}
	list, err := inserted(s.Items, item.ID, draft.order)
	s.Items, item.Order = list, slices.Index(list, item.ID)
	s.NextItemNumber++
	return s.touched(at), item, err
}

// changedItem is the specification and its item after the draft, and whether
// anything differs.
func (s Specification) changedItem(item Item, draft ItemDraft, at time.Time) (Specification, Item, bool, error) {
	next := item
	if draft.content != nil {
		next.Content = *draft.content
	}
	if draft.order != nil {
		list, err := moved(s.Items, item.ID, *draft.order)
		if err != nil {
			return s, item, false, err
		}
		s.Items, next.Order = list, *draft.order
	}
	if next == item {
		return s, item, false, nil
	}
	next.Version++
	if at.After(next.UpdatedAt) {
		next.UpdatedAt = at
	}
	return s.touched(at), next, true, nil
}

// liveItem is nil unless the item's specification or project is in the trash.
func (s Specification) liveItem() error {
	if s.live() != nil {
		return problem.NotFound(problem.ItemNotFound)
	}
	return nil
}

// CreateItem adds an item. At the limit it is ItemLimit.
func (s *Service) CreateItem(ctx context.Context, actor auth.Actor, spec SpecificationID, once IdempotentRequest, draft ItemDraft) (Created[Item], error) {
	return create(ctx, s.store, actor, once, func(tx Tx) (made Item, at time.Time, err error) {
		parent, at, err := tx.LockSpecification(ctx, spec)
		if err := cmp.Or(err, parent.live()); err != nil {
			return made, at, err
		}
		if parent, made, err = parent.newItem(draft, s.limits.ItemsPerSpecification, at); err != nil {
			return made, at, err
		}
		return made, at, errors.Join(tx.InsertItem(ctx, made), tx.UpdateItemList(ctx, parent))
	})
}

// Items returns a live specification and its items in their order.
func (s *Service) Items(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, []Item, error) {
	parent, items, err := s.store.Items(ctx, actor, spec)
	if err := cmp.Or(err, parent.live()); err != nil {
		return Specification{}, nil, err
	}
	return parent, parent.Ordered(items), nil
}

// Placed is the item with its place in the specification's list.
func (s Specification) Placed(item Item) Item {
	item.Order = slices.Index(s.Items, item.ID)
	return item
}

// Ordered gives each item its place in the specification's list, and sorts by
// it.
func (s Specification) Ordered(items []Item) []Item {
	place := make(map[ItemID]int, len(s.Items))
	for n, item := range s.Items {
		place[item] = n
	}
	for n := range items {
		items[n].Order = place[items[n].ID]
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Order, b.Order) })
	return items
}

// Item returns an item of a live specification.
func (s *Service) Item(ctx context.Context, actor auth.Actor, item ItemID) (Item, error) {
	found, trashed, err := s.store.Item(ctx, actor, item)
	if err == nil && trashed {
		err = problem.NotFound(problem.ItemNotFound)
	}
	return found, err
}

// ChangeItem sets what the draft names; a new place moves the item. A change of
// nothing leaves the version alone.
func (s *Service) ChangeItem(ctx context.Context, actor auth.Actor, item ItemID, match Precondition, draft ItemDraft) (now Item, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		parent, before, at, err := tx.LockItem(ctx, item)
		if err := cmp.Or(err, parent.liveItem(), match.check(before.Version, before)); err != nil {
			return err
		}
		var changed bool
		if parent, now, changed, err = parent.changedItem(before, draft, at); err != nil || !changed {
			return err
		}
		return errors.Join(tx.UpdateItem(ctx, now), tx.UpdateItemList(ctx, parent))
	})
	return now, err
}

// DeleteItem removes an item for good and closes the gap.
func (s *Service) DeleteItem(ctx context.Context, actor auth.Actor, item ItemID, match Precondition) error {
	return s.store.InTx(ctx, actor, func(tx Tx) error {
		parent, before, at, err := tx.LockItem(ctx, item)
		if err := cmp.Or(err, parent.liveItem(), match.check(before.Version, before)); err != nil {
			return err
		}
		parent.Items = removed(parent.Items, item)
		return errors.Join(tx.DeleteItem(ctx, before), tx.UpdateItemList(ctx, parent.touched(at)))
	})
}

// ReorderItems puts all items of a specification into a new order at once, else
// it is ItemSetMismatch.
func (s *Service) ReorderItems(ctx context.Context, actor auth.Actor, spec SpecificationID, match Precondition, wanted []ItemID) (now Specification, items []Item, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		before, held, at, err := tx.LockSpecificationItems(ctx, spec)
		if err := cmp.Or(err, before.live(), match.check(before.Version, before)); err != nil {
			return err
		}
		list, err := rearranged(before.Items, wanted)
		if err != nil {
			return err
		}
		now, items = before, held
		if slices.Equal(list, before.Items) {
			return nil
		}
		now.Items = list
		now = now.touched(at)
		return tx.UpdateItemList(ctx, now)
	})
	return now, now.Ordered(items), err
}

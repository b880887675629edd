package requirements

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// ItemEntry is the validated input for one item of a whole list.
type ItemEntry struct {
	// item is an item of the specification; nil is a new one.
	item    *ItemID
	content string
}

// ParseItemEntry validates the entry at an index of the list. It returns all field errors.
func ParseItemEntry(index int, item *ItemID, content string) (ItemEntry, []problem.FieldError) {
	var errs []problem.FieldError
	return ItemEntry{item, itemContent.parse(itemContentAt(index), content, &errs)}, errs
}

// itemContentAt is the pointer of the content of an item in a list.
func itemContentAt(index int) string { return "/items/" + strconv.Itoa(index) + "/content" }

// CheckItemEntries returns a field error for each item that occurs a second time.
func CheckItemEntries(entries []ItemEntry) []problem.FieldError {
	var errs []problem.FieldError
	seen := make(map[ItemID]bool, len(entries))
	for n, e := range entries {
		if e.item == nil {
			continue
		}
		if seen[*e.item] {
			errs = append(errs, repeatedItem("/items/"+strconv.Itoa(n)+"/id"))
		}
		seen[*e.item] = true
	}
	return errs
}

// checkReplacement returns nil if the list of the specification may be replaced by the
// entries. Its errors carry the specification with its items.
func (l ItemList) checkReplacement(entries []ItemEntry, condition Precondition, limit int) error {
	if err := l.Specification.checkLive(); err != nil {
		return err
	}
	if err := condition.check(l.Specification.Tag(), l); err != nil {
		return err
	}
	for _, e := range entries {
		if e.item != nil && !slices.Contains(l.Specification.Items, *e.item) {
			err := problem.New(problem.ItemSetMismatch, "The list names an item that the specification does not have. Nothing was changed.")
			err.Current = l
			return err
		}
	}
	if len(entries) > max(limit, len(l.Items)) {
		return itemLimitReached(limit, len(entries))
	}
	return nil
}

// replacement returns the specification with the list that the entries describe, and what
// turns the present list into it. An entry without an item is a new one, with the next
// number and an id of newIDs. An item without an entry is deleted.
func (l ItemList) replacement(entries []ItemEntry, newIDs []ItemID, at time.Time) (ItemList, ItemListChange) {
	s, old := l.Specification, make(map[ItemID]Item, len(l.Items))
	for _, item := range l.Items {
		old[item.ID] = item
	}
	next := ItemList{Items: make([]Item, len(entries))}
	s.Items = make([]ItemID, len(entries))
	for n, e := range entries {
		item := Item{
			ID: newIDs[n], Specification: s.ID, SpecificationNumber: s.Number, Owner: s.Owner, Number: s.NextItemNumber, Content: e.content,
			Version: 1, CreatedAt: at, UpdatedAt: at,
		}
		switch {
		case e.item == nil:
			s.NextItemNumber++
		case old[*e.item].Content == e.content:
			item = old[*e.item]
		default:
			item = old[*e.item]
			item.Content, item.Version, item.UpdatedAt = e.content, item.Version+1, later(item.UpdatedAt, at)
		}
		item.Order = n
		next.Items[n], s.Items[n] = item, item.ID
	}
	change := ItemListChangeOf(l.Items, next.Items)
	if change.IsZero() {
		return l, change
	}
	next.Specification = s.WithUpdatedAt(at)
	return next, change
}

// ReplaceItems makes the items of a specification those of the entries, in their order.
// It returns ItemSetMismatch for an entry of another item, and ItemLimit.
func (s *Service) ReplaceItems(ctx context.Context, actor auth.Actor, spec SpecificationID, condition Precondition, entries []ItemEntry) (now ItemList, err error) {
	newIDs := newItemIDs(len(entries))
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		locked, items, at, err := tx.LockSpecificationItems(ctx, spec)
		if err != nil {
			return err
		}
		now = ItemList{locked, locked.Sorted(items)}
		if err := now.checkReplacement(entries, condition, s.limits.ItemsPerSpecification); err != nil {
			return err
		}
		var change ItemListChange
		if now, change = now.replacement(entries, newIDs, at); change.IsZero() {
			return nil
		}
		return tx.RewriteItems(ctx, now.Specification, change, at)
	})
	return now, err
}

func itemLimitReached(limit, wanted int) error {
	return problem.New(problem.ItemLimit, "A specification can have at most %d items; the list has %d.", limit, wanted)
}

// newItemIDs returns n new ids.
func newItemIDs(n int) []ItemID {
	ids := make([]ItemID, n)
	for k := range ids {
		ids[k] = id.New[Item]()
	}
	return ids
}

// ItemListChange is what turns one list of items into another.
type ItemListChange struct {
	Delete []ItemID
	// Insert has the new items in their order, each with its index in the new list.
	Insert []Item
	// Update has the items whose content differs.
	Update []Item
	// Order is the new list, if the items that stay change their order. It is nil if
	// deletions and insertions produce the list.
	Order []ItemID
}

// IsZero reports whether the lists are equal.
func (c ItemListChange) IsZero() bool {
	return len(c.Delete) == 0 && len(c.Insert) == 0 && len(c.Update) == 0 && c.Order == nil
}

// ItemListChangeOf returns what turns before into after. Both are in the order of the
// list. Items are compared by id and content.
func ItemListChangeOf(before, after []Item) ItemListChange {
	var c ItemListChange
	old := make(map[ItemID]Item, len(before))
	for _, item := range before {
		old[item.ID] = item
	}
	var list, stay []ItemID
	for n, item := range after {
		list = append(list, item.ID)
		was, known := old[item.ID]
		switch {
		case !known:
			item.Order = n
			c.Insert = append(c.Insert, item)
			continue
		case was.Content != item.Content:
			c.Update = append(c.Update, item)
		}
		stay = append(stay, item.ID)
	}
	kept := make(map[ItemID]bool, len(stay))
	for _, item := range stay {
		kept[item] = true
	}
	var stayed []ItemID
	for _, item := range before {
		if kept[item.ID] {
			stayed = append(stayed, item.ID)
		} else {
			c.Delete = append(c.Delete, item.ID)
		}
	}
	if !slices.Equal(stay, stayed) {
		c.Order = list
	}
	return c
}

package requirements

import (
	"slices"
)

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

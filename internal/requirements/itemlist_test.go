package requirements

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
)

// The deletions, insertions and updates of a change, and its order if it has one, turn the
// list before into the list after. A change has an order only if items that stay change
// theirs.
func TestItemListChange_TurnsOneListIntoTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		pool := make([]Item, 8)
		for n := range pool {
			pool[n] = Item{ID: id.New[Item](), Number: n + 1}
		}
		draw := func(name string) []Item {
			list := rapid.Permutation(pool).Draw(r, name)[:rapid.IntRange(0, len(pool)).Draw(r, name+" length")]
			for n := range list {
				list[n].Content = rapid.SampledFrom([]string{"a", "b"}).Draw(r, name+" content")
			}
			return list
		}
		before := draw("before")
		after := draw("after")
		if rapid.Bool().Draw(r, "in the order of before") {
			drawn := after
			after = slices.DeleteFunc(slices.Clone(drawn), func(i Item) bool { return indexOf(before, i) < 0 })
			slices.SortFunc(after, func(a, b Item) int { return indexOf(before, a) - indexOf(before, b) })
			for _, i := range drawn {
				if indexOf(before, i) < 0 {
					after = slices.Insert(after, rapid.IntRange(0, len(after)).Draw(r, "place"), i)
				}
			}
		}
		c := ItemListChangeOf(before, after)
		got := applied(before, c)
		if diff := cmp.Diff(textsByID(after), textsByID(got)); diff != "" {
			r.Fatalf("%+v: -after +applied\n%s", c, diff)
		}
		stay := func(list, other []Item) []Item {
			return slices.DeleteFunc(slices.Clone(list), func(i Item) bool { return indexOf(other, i) < 0 })
		}
		reordered := !slices.EqualFunc(stay(before, after), stay(after, before), func(a, b Item) bool { return a.ID == b.ID })
		if reordered != (c.Order != nil) {
			r.Fatalf("items that stay are reordered: %t; the change has the order %v", reordered, c.Order)
		}
		if c.IsZero() != slices.Equal(textsByID(before), textsByID(after)) {
			r.Fatalf("%+v is zero: %t", c, c.IsZero())
		}
	})
}

// applied is the list after the statements of a change.
func applied(list []Item, c ItemListChange) []Item {
	list = slices.DeleteFunc(slices.Clone(list), func(i Item) bool { return slices.Contains(c.Delete, i.ID) })
	for _, i := range c.Insert {
		list = slices.Insert(list, min(i.Order, len(list)), i)
	}
	for _, i := range c.Update {
		list[indexOf(list, i)].Content = i.Content
	}
	if c.Order == nil {
		return list
	}
	ordered := make([]Item, 0, len(list))
	for _, item := range c.Order {
		ordered = append(ordered, list[indexOf(list, Item{ID: item})])
	}
	return ordered
}

func indexOf(list []Item, item Item) int {
	return slices.IndexFunc(list, func(i Item) bool { return i.ID == item.ID })
}

func textsByID(list []Item) []string {
	var texts []string
	for _, i := range list {
		texts = append(texts, i.ID.String()+" "+i.Content)
	}
	return texts
}

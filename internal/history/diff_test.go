package history

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// state returns a state of specification 3 at a version.
func state(version int64, title, content string, items ...requirements.Item) requirements.ItemList {
	return requirements.ItemList{
		Specification: requirements.Specification{Number: 3, Version: version, Title: title, Content: content},
		Items:         items,
	}
}

func item(number int, content string) requirements.Item {
	i := requirements.Item{Number: number, Content: content}
	i.ID[15] = byte(number)
	return i
}

// list returns items in an order. The letter at the end of a name is its text: 3b.
func list(names string) requirements.ItemList {
	var items []requirements.Item
	for name := range strings.FieldsSeq(names) {
		var number int
		var content string
		if _, err := fmt.Sscanf(name, "%d%s", &number, &content); err != nil {
			panic(err)
		}
		items = append(items, item(number, content))
	}
	return state(1, "t", "c", items...)
}

// summaries shows items of a diff as "3.2 moved 0-1".
func summaries(d SpecificationDiff) string {
	place := func(order *int) string {
		if order == nil {
			return ""
		}
		return fmt.Sprint(*order)
	}
	var all []string
	for _, item := range d.Items {
		all = append(all, fmt.Sprintf("%s %s %s-%s %s", item.Ref, item.Change, place(item.FromOrder), place(item.ToOrder), marked(item.Segments)))
	}
	return strings.Join(all, "; ")
}

func TestDiff_ItemsByID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, from, to, want string }{
		{"the same", "1a 2a 3a", "1a 2a 3a", ""},
		{"inserted first", "1a 2a", "3a 1a 2a", "3.3 added -0 {+a+}"},
		{"removed first", "1a 2a 3a", "2a 3a", "3.1 removed 0- [-a-]"},
		{"removed last, added last", "1a 2a", "1a 3a", "3.2 removed 1- [-a-]; 3.3 added -1 {+a+}"},
		{"all replaced", "1a 2a", "3a 4a", "3.1 removed 0- [-a-]; 3.2 removed 1- [-a-]; 3.3 added -0 {+a+}; 3.4 added -1 {+a+}"},
		{"changed, behind an insertion", "1a 2a", "3a 1a 2b", "3.3 added -0 {+a+}; 3.2 changed 1-2 [-a-]{+b+}"},
		{"the last became the first", "1a 2a 3a 4a", "4a 1a 2a 3a", "3.4 moved 3-0 a"},
		{"the first became the last", "1a 2a 3a 4a", "2a 3a 4a 1a", "3.1 moved 0-3 a"},
		{"two blocks changed places", "1a 2a 3a 4a 5a", "4a 5a 1a 2a 3a", "3.4 moved 3-0 a; 3.5 moved 4-1 a"},
		{"moved and changed", "1a 2a 3a 4a", "4b 1a 2a 3a", "3.4 changed 3-0 [-a-]{+b+}"},
		{"removed between", "1a 2a 3a 4a", "1a 5a 4a", "3.2 removed 1- [-a-]; 3.3 removed 2- [-a-]; 3.5 added -1 {+a+}"},
		{"removed behind an item that moved", "1a 2a 3a 4a", "3a 4a 1a", "3.2 removed 1- [-a-]; 3.1 moved 0-2 a"},
	} {
		if diff := cmp.Diff(c.want, summaries(DiffSpecifications(list(c.from), list(c.to)))); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestDiff_TitleAndContent(t *testing.T) {
	t.Parallel()
	same := DiffSpecifications(state(1, "Bills", "A bill."), state(2, "Bills", "A bill."))
	if !same.IsEmpty() || same.Title != nil || same.Content != nil {
		t.Errorf("two equal states differ: %+v", same)
	}
	got := DiffSpecifications(state(1, "Bills", "A bill."), state(2, "Invoices", "A long bill."))
	if marked(got.Title) != "[-Bills-]{+Invoices+}" || marked(got.Content) != "A {+long +}bill." || got.IsEmpty() {
		t.Errorf("title %q, content %q", marked(got.Title), marked(got.Content))
	}
	if gone := DiffSpecifications(state(1, "Bills", "A."), state(2, "", "A.")); marked(gone.Title) != "[-Bills-]" {
		t.Errorf("a title removed: %+v", gone)
	}
}

// states generates two states that share items, in the same order or not.
func states(t *rapid.T, shuffled bool) (from, to requirements.ItemList) {
	var before, after []requirements.Item
	for n := range rapid.IntRange(0, 12).Draw(t, "items") {
		in := rapid.SampledFrom([]string{"both", "both", "both", "from", "to"}).Draw(t, "in")
		content := "a" + texts().Draw(t, "content")
		if in != "to" {
			before = append(before, item(n+1, content))
		}
		if in == "both" && rapid.Bool().Draw(t, "changed") {
			content += "b"
		}
		if in != "from" {
			after = append(after, item(n+1, content))
		}
	}
	if shuffled {
		after = rapid.Permutation(after).Draw(t, "after")
	}
	return state(4, texts().Draw(t, "title"), texts().Draw(t, "content"), before...),
		state(7, texts().Draw(t, "title"), texts().Draw(t, "content"), after...)
}

// patched returns the contents of the second list, made of the first list and the diff:
// listed items are placed, the others fill the gaps in their order.
func patched(from []requirements.Item, diffs []ItemDiff) []string {
	listed := make(map[requirements.ItemID]bool)
	placed := make(map[int]string)
	for _, d := range diffs {
		listed[d.ItemID] = true
		if d.ToOrder != nil {
			placed[*d.ToOrder] = d.Ref + " " + textAfter(d.Segments)
		}
	}
	var list []string
	fill := func() {
		for content, isPlaced := placed[len(list)]; isPlaced; content, isPlaced = placed[len(list)] {
			list = append(list, content)
		}
	}
	fill()
	for _, item := range from {
		if !listed[item.ID] {
			list = append(list, ref(3, item.Number)+" "+item.Content)
			fill()
		}
	}
	return list
}

// textAfter is the second of the texts that segments compare.
func textAfter(segments []Segment) string {
	var b strings.Builder
	for _, segment := range segments {
		if segment.Op != OpDelete {
			b.WriteString(segment.Text)
		}
	}
	return b.String()
}

func TestDiff_LeadsFromOneStateToTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := states(t, rapid.Bool().Draw(t, "shuffled"))
		d := DiffSpecifications(from, to)
		var want []string
		for _, item := range to.Items {
			want = append(want, ref(3, item.Number)+" "+item.Content)
		}
		if diff := cmp.Diff(want, patched(from.Items, d.Items)); diff != "" {
			t.Fatalf("%s: (-want +got)\n%s", summaries(d), diff)
		}
		last := -1
		for _, item := range d.Items {
			switch {
			case item.FromOrder != nil && from.Items[*item.FromOrder].ID != item.ItemID,
				item.ToOrder != nil && to.Items[*item.ToOrder].ID != item.ItemID:
				t.Fatalf("%s is not at its index", item.Ref)
			case (item.FromOrder == nil) != (item.Change == DiffAdded), (item.ToOrder == nil) != (item.Change == DiffRemoved):
				t.Fatalf("%s is %s, with the indexes %v and %v", item.Ref, item.Change, item.FromOrder, item.ToOrder)
			case item.ToOrder != nil && *item.ToOrder <= last:
				t.Fatalf("%s is out of order: %s", item.Ref, summaries(d))
			case item.ToOrder != nil:
				last = *item.ToOrder
			}
		}
	})
}

func TestDiff_OnlyReorderedItemsMove(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := states(t, false)
		for _, d := range DiffSpecifications(from, to).Items {
			if d.Change == DiffMoved {
				t.Fatalf("%s moved, although the order is the same", d.Ref)
			}
		}
	})
}

func TestDiff_WordsAreBounded(t *testing.T) {
	t.Parallel()
	// Each item differs by every second word: the segments of all would need much memory.
	from, to := strings.Repeat("a ", 5000), strings.Repeat("b ", 5000)
	var before, after []requirements.Item
	for n := range 200 {
		before, after = append(before, item(n, from)), append(after, item(n, to))
	}
	d := DiffSpecifications(state(1, "t", "c", before...), state(2, "t", "c", after...))
	byWords, whole := 0, 0
	for _, i := range d.Items {
		first, second := "", ""
		for _, s := range i.Segments {
			if s.Op != OpInsert {
				first += s.Text
			}
			if s.Op != OpDelete {
				second += s.Text
			}
		}
		if first != from || second != to {
			t.Fatalf("item %s is not the difference of its texts", i.Ref)
		}
		if len(i.Segments) == 2 {
			whole++
		} else {
			byWords++
		}
	}
	if byWords+whole != 200 || whole != 0 && byWords*len(from+to) > maxDiffBytes {
		t.Errorf("%d items are compared by words, %d as a whole", byWords, whole)
	}
}

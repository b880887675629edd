package requirements

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

var (
	early = time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	late  = early.Add(time.Second)
)

// filled is a specification with n items, their numbers one apart from their
// places, as after a deletion.
func filled(n int) (Specification, []Item) {
	spec := Specification{ID: id.New[Specification](), Content: "x", NextItemNumber: n + 2, Version: 7, CreatedAt: early, UpdatedAt: early}
	items := make([]Item, n)
	for k := range items {
		items[k] = Item{
			ID: id.New[Item](), Specification: spec.ID, Number: k + 2, Content: "x", Order: k,
			Version: 3, CreatedAt: early, UpdatedAt: early,
		}
		spec.Items = append(spec.Items, items[k].ID)
	}
	return spec, items
}

func TestANewItemTakesItsPlaceAndTheNextNumber(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		held  int
		order *int
		want  int
	}{
		"the first":             {0, nil, 0},
		"the first, at 0":       {0, new(0), 0},
		"at the end":            {3, nil, 3},
		"at the end, by place":  {3, new(3), 3},
		"at the beginning":      {3, new(0), 0},
		"in the middle":         {3, new(1), 1},
		"the last that can be":  {99, nil, 99},
		"the last, at the 50th": {99, new(50), 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, _ := filled(tc.held)
			draft, _ := NewItemDraft(new("y"), tc.order)
			after, item, err := before.newItem(draft, 100, late)
			if err != nil {
				t.Fatal(err)
			}
			want := before
			want.Items = slices.Insert(slices.Clone(before.Items), tc.want, item.ID)
			want.NextItemNumber, want.Version, want.UpdatedAt = before.NextItemNumber+1, 8, late
			if diff := cmp.Diff(want, after); diff != "" {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
			made := Item{
				ID: item.ID, Specification: before.ID, Number: before.NextItemNumber, Content: "y", Order: tc.want,
				Version: 1, CreatedAt: late, UpdatedAt: late,
			}
			if diff := cmp.Diff(made, item); diff != "" {
				t.Errorf("item (-want +got):\n%s", diff)
			}
		})
	}
}

func TestANewItemThatIsRefused(t *testing.T) {
	t.Parallel()
	full, _ := filled(100)
	some, _ := filled(3)
	draft, _ := NewItemDraft(new("y"), new(4))
	if _, _, err := full.newItem(draft, 100, late); problem.CodeOf(err) != problem.ItemLimit {
		t.Errorf("the 101st: %v", err)
	}
	if _, _, err := some.newItem(draft, 100, late); !slices.Equal(breaches(err), []string{"/order out_of_range"}) {
		t.Errorf("behind the end: %v", err)
	}
}

func TestAChangeOfAnItemCountsOnceForItAndOnceForItsSpecification(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		content *string
		order   *int
		at      time.Time
		want    Item // of item 1 of 0, 1, 2
		moved   []int
		changed bool
	}{
		"nothing":                   {nil, nil, late, Item{Content: "x", Order: 1, Version: 3, UpdatedAt: early}, []int{0, 1, 2}, false},
		"the same":                  {new("x"), new(1), late, Item{Content: "x", Order: 1, Version: 3, UpdatedAt: early}, []int{0, 1, 2}, false},
		"its content":               {new("y"), nil, late, Item{Content: "y", Order: 1, Version: 4, UpdatedAt: late}, []int{0, 1, 2}, true},
		"its content by a blank":    {new("x "), nil, late, Item{Content: "x ", Order: 1, Version: 4, UpdatedAt: late}, []int{0, 1, 2}, true},
		"its place":                 {nil, new(2), late, Item{Content: "x", Order: 2, Version: 4, UpdatedAt: late}, []int{0, 2, 1}, true},
		"its place, to the front":   {nil, new(0), late, Item{Content: "x", Order: 0, Version: 4, UpdatedAt: late}, []int{1, 0, 2}, true},
		"both":                      {new("y"), new(0), late, Item{Content: "y", Order: 0, Version: 4, UpdatedAt: late}, []int{1, 0, 2}, true},
		"while the clock goes back": {new("y"), nil, early.Add(-time.Hour), Item{Content: "y", Order: 1, Version: 4, UpdatedAt: early}, []int{0, 1, 2}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, items := filled(3)
			draft, _ := NewItemDraft(tc.content, tc.order)
			after, item, changed, err := before.changedItem(items[1], draft, tc.at)
			if err != nil || changed != tc.changed {
				t.Fatalf("changed %t, %v", changed, err)
			}
			want := before
			want.Items = nil
			for _, k := range tc.moved {
				want.Items = append(want.Items, before.Items[k])
			}
			if tc.changed {
				want = want.touched(tc.at)
			}
			if diff := cmp.Diff(want, after); diff != "" {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
			tc.want.ID, tc.want.Specification, tc.want.Number, tc.want.CreatedAt = items[1].ID, before.ID, items[1].Number, early
			if diff := cmp.Diff(tc.want, item); diff != "" {
				t.Errorf("item (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTextsOfAnItem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		content *string
		want    []string
	}{
		"none":                    {nil, nil},
		"the longest":             {new(strings.Repeat("🧾", 5000)), nil},
		"one more":                {new(strings.Repeat("🧾", 5001)), []string{"/content too_long"}},
		"blanks around are kept":  {new(" x\r\n"), nil},
		"empty":                   {new(""), []string{"/content blank"}},
		"blanks":                  {new(" \t\r\n\u2003\u00a0"), []string{"/content blank"}},
		"NUL":                     {new("a\x00"), []string{"/content control_character"}},
		"a vertical tab":          {new("a\vb"), []string{"/content control_character"}},
		"a control and too long":  {new(strings.Repeat("x", 5000) + "\x1b"), []string{"/content too_long", "/content control_character"}},
		"several lines, and tabs": {new("a\n\tb\r\nc"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			draft, faults := NewItemDraft(tc.content, nil)
			if diff := cmp.Diff(tc.want, breaches(problem.Invalid(faults))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if tc.content != nil && *draft.content != *tc.content {
				t.Errorf("kept as %q", *draft.content)
			}
		})
	}
}

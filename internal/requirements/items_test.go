package requirements

import (
	"errors"
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

// newSpecification returns a live specification with n items. Their numbers
// differ from their indexes, as after a deletion.
func newSpecification(n int) (Specification, []Item) {
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

func TestItems_AddTakesIndexAndNextNumber(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		count int
		order *int
		want  int
	}{
		"the first":             {count: 0, want: 0},
		"the first, at 0":       {count: 0, order: new(0), want: 0},
		"at the end":            {count: 3, want: 3},
		"at the end, by index":  {count: 3, order: new(3), want: 3},
		"at the beginning":      {count: 3, order: new(0), want: 0},
		"in the middle":         {count: 3, order: new(1), want: 1},
		"the last of the limit": {count: 99, want: 99},
		"the last, at 50":       {count: 99, order: new(50), want: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, _ := newSpecification(tc.count)
			n, _ := ParseNewItem("y", tc.order)
			after, item, err := before.addItem(id.New[Item](), n, Precondition{}, 100, late)
			if err != nil {
				t.Fatal(err)
			}
			want := before
			want.Items = slices.Insert(slices.Clone(before.Items), tc.want, item.ID)
			want.NextItemNumber, want.Version, want.UpdatedAt = before.NextItemNumber+1, 8, late
			if diff := cmp.Diff(want, after); diff != "" {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
			created := Item{
				ID: item.ID, Specification: before.ID, Number: before.NextItemNumber, Content: "y", Order: tc.want,
				Version: 1, CreatedAt: late, UpdatedAt: late,
			}
			if diff := cmp.Diff(created, item); diff != "" {
				t.Errorf("item (-want +got):\n%s", diff)
			}
		})
	}
}

func TestItems_AddIsRejected(t *testing.T) {
	t.Parallel()
	full, _ := newSpecification(100)
	some, _ := newSpecification(3)
	atEnd, _ := ParseNewItem("y", nil)
	behindEnd, _ := ParseNewItem("y", new(4))
	for name, tc := range map[string]struct {
		spec Specification
		item NewItem
		want problem.Code
	}{
		"over the limit":            {spec: full, item: atEnd, want: problem.ItemLimit},
		"over the limit, by index":  {spec: full, item: behindEnd, want: problem.ItemLimit},
		"behind the end":            {spec: some, item: behindEnd, want: problem.ValidationFailed},
		"in the trash":              {spec: trashedSpecification(some), item: atEnd, want: problem.SpecificationNotFound},
		"in a trashed project":      {spec: inTrashedProject(some), item: atEnd, want: problem.SpecificationNotFound},
		"in a full, trashed parent": {spec: trashedSpecification(full), item: atEnd, want: problem.SpecificationNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, _, err := tc.spec.addItem(id.New[Item](), tc.item, Precondition{}, 100, late)
			wantCode(t, err, tc.want)
			if diff := cmp.Diff(tc.spec, after); diff != "" {
				t.Errorf("specification (-want +got):\n%s", diff)
			}
		})
	}
	if _, _, err := some.addItem(id.New[Item](), behindEnd, Precondition{}, 100, late); !slices.Equal(fieldErrorsOf(err), []string{"/order out_of_range"}) {
		t.Errorf("behind the end: %v", err)
	}
}

func TestItems_PatchCountsOneVersionOfItemAndSpecification(t *testing.T) {
	t.Parallel()
	unchanged := Item{Content: "x", Order: 1, Version: 3, UpdatedAt: early}
	for name, tc := range map[string]struct {
		content *string
		order   *int
		at      time.Time
		want    Item // of item 1 of 0, 1, 2
		list    []int
		changed bool
	}{
		"nothing":              {at: late, want: unchanged, list: []int{0, 1, 2}},
		"the same":             {content: new("x"), order: new(1), at: late, want: unchanged, list: []int{0, 1, 2}},
		"content":              {content: new("y"), at: late, want: Item{Content: "y", Order: 1, Version: 4, UpdatedAt: late}, list: []int{0, 1, 2}, changed: true},
		"content by one space": {content: new("x "), at: late, want: Item{Content: "x ", Order: 1, Version: 4, UpdatedAt: late}, list: []int{0, 1, 2}, changed: true},
		"index":                {order: new(2), at: late, want: Item{Content: "x", Order: 2, Version: 4, UpdatedAt: late}, list: []int{0, 2, 1}, changed: true},
		"index, to the front":  {order: new(0), at: late, want: Item{Content: "x", Order: 0, Version: 4, UpdatedAt: late}, list: []int{1, 0, 2}, changed: true},
		"both":                 {content: new("y"), order: new(0), at: late, want: Item{Content: "y", Order: 0, Version: 4, UpdatedAt: late}, list: []int{1, 0, 2}, changed: true},
		"clock set back":       {content: new("y"), at: early.Add(-time.Hour), want: Item{Content: "y", Order: 1, Version: 4, UpdatedAt: early}, list: []int{0, 1, 2}, changed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, items := newSpecification(3)
			patch, _ := ParseItemPatch(tc.content, tc.order)
			after, item, changed, err := before.patchItem(items[1], patch, atVersion(3), tc.at)
			if err != nil || changed != tc.changed {
				t.Fatalf("changed %t, %v", changed, err)
			}
			want := before
			want.Items = nil
			for _, k := range tc.list {
				want.Items = append(want.Items, before.Items[k])
			}
			if tc.changed {
				want.Version, want.UpdatedAt = 8, tc.want.UpdatedAt
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

func TestItems_PutWithoutOrderKeepsIndex(t *testing.T) {
	t.Parallel()
	before, items := newSpecification(3)
	n, _ := ParseNewItem("y", nil)
	after, item, changed, err := before.patchItem(items[1], n.patch(), Precondition{}, late)
	if err != nil || !changed || item.Content != "y" || item.Order != 1 || !slices.Equal(after.Items, before.Items) {
		t.Errorf("item %+v of %v, changed %t, %v", item, after.Items, changed, err)
	}
}

func TestItems_RemoveClosesGap(t *testing.T) {
	t.Parallel()
	before, items := newSpecification(3)
	after, err := before.removeItem(items[1], atVersion(3), late)
	if err != nil {
		t.Fatal(err)
	}
	want := before
	want.Items, want.Version, want.UpdatedAt = []ItemID{items[0].ID, items[2].ID}, 8, late
	if diff := cmp.Diff(want, after); diff != "" {
		t.Errorf("specification (-want +got):\n%s", diff)
	}
}

func TestItems_ChangeChecksParentAndPrecondition(t *testing.T) {
	t.Parallel()
	live, items := newSpecification(3)
	patch, _ := ParseItemPatch(new("y"), nil)
	for name, tc := range map[string]struct {
		spec      Specification
		condition Precondition
		want      problem.Code
	}{
		"live":                      {spec: live},
		"another version":           {spec: live, condition: stale, want: problem.PreconditionFailed},
		"version of its parent":     {spec: live, condition: atVersion(7), want: problem.PreconditionFailed},
		"in the trash":              {spec: trashedSpecification(live), want: problem.ItemNotFound},
		"in a trashed project":      {spec: inTrashedProject(live), want: problem.ItemNotFound},
		"in the trash, and a stale": {spec: inTrashedProject(live), condition: stale, want: problem.ItemNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, _, err := tc.spec.patchItem(items[1], patch, tc.condition, late)
			wantCode(t, err, tc.want)
			_, err = tc.spec.removeItem(items[1], tc.condition, late)
			wantCode(t, err, tc.want)
		})
	}
	wantCode(t, checkItemLive(true), problem.ItemNotFound)
	wantCode(t, checkItemLive(false), "")
}

func TestItems_ReorderChecksSetAndPrecondition(t *testing.T) {
	t.Parallel()
	live, items := newSpecification(3)
	a, b, c := live.Items[0], live.Items[1], live.Items[2]
	for name, tc := range map[string]struct {
		spec      Specification
		order     []ItemID
		condition Precondition
		changed   bool
		want      problem.Code
	}{
		"another order":        {spec: live, order: []ItemID{c, a, b}, changed: true},
		"the same order":       {spec: live, order: []ItemID{a, b, c}},
		"one too few":          {spec: live, order: []ItemID{c, a}, want: problem.ItemSetMismatch},
		"another version":      {spec: live, order: []ItemID{c, a, b}, condition: stale, want: problem.PreconditionFailed},
		"both":                 {spec: live, order: []ItemID{c, a}, condition: stale, want: problem.PreconditionFailed},
		"in the trash":         {spec: trashedSpecification(live), order: []ItemID{c, a, b}, want: problem.SpecificationNotFound},
		"in a trashed project": {spec: inTrashedProject(live), order: []ItemID{c, a, b}, want: problem.SpecificationNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, changed, err := tc.spec.reorder(slices.Clone(items), tc.order, tc.condition, late)
			wantCode(t, err, tc.want)
			if f, ok := errors.AsType[*problem.Error](err); ok && tc.want != problem.SpecificationNotFound {
				if diff := cmp.Diff(ItemList{tc.spec, items}, f.Current); diff != "" {
					t.Errorf("current (-want +got):\n%s", diff)
				}
			}
			want := tc.spec
			if tc.changed {
				want.Items, want.Version, want.UpdatedAt = tc.order, 8, late
			}
			if diff := cmp.Diff(want, after); diff != "" || changed != tc.changed {
				t.Errorf("changed %t, specification (-want +got):\n%s", changed, diff)
			}
		})
	}
}

func TestItems_ParseReportsFieldErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		content *string
		want    []string
	}{
		"absent":                   {},
		"the longest":              {content: new(strings.Repeat("🧾", 10_000))},
		"one more":                 {content: new(strings.Repeat("🧾", 10_001)), want: []string{"/content too_long"}},
		"surrounding white space":  {content: new(" x\r\n")},
		"empty":                    {content: new(""), want: []string{"/content blank"}},
		"white space":              {content: new(" \t\r\n\u2003\u00a0"), want: []string{"/content blank"}},
		"NUL":                      {content: new("a\x00"), want: []string{"/content control_character"}},
		"a vertical tab":           {content: new("a\vb"), want: []string{"/content control_character"}},
		"too long, with a control": {content: new(strings.Repeat("x", 10_000) + "\x1b"), want: []string{"/content too_long", "/content control_character"}},
		"several lines, and tabs":  {content: new("a\n\tb\r\nc")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patch, errs := ParseItemPatch(tc.content, nil)
			if diff := cmp.Diff(tc.want, fieldErrorsOf(problem.Invalid(errs))); diff != "" {
				t.Errorf("field errors (-want +got):\n%s", diff)
			}
			if tc.content == nil {
				return
			}
			n, again := ParseNewItem(*tc.content, nil)
			if *patch.content != *tc.content || n.content != *tc.content {
				t.Errorf("stored as %q and %q", *patch.content, n.content)
			}
			if !slices.Equal(errs, again) {
				t.Errorf("a patch has the field errors %v, a new item %v", errs, again)
			}
		})
	}
}

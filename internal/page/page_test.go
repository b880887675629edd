package page

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPages_CutKeepsLimitAndNextCursor(t *testing.T) {
	t.Parallel()
	cursor := func(n int) Cursor { return Cursor{Number: n} }
	for name, tc := range map[string]struct {
		rows []int
		want Page[int]
	}{
		"no rows":              {rows: nil, want: Page[int]{}},
		"fewer than a page":    {rows: []int{1}, want: Page[int]{Rows: []int{1}}},
		"exactly a page":       {rows: []int{1, 2}, want: Page[int]{Rows: []int{1, 2}}},
		"one more than a page": {rows: []int{1, 2, 3}, want: Page[int]{Rows: []int{1, 2}, Next: &Cursor{Number: 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, Cut(tc.rows, 2, cursor)); diff != "" {
				t.Errorf("page (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPages_CursorValueFollowsColumn(t *testing.T) {
	t.Parallel()
	at := time.Unix(7, 0)
	c := Cursor{Time: at, Text: "x", Number: 3}
	for column, want := range map[Column]any{ByCreatedAt: at, ByUpdatedAt: at, ByTitle: "x", ByNumber: 3} {
		if got := c.Value(column); got != want {
			t.Errorf("%s: %v, want %v", column, got, want)
		}
	}
}

func TestPages_NewestStartsAtEndOfTime(t *testing.T) {
	t.Parallel()
	first := Query{Limit: 5}.Newest()
	if first.After == nil || first.After.Time.Year() != 9999 || first.Limit != 5 || !first.Order.Descending {
		t.Errorf("first page: %+v", first)
	}
	after := &Cursor{Time: time.Unix(7, 0)}
	if later := (Query{After: after}).Newest(); later.After != after {
		t.Errorf("later page: %+v", later)
	}
}

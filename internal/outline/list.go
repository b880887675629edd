package outline

import "time"

// Column is what a list is ordered by; ties are broken by id.
type Column string

// The columns. Not every list takes every one.
const (
	ByCreatedAt Column = "created_at"
	ByUpdatedAt Column = "updated_at"
	ByTitle     Column = "title"
)

// Order is how a list is ordered.
type Order struct {
	Column     Column
	Descending bool
}

// Cursor is the place after which the next page begins: the ordering value and
// the id of the last row. Of the values the one of the order's column counts.
type Cursor struct {
	Time time.Time
	Text string
	ID   [16]byte
}

// ListQuery asks for one page of a list.
type ListQuery struct {
	Order   Order
	Trashed bool
	// Limit is the largest number of rows that are answered.
	Limit int
	// After is nil for the first page.
	After *Cursor
}

// Page is one page of a list.
type Page[T any] struct {
	Rows []T
	// Next is where the next page begins, nil on the last page.
	Next *Cursor
}

// page cuts rows, which were asked for with one more than the limit, so that
// their number tells whether there are more.
func page[T any](rows []T, limit int, cursor func(T) Cursor) Page[T] {
	if len(rows) <= limit {
		return Page[T]{Rows: rows}
	}
	rows = rows[:limit]
	next := cursor(rows[limit-1])
	return Page[T]{Rows: rows, Next: &next}
}

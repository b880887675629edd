package requirements

import "time"

// Column is what a list is ordered by; ties are broken by id.
type Column string

// The columns. Not every list takes every one.
const (
	ByCreatedAt Column = "created_at"
	ByUpdatedAt Column = "updated_at"
	ByTitle     Column = "title"
	ByNumber    Column = "number"
)

// Order is how a list is ordered.
type Order struct {
	Column     Column
	Descending bool
}

// Cursor is the place after which the next page begins: the last row's value of
// the ordering column, and its id. Of Time, Text and Number one counts.
type Cursor struct {
	Time   time.Time
	Text   string
	Number int
	ID     [16]byte
}

// Value is the value of the ordering column.
func (c Cursor) Value(column Column) any {
	switch column {
	case ByTitle:
		return c.Text
	case ByNumber:
		return c.Number
	default:
		return c.Time
	}
}

// cursor is the cursor behind a row, in this order.
func (o Order) cursor(id [16]byte, created, updated time.Time, title string, number int) Cursor {
	c := Cursor{ID: id}
	switch o.Column {
	case ByCreatedAt:
		c.Time = created
	case ByUpdatedAt:
		c.Time = updated
	case ByTitle:
		c.Text = title
	case ByNumber:
		c.Number = number
	}
	return c
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

// Package page holds what all paged lists share: the order of rows, the cursor
// between two pages, and the query for one page. Pages follow keyset
// pagination: no row is skipped or repeated because others come or go.
//
// It depends on neither HTTP nor SQL, nor on the kind of the rows.
package page

import (
	"bytes"
	"time"
)

// Column is the column that a list is ordered by. The id breaks ties.
type Column string

// The columns. Not every list has every column.
const (
	ByCreatedAt Column = "created_at"
	ByUpdatedAt Column = "updated_at"
	ByTitle     Column = "title"
	ByNumber    Column = "number"
)

// Order is the order of a list.
type Order struct {
	Column     Column
	Descending bool
}

// Cursor is the position between two pages: the ordering column's value in the
// last row, and that row's id. Only one of Time, Text and Number is set, with two
// exceptions. A search is ordered by rank, the Number, and then by Time. The items of a
// project are ordered by the Number of their specification, and then by their Place in it.
type Cursor struct {
	Time   time.Time `json:"time,omitzero"`
	Text   string    `json:"text,omitzero"`
	Number int       `json:"number,omitzero"`
	Place  int       `json:"place,omitzero"`
	ID     [16]byte  `json:"id"`
}

// Value returns the value of the ordering column.
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

// Query selects one page.
type Query struct {
	Order Order
	// Limit is the maximum number of rows.
	Limit int
	// After is the end of the page before; nil for the first page.
	After *Cursor
}

// endOfTime is later than any row.
var endOfTime = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// Newest returns the query of a list that is always ordered from the newest row
// to the oldest. Its After is never nil, so one SQL statement reads every page.
func (q Query) Newest() Query {
	q.Order = Order{Column: ByCreatedAt, Descending: true}
	if q.After == nil {
		q.After = &Cursor{Time: endOfTime}
	}
	return q
}

// beyondIDs is an id that no row is behind.
var beyondIDs = [16]byte(bytes.Repeat([]byte{0xff}, 16))

// From returns the query for the first row of a list by number that has a number, or else
// a higher one.
func (q Query) From(number int) Query {
	return Query{Order: Order{Column: ByNumber}, Limit: 1, After: &Cursor{Number: number - 1, ID: beyondIDs}}
}

// Page is one page of a list.
type Page[T any] struct {
	Rows []T
	// Next is the cursor of the next page; nil on the last page.
	Next *Cursor
}

// MaxBytes is the size of a page of a list with long texts, in bytes of text. A page
// has at least one row, of whatever size.
const MaxBytes = 4 << 20

// Cut makes a page of rows that were read with a limit of limit+1: the extra row
// shows that another page follows.
func Cut[T any](rows []T, limit int, cursor func(T) Cursor) Page[T] {
	return CutBytes(rows, limit, func(T) int { return 0 }, cursor)
}

// CutBytes is Cut for rows whose texts have together at most MaxBytes. The first row
// beyond that shows that another page follows, like the row beyond the limit.
func CutBytes[T any](rows []T, limit int, size func(T) int, cursor func(T) Cursor) Page[T] {
	bytes := 0
	for n, row := range rows {
		bytes += size(row)
		if n == limit || n > 0 && bytes > MaxBytes {
			return Page[T]{Rows: rows[:n], Next: new(cursor(rows[n-1]))}
		}
	}
	return Page[T]{Rows: rows}
}

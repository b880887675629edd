package auth

import "time"

// Place is where a row stands in a list that has the newest first.
type Place struct {
	At time.Time
	ID [16]byte
}

// Page asks for the rows behind a place; the zero place stands before all rows.
type Page struct {
	After Place
	// Limit is the largest number of rows that are answered.
	Limit int
}

// endOfTime is later than any row.
var endOfTime = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// oneMore asks for a row beyond the page, which tells whether there is another.
func (p Page) oneMore() Page {
	if p.After.At.IsZero() {
		p.After.At = endOfTime
	}
	p.Limit++
	return p
}

// cut takes the page out of rows that were asked for with one more, and tells
// the place of its last row; nil on the last page.
func cut[T any](rows []T, limit int, place func(T) Place) ([]T, *Place) {
	if len(rows) <= limit {
		return rows, nil
	}
	return rows[:limit], new(place(rows[limit-1]))
}

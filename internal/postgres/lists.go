package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
)

// keyset reads pages of a table by (column, id) within a parent, so that no row
// is skipped or repeated because others come or go.
//
// It is the one place where SQL is put together: sqlc would need the same query
// for each column and direction. Every part comes from this package; values are
// parameters.
type keyset struct{ table, columns, parent string }

// sql is the statement for one order, first page or a later one.
func (k keyset) sql(order outline.Order, first bool) string {
	after, direction := ">", "ASC"
	if order.Descending {
		after, direction = "<", "DESC"
	}
	from := ""
	if !first {
		from = fmt.Sprintf("AND (%s, id) %s ($4, $5)", order.Column, after)
	}
	return fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE %[3]s = $1 AND trashed = $2 %[4]s ORDER BY %[5]s %[6]s, id %[6]s LIMIT $3`,
		k.columns, k.table, k.parent, from, order.Column, direction)
}

// list reads one page of k below parent as the actor.
func list[Row, T any](ctx context.Context, s *Store, actor identity.Actor, k keyset, parent any, q outline.ListQuery, convert func(Row) T) ([]T, error) {
	args := []any{parent, q.Trashed, q.Limit}
	if q.After != nil {
		value := any(q.After.Time)
		if q.Order.Column == outline.ByTitle {
			value = q.After.Text
		}
		args = append(args, value, q.After.ID)
	}
	reader := &reader{store: s, who: confineTo(actor)}
	rows, err := reader.Query(ctx, k.sql(q.Order, q.After == nil), args...)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (T, error) {
		r, err := pgx.RowToStructByPos[Row](row)
		return convert(r), err
	})
	return found, translate(err)
}

package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// appended is a db.DBTX that appends to the statement of a generated query. Lists
// need it: sqlc would need one query for each order, direction and filter, and one
// plan for all of them would suit none. Everything that is appended comes from this
// package; values are parameters.
type appended struct {
	db.DBTX

	// clause returns what to append. Its first parameter has this number.
	clause func(parameter int) (sql string, args []any)
}

// Query runs the query with the clause appended.
func (a appended) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	clause, more := a.clause(len(args) + 1)
	return a.DBTX.Query(ctx, sql+clause, slices.Concat(args, more)...)
}

// inPages returns the queries with one page of a list appended to them. A page
// begins behind a (column, id), so no row is skipped or repeated because others are
// inserted or deleted.
func inPages(q *db.Queries, list requirements.ListQuery) *db.Queries {
	return db.New(appended{q.DB(), func(first int) (string, []any) {
		after, direction := ">", "ASC"
		if list.Order.Descending {
			after, direction = "<", "DESC"
		}
		order := fmt.Sprintf("ORDER BY %[1]s %[2]s, id %[2]s LIMIT $%[3]d", list.Order.Column, direction, first)
		if list.After == nil {
			return order, []any{list.Limit}
		}
		return fmt.Sprintf("AND (%s, id) %s ($%d, $%d) %s", list.Order.Column, after, first+1, first+2, order),
			[]any{list.Limit, list.After.Value(list.Order.Column), list.After.ID}
	}})
}

// convertAll converts rows into what the rules know.
func convertAll[Row, T any](rows []Row, convert func(Row) T) []T {
	all := make([]T, len(rows))
	for n, row := range rows {
		all[n] = convert(row)
	}
	return all
}

// int32Of is a count or number as PostgreSQL stores it; limits bound all of them
// far below.
func int32Of(n int) int32 { return int32(n) } //nolint:gosec // see above

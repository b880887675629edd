package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// rewritten is a db.DBTX that adds to the statement of a generated query. Lists need
// it: sqlc would need one query for each order, direction and filter, and one plan for
// all of them would suit none. Everything that is added comes from this package;
// values are parameters.
type rewritten struct {
	db.DBTX

	rewrite func(sql string, args []any) (string, []any)
}

// Query runs the rewritten query.
func (r rewritten) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	sql, args = r.rewrite(sql, args)
	return r.DBTX.Query(ctx, sql, args...)
}

// inPages returns the queries with one page of a list appended to them. A page
// begins behind a (column, id), so no row is skipped or repeated because others are
// inserted or deleted.
func inPages(q *db.Queries, list requirements.ListQuery) *db.Queries {
	return db.New(rewritten{q.DB(), func(sql string, args []any) (string, []any) { return pageOf(list, sql, args) }})
}

// direction is the direction of a list's order.
func direction(list requirements.ListQuery) string {
	if list.Order.Descending {
		return "DESC"
	}
	return "ASC"
}

// pageOf appends one page of a list to a statement.
func pageOf(list requirements.ListQuery, sql string, args []any) (string, []any) {
	first := len(args) + 1
	args = append(slices.Clone(args), list.Limit)
	order := fmt.Sprintf("ORDER BY %[1]s %[2]s, id %[2]s LIMIT $%[3]d", list.Order.Column, direction(list), first)
	if list.After == nil {
		return sql + order, args
	}
	after := ">"
	if list.Order.Descending {
		after = "<"
	}
	return sql + fmt.Sprintf("AND (%s, id) %s ($%d, $%d) %s", list.Order.Column, after, first+1, first+2, order),
		append(args, list.After.Value(list.Order.Column), list.After.ID)
}

// inPagesByBytes is inPages for rows with a content. The page ends with the first row
// beyond page.MaxBytes. PostgreSQL finds the size of a long text without reading it.
func inPagesByBytes(q *db.Queries, list requirements.ListQuery) *db.Queries {
	return db.New(rewritten{q.DB(), func(sql string, args []any) (string, []any) {
		sql, args = pageOf(list, sql, args)
		args = append(args, page.MaxBytes)
		return fmt.Sprintf(`
SELECT (sized.page).*
FROM   (SELECT page, page.%[2]s AS value, page.id, sum(octet_length(page.content)) OVER along - octet_length(page.content) AS before
        FROM   (%[1]s) AS page
        WINDOW along AS (ORDER BY page.%[2]s %[3]s, page.id %[3]s ROWS UNBOUNDED PRECEDING)) AS sized
WHERE  sized.before <= $%[4]d
ORDER  BY sized.value %[3]s, sized.id %[3]s`, sql, list.Order.Column, direction(list), len(args)), args
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

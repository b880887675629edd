package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// keyset reads pages of a table by (column, id) within a parent, so that no row
// is skipped or repeated because others come or go. Row is the table's generated
// type.
//
// It is the one place where SQL is put together: sqlc would need the same query
// for each column and direction. Every part comes from this file; values are
// parameters.
type keyset[Row any] struct {
	table, columns, parent string
	// fields are where the columns go, in their order.
	fields func(*Row) []any
}

var (
	projectLists = keyset[db.Project]{
		table: "projects", parent: "owner_id",
		columns: "id, owner_id, title, description, specification_count, next_specification_number, version, created_at, updated_at, deleted_at, trashed",
		fields: func(r *db.Project) []any {
			return []any{&r.ID, &r.OwnerID, &r.Title, &r.Description, &r.SpecificationCount, &r.NextSpecificationNumber, &r.Version, &r.CreatedAt, &r.UpdatedAt, &r.DeletedAt, &r.Trashed}
		},
	}
	specificationLists = keyset[db.Specification]{
		table: "specifications", parent: "project_id",
		columns: "id, project_id, owner_id, number, title, content, item_ids, next_item_number, version, created_at, updated_at, deleted_at, trashed",
		fields: func(r *db.Specification) []any {
			items := (*pgtype.FlatArray[requirements.ItemID])(&r.ItemIDs) // read without reflection
			return []any{&r.ID, &r.ProjectID, &r.OwnerID, &r.Number, &r.Title, &r.Content, items, &r.NextItemNumber, &r.Version, &r.CreatedAt, &r.UpdatedAt, &r.DeletedAt, &r.Trashed}
		},
	}
)

// sql is the statement for one order, first page or a later one.
func (k keyset[Row]) sql(order page.Order, first bool) string {
	after, direction := ">", "ASC"
	if order.Descending {
		after, direction = "<", "DESC"
	}
	from := ""
	if !first {
		from = fmt.Sprintf("AND (%s, id) %s ($5, $6)", order.Column, after)
	}
	return fmt.Sprintf(`SELECT %[1]s FROM %[2]s WHERE %[3]s = $1 AND owner_id = $2 AND trashed = $3 %[4]s ORDER BY %[5]s %[6]s, id %[6]s LIMIT $4`,
		k.columns, k.table, k.parent, from, order.Column, direction)
}

// listQuery reads one page of k below parent into rows, of what owner owns.
func listQuery[Row, T any](ctx context.Context, k keyset[Row], parent any, owner auth.UserID, list requirements.ListQuery, convert func(Row) T, rows *[]T) query {
	args := []any{parent, owner, list.Trashed, list.Limit}
	if list.After != nil {
		args = append(args, list.After.Value(list.Order.Column), list.After.ID)
	}
	return func(q *db.Queries) error {
		found, err := q.DB().Query(ctx, k.sql(list.Order, list.After == nil), args...)
		if err != nil {
			return err
		}
		var r Row
		fields := k.fields(&r)
		*rows = make([]T, 0, list.Limit)
		_, err = pgx.ForEachRow(found, fields, func() error {
			*rows = append(*rows, convert(r))
			return nil
		})
		return err
	}
}

package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// RewriteItems implements requirements.Tx. Deletions come first, so that insertions find
// their places. The time comes last: the trigger of a deletion sets another one.
func (t *requirementsTx) RewriteItems(ctx context.Context, s requirements.Specification, c requirements.ItemListChange, at time.Time) error {
	var writes []query
	if len(c.Delete) > 0 {
		writes = append(writes, func(q *db.Queries) error {
			return q.DeleteItems(ctx, db.DeleteItemsParams{ItemIDs: convertAll(c.Delete, uuidOf), SpecID: s.ID, OwnerID: s.Owner})
		})
	}
	if len(c.Insert) > 0 {
		writes = append(writes, func(q *db.Queries) error { return q.InsertItems(ctx, insertionOf(s, c.Insert, at)) })
	}
	if len(c.Update) > 0 {
		writes = append(writes, func(q *db.Queries) error { return q.UpdateItems(ctx, updateOf(s, c.Update, at)) })
	}
	switch {
	case c.Order != nil:
		writes = append(writes, func(q *db.Queries) error {
			return q.UpdateItemList(ctx, db.UpdateItemListParams{ID: s.ID, OwnerID: s.Owner, ItemIDs: c.Order, UpdatedAt: s.UpdatedAt})
		})
	case len(c.Delete) > 0:
		writes = append(writes, func(q *db.Queries) error {
			return q.SetSpecificationTime(ctx, db.SetSpecificationTimeParams{ID: s.ID, OwnerID: s.Owner, UpdatedAt: s.UpdatedAt})
		})
	}
	return t.write(ctx, writes...)
}

// insertionOf has one array for each column, and one element for each item.
func insertionOf(s requirements.Specification, items []requirements.Item, at time.Time) db.InsertItemsParams {
	p := db.InsertItemsParams{SpecID: s.ID, OwnerID: s.Owner, At: at}
	for _, item := range items {
		p.ItemIDs = append(p.ItemIDs, uuidOf(item.ID))
		p.Numbers = append(p.Numbers, int32Of(item.Number))
		p.Places = append(p.Places, int32Of(item.Order))
		p.Contents = append(p.Contents, item.Content)
		p.CreatedAt = append(p.CreatedAt, item.CreatedAt)
	}
	return p
}

func updateOf(s requirements.Specification, items []requirements.Item, at time.Time) db.UpdateItemsParams {
	p := db.UpdateItemsParams{SpecID: s.ID, OwnerID: s.Owner, At: at}
	for _, item := range items {
		p.ItemIDs = append(p.ItemIDs, uuidOf(item.ID))
		p.Contents = append(p.Contents, item.Content)
	}
	return p
}

func uuidOf[T ~[16]byte](id T) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

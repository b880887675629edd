package postgres

import (
	"context"
	"math"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Items implements requirements.Store.
func (s *Store) Items(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID) (requirements.Specification, []requirements.Item, error) {
	var parent db.GetSpecificationRow
	var rows []db.BulletItem
	err := s.read(ctx, actor,
		get(&parent, func(q *db.Queries) (db.GetSpecificationRow, error) {
			return q.GetSpecification(ctx, spec, actor.Owner())
		}),
		get(&rows, func(q *db.Queries) ([]db.BulletItem, error) { return q.ListItems(ctx, spec, actor.Owner()) }))
	return specificationOf(parent.Specification, parent.ProjectTrashed), convertAll(rows, itemOf), notFoundAs(problem.SpecificationNotFound, err)
}

// Item implements requirements.Store.
func (s *Store) Item(ctx context.Context, actor auth.Actor, item requirements.ItemID) (requirements.Item, bool, error) {
	var row db.GetItemRow
	err := s.read(ctx, actor, get(&row, func(q *db.Queries) (db.GetItemRow, error) { return q.GetItem(ctx, item, actor.Owner()) }))
	found := itemOf(row.BulletItem)
	found.Order, found.SpecificationNumber = int(row.Place), int(row.SpecificationNumber)
	return found, row.Trashed, notFoundAs(problem.ItemNotFound, err)
}

// LockSpecificationItems implements requirements.Tx. The items are read after the
// lock is held, so they are those that the list names.
func (t *requirementsTx) LockSpecificationItems(ctx context.Context, spec requirements.SpecificationID) (requirements.Specification, []requirements.Item, time.Time, error) {
	var parent db.LockSpecificationRow
	var rows []db.BulletItem
	err := t.read(ctx,
		get(&parent, func(q *db.Queries) (db.LockSpecificationRow, error) {
			return q.LockSpecification(ctx, spec, t.actor.Owner())
		}),
		get(&rows, func(q *db.Queries) ([]db.BulletItem, error) { return q.ListItems(ctx, spec, t.actor.Owner()) }))
	return specificationOf(parent.Specification, parent.ProjectTrashed), convertAll(rows, itemOf), parent.At.UTC(), notFoundAs(problem.SpecificationNotFound, err)
}

// AddItem implements requirements.Tx.
func (t *requirementsTx) AddItem(ctx context.Context, spec requirements.SpecificationID, w requirements.ItemInsert) (requirements.Specification, requirements.Write, error) {
	var row db.AddItemRow
	err := t.guarded(ctx, w.Guard, get(&row, func(q *db.Queries) (db.AddItemRow, error) {
		return q.AddItem(ctx, db.AddItemParams{
			SpecID: spec, OwnerID: t.actor.Owner(), ID: w.ID, Content: w.Content, Place: placeOf(w.Order), ItemLimit: int32Of(w.Limit), Versions: w.Versions,
		})
	}))
	return lockedSpecification(db.ChangeSpecificationRow(row)), writeOf(row.At, row.Written && err == nil), notFoundAs(problem.SpecificationNotFound, err)
}

// ChangeItem implements requirements.Tx.
func (t *requirementsTx) ChangeItem(ctx context.Context, item requirements.ItemID, w requirements.ItemChange) (requirements.Specification, requirements.Item, requirements.Write, error) {
	var row db.ChangeItemRow
	err := t.guarded(ctx, w.Guard, get(&row, func(q *db.Queries) (db.ChangeItemRow, error) {
		return q.ChangeItem(ctx, db.ChangeItemParams{ID: item, OwnerID: t.actor.Owner(), Content: w.Content, Place: placeOf(w.Order), Versions: w.Versions})
	}))
	parent, found := lockedItem(row)
	return parent, found, writeOf(row.At, row.Written && err == nil), notFoundAs(problem.ItemNotFound, err)
}

// RemoveItem implements requirements.Tx.
func (t *requirementsTx) RemoveItem(ctx context.Context, item requirements.ItemID, g requirements.Guard) (requirements.Specification, requirements.Item, requirements.Write, error) {
	var row db.RemoveItemRow
	err := t.guarded(ctx, g, get(&row, func(q *db.Queries) (db.RemoveItemRow, error) {
		return q.RemoveItem(ctx, db.RemoveItemParams{ID: item, OwnerID: t.actor.Owner(), Versions: g.Versions})
	}))
	parent, found := lockedItem(db.ChangeItemRow(row))
	return parent, found, writeOf(row.At, row.Written && err == nil), notFoundAs(problem.ItemNotFound, err)
}

// UpdateItemList implements requirements.Tx.
func (t *requirementsTx) UpdateItemList(ctx context.Context, s requirements.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateItemList(ctx, db.UpdateItemListParams{
			ID: s.ID, OwnerID: s.Owner, ItemIDs: s.Items, UpdatedAt: s.UpdatedAt,
		})
	})
}

func itemOf(row db.BulletItem) requirements.Item {
	return requirements.Item{
		ID: row.ID, Specification: row.SpecID, Owner: row.OwnerID, Number: int(row.Number), Content: row.Content,
		Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}

// lockedItem returns an item and its specification as a guarded statement locked them.
func lockedItem(row db.ChangeItemRow) (requirements.Specification, requirements.Item) {
	parent := lockedSpecification(db.ChangeSpecificationRow{
		ID: row.ID, ProjectID: row.ProjectID, OwnerID: row.OwnerID, Number: row.Number, Title: row.Title, Content: row.Content,
		ItemIDs: row.ItemIDs, NextItemNumber: row.NextItemNumber, Version: row.Version,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, DeletedAt: row.DeletedAt, ProjectTrashed: row.ProjectTrashed,
	})
	return parent, parent.WithOrder(itemOf(db.BulletItem{
		ID: row.ItemID.Bytes, SpecID: row.ID.Bytes, OwnerID: row.OwnerID.Bytes, Number: row.ItemNumber, Content: row.ItemContent,
		Version: row.ItemVersion, CreatedAt: row.ItemCreatedAt, UpdatedAt: row.ItemUpdatedAt,
	}))
}

// placeOf is an index as PostgreSQL reads it. One beyond its range is beyond every list.
func placeOf(order *int) *int32 {
	if order == nil {
		return nil
	}
	return new(int32(min(max(*order, -1), math.MaxInt32)))
}

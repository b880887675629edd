package postgres

import (
	"context"
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
		get(&parent, func(q *db.Queries) (db.GetSpecificationRow, error) { return q.GetSpecification(ctx, spec, actor.User) }),
		get(&rows, func(q *db.Queries) ([]db.BulletItem, error) { return q.ListItems(ctx, spec, actor.User) }))
	return specificationOf(parent.Specification, parent.ProjectTrashed), convertAll(rows, itemOf), notFoundAs(problem.SpecificationNotFound, err)
}

// Item implements requirements.Store.
func (s *Store) Item(ctx context.Context, actor auth.Actor, item requirements.ItemID) (requirements.Item, bool, error) {
	var row db.GetItemRow
	err := s.read(ctx, actor, get(&row, func(q *db.Queries) (db.GetItemRow, error) { return q.GetItem(ctx, item, actor.User) }))
	found := itemOf(row.BulletItem)
	found.Order = int(row.Place)
	return found, row.Trashed, notFoundAs(problem.ItemNotFound, err)
}

// LockSpecificationItems implements requirements.Tx. The items are read after the
// lock is held, so they are those that the list names.
func (t *requirementsTx) LockSpecificationItems(ctx context.Context, spec requirements.SpecificationID) (requirements.Specification, []requirements.Item, time.Time, error) {
	var parent db.LockSpecificationRow
	var rows []db.BulletItem
	err := t.read(ctx,
		get(&parent, func(q *db.Queries) (db.LockSpecificationRow, error) {
			return q.LockSpecification(ctx, spec, t.actor.User)
		}),
		get(&rows, func(q *db.Queries) ([]db.BulletItem, error) { return q.ListItems(ctx, spec, t.actor.User) }))
	return specificationOf(parent.Specification, parent.ProjectTrashed), convertAll(rows, itemOf), parent.At.UTC(), notFoundAs(problem.SpecificationNotFound, err)
}

// LockItem implements requirements.Tx.
func (t *requirementsTx) LockItem(ctx context.Context, item requirements.ItemID) (requirements.Specification, requirements.Item, time.Time, error) {
	var row db.LockItemRow
	err := t.read(ctx, get(&row, func(q *db.Queries) (db.LockItemRow, error) { return q.LockItem(ctx, item, t.actor.User) }))
	parent, found := specificationOf(row.Specification, row.ProjectTrashed), itemOf(row.BulletItem)
	return parent, parent.WithOrder(found), row.At.UTC(), notFoundAs(problem.ItemNotFound, err)
}

// InsertItem implements requirements.Tx.
func (t *requirementsTx) InsertItem(ctx context.Context, i requirements.Item) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.InsertItem(ctx, db.InsertItemParams{
			ID: i.ID, SpecID: i.Specification, OwnerID: i.Owner, Number: int32Of(i.Number),
			Content: i.Content, CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
		})
	})
}

// UpdateItem implements requirements.Tx.
func (t *requirementsTx) UpdateItem(ctx context.Context, i requirements.Item) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateItem(ctx, db.UpdateItemParams{ID: i.ID, OwnerID: i.Owner, Content: i.Content, UpdatedAt: i.UpdatedAt})
	})
}

// DeleteItem implements requirements.Tx.
func (t *requirementsTx) DeleteItem(ctx context.Context, i requirements.Item) error {
	return t.write(ctx, func(q *db.Queries) error { return q.DeleteItem(ctx, i.ID, i.Owner) })
}

// UpdateItemList implements requirements.Tx.
func (t *requirementsTx) UpdateItemList(ctx context.Context, s requirements.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateItemList(ctx, db.UpdateItemListParams{
			ID: s.ID, OwnerID: s.Owner, ItemIDs: s.Items, NextItemNumber: int32Of(s.NextItemNumber), UpdatedAt: s.UpdatedAt,
		})
	})
}

func itemOf(row db.BulletItem) requirements.Item {
	return requirements.Item{
		ID: row.ID, Specification: row.SpecID, Owner: row.OwnerID, Number: int(row.Number), Content: row.Content,
		Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}

package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// LockMove implements requirements.Tx. The item may have moved while the statement waited
// for the locks. Then its present specification is locked as well: the lock of the item
// keeps it there.
func (t *requirementsTx) LockMove(ctx context.Context, item requirements.ItemID, to requirements.SpecificationID) (from, target requirements.Specification, found requirements.Item, at time.Time, err error) {
	for from.ID.IsZero() {
		var specs []db.LockSpecificationsOfMoveRow
		var row db.LockItemRow
		err = t.read(ctx,
			get(&specs, func(q *db.Queries) ([]db.LockSpecificationsOfMoveRow, error) {
				return q.LockSpecificationsOfMove(ctx, db.LockSpecificationsOfMoveParams{ItemID: item, OwnerID: t.actor.Owner(), Target: uuidOf(to)})
			}),
			get(&row, func(q *db.Queries) (db.LockItemRow, error) { return q.LockItem(ctx, item, t.actor.Owner()) }))
		if err != nil {
			return from, target, found, at, notFoundAs(problem.ItemNotFound, err)
		}
		for _, s := range specs {
			spec := specificationOf(s.Specification, s.ProjectTrashed)
			if spec.ID == row.BulletItem.SpecID {
				from, found, at = spec, spec.WithOrder(itemOf(row.BulletItem)), row.At.UTC()
			}
			if spec.ID == to {
				target = spec
			}
		}
	}
	return from, target, found, at, nil
}

// MoveItem implements requirements.Tx.
func (t *requirementsTx) MoveItem(ctx context.Context, item requirements.Item) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.MoveItem(ctx, db.MoveItemParams{
			ID: item.ID, OwnerID: item.Owner, SpecID: item.Specification, Place: placeOf(&item.Order), UpdatedAt: item.UpdatedAt,
		})
	})
}

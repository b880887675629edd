package requirements

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// moveItem returns the target with the item, which gets the next number, and whether they
// changed. The target has no id if there is no such specification. In its own
// specification an item without an index stays where it is, and keeps its number.
func (s Specification) moveItem(item Item, target Specification, order *int, condition Precondition, limit int, at time.Time) (Specification, Item, bool, error) {
	if err := s.checkItemChange(item, condition, true); err != nil {
		return target, item, false, err
	}
	if target.ID == s.ID {
		return s.patchItem(item, ItemPatch{order: order}, Precondition{}, at)
	}
	if target.ID.IsZero() || target.Project != s.Project || target.checkLive() != nil {
		return target, item, false, problem.NotFound(problem.SpecificationNotFound)
	}
	if len(target.Items) >= limit {
		return target, item, false, problem.New(problem.ItemLimit, "A specification can have at most %d items; that one has %d.", limit, len(target.Items))
	}
	list, err := inserted(target.Items, item.ID, order)
	if err != nil {
		return target, item, false, err
	}
	item.Specification, item.Number = target.ID, target.NextItemNumber
	item.Version++
	item.UpdatedAt = later(item.UpdatedAt, at)
	target.Items = list
	target.NextItemNumber++
	target = target.WithUpdatedAt(at)
	return target, target.WithOrder(item), true, nil
}

// MoveItem moves an item to another specification of its project, or returns
// SpecificationNotFound or ItemLimit. An index of nil is the end. The item keeps its id and
// gets the next number there. MoveItem returns that specification and the item.
func (s *Service) MoveItem(ctx context.Context, actor auth.Actor, item ItemID, condition Precondition, to SpecificationID, order *int) (target Specification, now Item, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		from, locked, before, at, err := tx.LockMove(ctx, item, to)
		if err != nil {
			return err
		}
		var changed bool
		target, now, changed, err = from.moveItem(before, locked, order, condition, s.limits.ItemsPerSpecification, at)
		if err != nil || !changed {
			return err
		}
		return tx.MoveItem(ctx, now)
	})
	return target, now, err
}

// changeItem runs the change of an item in a transaction, and once more if the item was
// not found. A statement that waits for the lock of an item does not find it if the item
// has moved to another specification meanwhile.
func (s *Service) changeItem(ctx context.Context, actor auth.Actor, change func(tx Tx) error) error {
	err := s.store.InTx(ctx, actor, change)
	if problem.CodeOf(err) == problem.ItemNotFound {
		err = s.store.InTx(ctx, actor, change)
	}
	return err
}

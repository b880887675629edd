package postgres

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// User implements identity.Store.
func (s *Store) User(ctx context.Context, actor identity.Actor) (identity.User, error) {
	var row db.User
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { row, err = q.GetUser(ctx, actor.User); return err })
	return userOf(row), orMissing(err, fault.TokenRevoked) // deleted between the check and this
}

// Rename implements identity.Store.
func (s *Store) Rename(ctx context.Context, actor identity.Actor, name identity.Name) (user identity.User, err error) {
	err = s.inTx(ctx, confineTo(actor), func(t *tx) error {
		var row db.User
		if err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockUser(ctx, actor.User); return err }); err != nil {
			return orMissing(err, fault.TokenRevoked)
		}
		if user = userOf(row); user.Name == name.String() {
			return nil
		}
		user.Name = name.String()
		return t.write(ctx, func(q *db.Queries) error { return q.RenameUser(ctx, user.Name, actor.User) })
	})
	return user, err
}

// DeleteAccount implements identity.Store. Foreign keys take everything along.
func (s *Store) DeleteAccount(ctx context.Context, actor identity.Actor, e identity.Event) error {
	return s.inTx(ctx, patiently(actor), func(t *tx) error {
		// The lock goes first, so that a dead session removes nothing.
		if err := t.read(ctx, func(q *db.Queries) error { _, err := q.LockUserToDelete(ctx, actor.User); return err }); err != nil {
			return orMissing(err, fault.TokenRevoked)
		}
		if err := t.record(ctx, e); err != nil {
			return err
		}
		return t.write(ctx, func(q *db.Queries) error { return q.DeleteUser(ctx, actor.User) })
	})
}

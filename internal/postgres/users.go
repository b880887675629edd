package postgres

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// User implements auth.Store.
func (s *Store) User(ctx context.Context, actor auth.Actor) (auth.User, error) {
	var row db.User
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { row, err = q.GetUser(ctx, actor.User); return err })
	return userOf(row), orMissing(err, problem.TokenRevoked) // deleted between the check and this
}

// Rename implements auth.Store.
func (s *Store) Rename(ctx context.Context, actor auth.Actor, name auth.Name) (user auth.User, err error) {
	err = s.inTx(ctx, confineTo(actor), func(t *tx) error {
		var row db.User
		if err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockUser(ctx, actor.User); return err }); err != nil {
			return orMissing(err, problem.TokenRevoked)
		}
		if user = userOf(row); user.Name == name.String() {
			return nil
		}
		user.Name = name.String()
		return t.write(ctx, func(q *db.Queries) error { return q.RenameUser(ctx, user.Name, actor.User) })
	})
	return user, err
}

// DeleteAccount implements auth.Store. Foreign keys take everything along.
func (s *Store) DeleteAccount(ctx context.Context, actor auth.Actor, e auth.Event) error {
	return s.inTx(ctx, patiently(actor), func(t *tx) error {
		// The lock goes first, so that a dead session removes nothing.
		if err := t.read(ctx, func(q *db.Queries) error { _, err := q.LockUserToDelete(ctx, actor.User); return err }); err != nil {
			return orMissing(err, problem.TokenRevoked)
		}
		if err := t.record(ctx, e); err != nil {
			return err
		}
		return t.write(ctx, func(q *db.Queries) error { return q.DeleteUser(ctx, actor.User) })
	})
}

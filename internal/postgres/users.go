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
	err := s.read(ctx, actor, get(&row, func(q *db.Queries) (db.User, error) { return q.GetUser(ctx, actor.User) }))
	return userOf(row), notFoundAs(problem.TokenRevoked, err) // deleted after the session was checked
}

// Rename implements auth.Store.
func (s *Store) Rename(ctx context.Context, actor auth.Actor, name auth.Name) (user auth.User, err error) {
	err = s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		var row db.User
		if err := t.read(ctx, get(&row, func(q *db.Queries) (db.User, error) { return q.LockUser(ctx, actor.User) })); err != nil {
			return notFoundAs(problem.TokenRevoked, err)
		}
		if user = userOf(row); user.Name == name.String() {
			return nil
		}
		user.Name = name.String()
		return t.write(ctx, func(q *db.Queries) error { return q.RenameUser(ctx, user.Name, actor.User) })
	})
	return user, err
}

// DeleteAccount implements auth.Store. Foreign keys delete everything else.
func (s *Store) DeleteAccount(ctx context.Context, actor auth.Actor, e auth.Event, decide func([]auth.SharedProject) error) (bots []auth.UserID, err error) {
	err = s.inTx(ctx, scopeToAllOf(actor), func(t *tx) error {
		// The lock is read first, so a dead session deletes nothing.
		var user auth.UserID
		var shared []db.CountMembersOfProjectsRow
		if err := t.read(ctx,
			get(&user, func(q *db.Queries) (auth.UserID, error) { return q.LockUserForUpdate(ctx, actor.User) }),
			get(&bots, func(q *db.Queries) ([]auth.UserID, error) { return q.ListBotIDs(ctx, &actor.User) }),
			get(&shared, func(q *db.Queries) ([]db.CountMembersOfProjectsRow, error) {
				return q.CountMembersOfProjects(ctx, actor.User)
			})); err != nil {
			return notFoundAs(problem.TokenRevoked, err)
		}
		if err := decide(convertAll(shared, func(row db.CountMembersOfProjectsRow) auth.SharedProject {
			return auth.SharedProject{ID: auth.ResourceID(row.ID), Members: int(row.Members)}
		})); err != nil {
			return err
		}
		if err := t.audit(ctx, e); err != nil {
			return err
		}
		return t.write(ctx, func(q *db.Queries) error { return q.DeleteUser(ctx, actor.User) })
	})
	return bots, err
}

func userOf(row db.User) auth.User {
	return auth.User{
		ID: row.ID, Issuer: row.Issuer, Subject: row.Subject, Email: row.Email, Name: row.Name,
		PictureURL: row.PictureURL, Role: auth.Role(row.Role), SuspendedAt: row.SuspendedAt,
		CreatedAt: row.CreatedAt.UTC(), LastLoginAt: row.LastLoginAt.UTC(), ManagedBy: row.ManagedBy,
	}
}

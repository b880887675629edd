package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// CheckSession implements auth.Store.
func (s *Store) CheckSession(ctx context.Context, actor auth.Actor) error {
	return s.read(ctx, actor)
}

// Sessions implements auth.Store.
func (s *Store) Sessions(ctx context.Context, actor auth.Actor) ([]auth.Session, error) {
	var rows []db.Session
	err := s.read(ctx, actor, get(&rows, func(q *db.Queries) ([]db.Session, error) { return q.ListSessions(ctx, actor.User) }))
	return convertAll(rows, sessionOf), err
}

// ChangeSession implements auth.Store.
func (s *Store) ChangeSession(ctx context.Context, session auth.SessionID, decide func(auth.Session, time.Time) auth.SessionChange) (user auth.User, err error) {
	err = s.inTx(ctx, scopeToSessionOwner(session), func(t *tx) error {
		var row db.LockSessionRow
		if err := t.read(ctx, get(&row, func(q *db.Queries) (db.LockSessionRow, error) { return q.LockSession(ctx, session) })); err != nil {
			return notFoundAs(problem.SessionNotFound, err)
		}
		user = userOf(row.User)
		change := decide(sessionOf(row.Session), row.At.UTC())
		if change.Event != nil {
			if err := t.audit(ctx, *change.Event); err != nil {
				return err
			}
		}
		if !change.Changed {
			return nil
		}
		return t.write(ctx, func(q *db.Queries) error {
			return q.UpdateSession(ctx, db.UpdateSessionParams{
				ID: session, UserID: user.ID, Counter: change.After.Counter, LastUsedAt: change.After.LastUsedAt,
				ExpiresAt: change.After.ExpiresAt, RevokedAt: change.After.RevokedAt,
			})
		})
	})
	return user, err
}

// EndSession implements auth.Store.
func (s *Store) EndSession(ctx context.Context, actor auth.Actor, session auth.SessionID, e auth.Event) error {
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		var revoked auth.SessionID
		err := t.read(ctx, get(&revoked, func(q *db.Queries) (auth.SessionID, error) { return q.RevokeSession(ctx, session, actor.User) }))
		if err != nil {
			return notFoundAs(problem.SessionNotFound, err)
		}
		return t.audit(ctx, e)
	})
}

// EndOwnSession implements auth.Store.
func (s *Store) EndOwnSession(ctx context.Context, actor auth.Actor, all bool, event func(auth.SessionID) auth.Event) error {
	return s.inTx(ctx, scopeToOwner(actor.User), func(t *tx) error {
		var revoked []auth.SessionID
		err := t.read(ctx, get(&revoked, func(q *db.Queries) ([]auth.SessionID, error) {
			if all {
				return q.RevokeAllSessions(ctx, actor.User, actor.Session)
			}
			return q.RevokeOwnSession(ctx, actor.Session, actor.User)
		}))
		if err != nil {
			return err
		}
		return t.audit(ctx, convertAll(revoked, event)...)
	})
}

func sessionOf(row db.Session) auth.Session {
	return auth.Session{
		ID: row.ID, User: row.UserID, Salt: row.Salt, Counter: row.Counter,
		CreatedAt: row.CreatedAt.UTC(), LastUsedAt: row.LastUsedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), EndsAt: row.EndsAt.UTC(),
		RevokedAt: row.RevokedAt, UserAgent: row.UserAgent, IP: row.IP,
	}
}

package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// ChangeSession implements identity.Store.
func (s *Store) ChangeSession(ctx context.Context, session identity.SessionID, decide func(identity.Session, time.Time) (identity.Session, bool)) (user identity.User, err error) {
	err = s.inTx(ctx, confineToOwnerOf(session), func(t *tx) error {
		var row db.LockSessionRow
		if err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockSession(ctx, session); return err }); err != nil {
			return orMissing(err, fault.SessionNotFound)
		}
		user = userOf(row.User)
		after, changed := decide(sessionOf(row.Session), row.At.UTC())
		if !changed {
			return nil
		}
		return t.write(ctx, func(q *db.Queries) error {
			return q.UpdateSession(ctx, db.UpdateSessionParams{
				ID: session, Counter: after.Counter, LastUsedAt: after.LastUsedAt, ExpiresAt: after.ExpiresAt, RevokedAt: after.RevokedAt,
			})
		})
	})
	return user, err
}

// Sessions implements identity.Store.
func (s *Store) Sessions(ctx context.Context, actor identity.Actor) ([]identity.Session, error) {
	var rows []db.Session
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { rows, err = q.ListSessions(ctx, actor.User); return err })
	live := make([]identity.Session, len(rows))
	for n, row := range rows {
		live[n] = sessionOf(row)
	}
	return live, err
}

// EndSession implements identity.Store.
func (s *Store) EndSession(ctx context.Context, actor identity.Actor, session identity.SessionID) error {
	return s.inTx(ctx, confineTo(actor), func(t *tx) error {
		err := t.read(ctx, func(q *db.Queries) error { _, err := q.EndSession(ctx, session, actor.User); return err })
		return orMissing(err, fault.SessionNotFound)
	})
}

// EndOwnSession implements identity.Store.
func (s *Store) EndOwnSession(ctx context.Context, actor identity.Actor, all bool) error {
	return s.inTx(ctx, housekeeping(actor.User), func(t *tx) error {
		if all {
			return t.write(ctx, func(q *db.Queries) error { return q.EndAllSessions(ctx, actor.User, actor.Session) })
		}
		return t.write(ctx, func(q *db.Queries) error { return q.EndOwnSession(ctx, actor.Session, actor.User) })
	})
}

func sessionOf(row db.Session) identity.Session {
	return identity.Session{
		ID: row.ID, User: row.UserID, Salt: row.Salt, Counter: row.Counter,
		CreatedAt: row.CreatedAt.UTC(), LastUsedAt: row.LastUsedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), EndsAt: row.EndsAt.UTC(),
		RevokedAt: row.RevokedAt, UserAgent: row.UserAgent, IP: row.IP,
	}
}

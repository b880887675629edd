package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// ChangeSession implements auth.Store.
func (s *Store) ChangeSession(ctx context.Context, session auth.SessionID, decide func(auth.Session, time.Time) auth.SessionChange) (user auth.User, err error) {
	err = s.inTx(ctx, confineToOwnerOf(session), func(t *tx) error {
		var row db.LockSessionRow
		if err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockSession(ctx, session); return err }); err != nil {
			return orMissing(err, problem.SessionNotFound)
		}
		user = userOf(row.User)
		change := decide(sessionOf(row.Session), row.At.UTC())
		if change.Event != nil {
			if err := t.record(ctx, *change.Event); err != nil {
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

// Sessions implements auth.Store.
func (s *Store) Sessions(ctx context.Context, actor auth.Actor) ([]auth.Session, error) {
	var rows []db.Session
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { rows, err = q.ListSessions(ctx, actor.User); return err })
	live := make([]auth.Session, len(rows))
	for n, row := range rows {
		live[n] = sessionOf(row)
	}
	return live, err
}

// EndSession implements auth.Store.
func (s *Store) EndSession(ctx context.Context, actor auth.Actor, session auth.SessionID, e auth.Event) error {
	return s.inTx(ctx, confineTo(actor), func(t *tx) error {
		err := t.read(ctx, func(q *db.Queries) error { _, err := q.EndSession(ctx, session, actor.User); return err })
		if err != nil {
			return orMissing(err, problem.SessionNotFound)
		}
		return t.record(ctx, e)
	})
}

// EndOwnSession implements auth.Store.
func (s *Store) EndOwnSession(ctx context.Context, actor auth.Actor, all bool, told func(auth.SessionID) auth.Event) error {
	return s.inTx(ctx, housekeeping(actor.User), func(t *tx) error {
		var ended []auth.SessionID
		err := t.read(ctx, func(q *db.Queries) (err error) {
			if all {
				ended, err = q.EndAllSessions(ctx, actor.User, actor.Session)
			} else {
				ended, err = q.EndOwnSession(ctx, actor.Session, actor.User)
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, session := range ended {
			if err := t.record(ctx, told(session)); err != nil {
				return err
			}
		}
		return nil
	})
}

func sessionOf(row db.Session) auth.Session {
	return auth.Session{
		ID: row.ID, User: row.UserID, Salt: row.Salt, Counter: row.Counter,
		CreatedAt: row.CreatedAt.UTC(), LastUsedAt: row.LastUsedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC(), EndsAt: row.EndsAt.UTC(),
		RevokedAt: row.RevokedAt, UserAgent: row.UserAgent, IP: row.IP,
	}
}

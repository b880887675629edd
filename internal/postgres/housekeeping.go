package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

const (
	// purgeBatch bounds how many projects, and as many specifications, are found in
	// the trash at a time.
	purgeBatch = 100
	// expireBatch bounds how many rows of a table are deleted at a time.
	expireBatch = 1000
)

// trashed is a project or specification in the trash whose retention is over.
type trashed struct {
	Owner         auth.UserID
	Project       *requirements.ProjectID
	Specification *requirements.SpecificationID
}

// Purge deletes for good what went to the trash before a time, and returns how
// much. Each deletion is a transaction in its owner's scope, and checks again that
// the row is in the trash. So several replicas may purge at once, and a restore that
// comes first wins.
func (s *Store) Purge(ctx context.Context, before time.Time) (deleted int, err error) {
	for {
		due, err := s.trashDue(ctx, before)
		if err != nil || len(due) == 0 {
			return deleted, translate(err)
		}
		for _, t := range due {
			ok, err := s.purge(ctx, t, before)
			if err != nil {
				return deleted, err
			}
			if ok {
				deleted++
			}
		}
	}
}

func (s *Store) trashDue(ctx context.Context, before time.Time) (due []trashed, err error) {
	err = s.readIn(ctx, scopeToOwner(auth.UserID{}), func(q *db.Queries) error {
		rows, err := q.DB().Query(ctx, "SELECT owner_id, project_id, specification_id FROM trash_due($1, $2)", before, purgeBatch)
		if err != nil {
			return err
		}
		due, err = pgx.CollectRows(rows, pgx.RowToStructByPos[trashed])
		return err
	})
	return due, err
}

// purge deletes a row of the trash, and the saved responses that contain it. It returns
// false, and deletes nothing, if another replica has deleted it, or a restore came first.
func (s *Store) purge(ctx context.Context, due trashed, before time.Time) (deleted bool, err error) {
	missing := false
	err = s.inTx(ctx, scopeToOwner(due.Owner), func(t *tx) error {
		err := t.read(ctx,
			func(q *db.Queries) error {
				if due.Project != nil {
					return q.DeleteSavedResponsesOfProject(ctx, due.Owner, optionalUUID(due.Project))
				}
				return q.DeleteSavedResponses(ctx, due.Owner, due.Specification.String())
			},
			func(q *db.Queries) error {
				if due.Project != nil {
					_, err := q.PurgeProject(ctx, db.PurgeProjectParams{ID: *due.Project, OwnerID: due.Owner, Before: &before})
					return err
				}
				_, err := q.PurgeSpecification(ctx, db.PurgeSpecificationParams{ID: *due.Specification, OwnerID: due.Owner, Before: &before})
				return err
			})
		missing = errors.Is(err, pgx.ErrNoRows)
		return err
	})
	if missing {
		return false, nil
	}
	return err == nil, err
}

// DeleteExpired deletes expired ID tokens, and sessions, API tokens and invitations that
// ended long ago. It returns how many. Several replicas may do so at once.
func (s *Store) DeleteExpired(ctx context.Context) (deleted int64, err error) {
	return s.deleteInBatches(ctx, "SELECT forget_expired($1) + forget_tokens($1) + forget_invitations($1)", expireBatch)
}

// DeleteHistory deletes the changes before a time, unless a baseline needs them. It
// returns how many. Several replicas may do so at once.
func (s *Store) DeleteHistory(ctx context.Context, before time.Time) (deleted int64, err error) {
	return s.deleteInBatches(ctx, "SELECT forget_history($2, $1)", expireBatch, before)
}

// DeleteAuditEvents deletes the audit events before a time; for nil, none of a user.
// Events without an actor are deleted after 30 days, and no event is deleted before. It
// returns how many. Several replicas may do so at once.
func (s *Store) DeleteAuditEvents(ctx context.Context, before *time.Time) (deleted int64, err error) {
	return s.deleteInBatches(ctx, "SELECT forget_audit_events($2, $1)", expireBatch, before)
}

// deleteInBatches repeats a statement until it deletes less than a batch.
func (s *Store) deleteInBatches(ctx context.Context, sql string, args ...any) (deleted int64, err error) {
	for {
		var rows int64
		err := s.inTx(ctx, scopeToOwner(auth.UserID{}), func(t *tx) error {
			return t.read(ctx, func(q *db.Queries) error { return q.DB().QueryRow(ctx, sql, args...).Scan(&rows) })
		})
		deleted += rows
		if err != nil || rows < expireBatch {
			return deleted, err
		}
	}
}

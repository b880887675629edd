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

// purgeBatch is how many projects, and as many specifications, one look at the
// trash finds.
const purgeBatch = 100

// due is one thing that has been in the trash for long enough.
type due struct {
	Owner         auth.UserID
	Project       *requirements.ProjectID
	Specification *requirements.SpecificationID
}

// Purge removes for good what went to the trash before a time, and returns how
// much. Each removal is a transaction of its own as its owner, and looks again
// whether the thing is still in the trash; so several replicas may purge at
// once, and a restore that is faster wins.
func (s *Store) Purge(ctx context.Context, before time.Time) (removed int, err error) {
	for {
		found, err := s.trashDue(ctx, before)
		if err != nil || len(found) == 0 {
			return removed, translate(err)
		}
		for _, d := range found {
			gone, err := s.purge(ctx, d, before)
			if err != nil {
				return removed, err
			}
			if gone {
				removed++
			}
		}
	}
}

func (s *Store) trashDue(ctx context.Context, before time.Time) (found []due, err error) {
	look := func(q *db.Queries) error {
		rows, err := q.DB().Query(ctx, "SELECT owner_id, project_id, specification_id FROM trash_due($1, $2)", before, purgeBatch)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[due])
		return err
	}
	asked, err := record(ctx, look)
	if err != nil {
		return nil, err
	}
	err = s.fly(ctx, flight{housekeeping(auth.UserID{}).statement(nil), asked})
	return found, err
}

// purge removes one thing, unless another replica or a restore was faster.
func (s *Store) purge(ctx context.Context, d due, before time.Time) (gone bool, err error) {
	err = s.inTx(ctx, housekeeping(d.Owner), func(t *tx) error {
		err := t.read(ctx, func(q *db.Queries) error {
			if d.Project != nil {
				_, err := q.PurgeProject(ctx, db.PurgeProjectParams{ID: *d.Project, OwnerID: d.Owner, Before: &before})
				return err
			}
			_, err := q.PurgeSpecification(ctx, db.PurgeSpecificationParams{ID: *d.Specification, OwnerID: d.Owner, Before: &before})
			return err
		})
		gone = err == nil
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	return gone && err == nil, err
}

// forgetBatch is how many rows of a kind are forgotten at a time.
const forgetBatch = 1000

// Forget removes what nobody can use any more, ID tokens and sessions that are
// long over, and returns how much. Several replicas may do so at once.
func (s *Store) Forget(ctx context.Context) (removed int64, err error) {
	for {
		var gone int64
		err := s.inTx(ctx, housekeeping(auth.UserID{}), func(t *tx) error {
			return t.read(ctx, func(q *db.Queries) error {
				return q.DB().QueryRow(ctx, "SELECT forget_expired($1)", forgetBatch).Scan(&gone)
			})
		})
		removed += gone
		if err != nil || gone < forgetBatch {
			return removed, err
		}
	}
}

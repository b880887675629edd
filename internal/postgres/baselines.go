package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// InsertBaseline implements history.Tx.
func (t *requirementsTx) InsertBaseline(ctx context.Context, b history.Baseline) (history.Baseline, error) {
	var row db.InsertBaselineRow
	err := t.read(ctx, get(&row, func(q *db.Queries) (db.InsertBaselineRow, error) {
		return q.InsertBaseline(ctx, db.InsertBaselineParams{
			OwnerID: b.Owner, ID: b.ID, ProjectID: b.Project, Name: b.Name, Description: b.Description, Revision: b.Revision, Digest: b.Digest,
			CreatedBy: t.actor.User,
		})
	}))
	b.CreatedAt, b.CreatedBy = row.CreatedAt.UTC(), history.Actor{ID: t.actor.User, Name: &row.CreatedByName}
	return b, err
}

// Baseline implements history.Store.
func (s *Store) Baseline(ctx context.Context, actor auth.Actor, baseline history.BaselineID) (history.Baseline, error) {
	var row db.GetBaselineRow
	err := s.read(ctx, actor, get(&row, func(q *db.Queries) (db.GetBaselineRow, error) { return q.GetBaseline(ctx, actor.Owner(), baseline) }))
	return baselineOf(row.Baseline, row.CreatedByName), notFoundAs(problem.BaselineNotFound, err)
}

// Baselines implements history.Store.
func (s *Store) Baselines(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q page.Query) ([]history.Baseline, error) {
	var rows []db.ListBaselinesRow
	err := s.read(ctx, actor, get(&rows, func(queries *db.Queries) ([]db.ListBaselinesRow, error) {
		return queries.ListBaselines(ctx, db.ListBaselinesParams{
			OwnerID: actor.Owner(), ProjectID: project, BeforeAt: q.After.Time, BeforeID: pgtype.UUID{Bytes: q.After.ID, Valid: true}, MaxRows: int32Of(q.Limit),
		})
	}))
	return convertAll(rows, func(row db.ListBaselinesRow) history.Baseline { return baselineOf(row.Baseline, row.CreatedByName) }), err
}

// UpdateBaseline implements history.Store.
func (s *Store) UpdateBaseline(ctx context.Context, actor auth.Actor, baseline history.BaselineID, p history.BaselinePatch) (history.Baseline, error) {
	err := s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		return t.readAndCommit(ctx, func(q *db.Queries) error {
			_, err := q.UpdateBaseline(ctx, db.UpdateBaselineParams{OwnerID: actor.Owner(), ID: baseline, Name: p.Name, Description: p.Description})
			return notFoundAs(problem.BaselineNotFound, err)
		})
	})
	if err != nil {
		return history.Baseline{}, err
	}
	return s.Baseline(ctx, actor, baseline)
}

// DeleteBaseline implements history.Store.
func (s *Store) DeleteBaseline(ctx context.Context, actor auth.Actor, baseline history.BaselineID) error {
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		return t.readAndCommit(ctx, func(q *db.Queries) error {
			_, err := q.DeleteBaseline(ctx, actor.Owner(), baseline)
			return notFoundAs(problem.BaselineNotFound, err)
		})
	})
}

func baselineOf(row db.Baseline, createdBy string) history.Baseline {
	return history.Baseline{
		ID: row.ID, Owner: row.OwnerID, Project: row.ProjectID, Name: row.Name, Description: row.Description,
		Revision: row.Revision, Digest: row.Digest, CreatedBy: actorOf(&row.CreatedBy, createdBy), CreatedAt: row.CreatedAt.UTC(),
	}
}

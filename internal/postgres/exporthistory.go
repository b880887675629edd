package postgres

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// exportRows is the page size of the history in an export. A page of changes ends by
// bytes, too.
const exportRows = 200

// WalkHistory implements history.Store.
func (s *Store) WalkHistory(ctx context.Context, actor auth.Actor, visit history.Visitor) error {
	return s.walk(ctx, actor, visit, func(t *tx, project db.Project) error {
		if err := t.exportBaselines(ctx, project, visit); err != nil {
			return err
		}
		return t.exportChanges(ctx, project, visit)
	})
}

// exportBaselines visits the baselines of a project.
func (t *tx) exportBaselines(ctx context.Context, project db.Project, visit history.Visitor) error {
	after := ""
	for {
		var rows []db.ExportBaselinesRow
		if err := t.read(ctx, get(&rows, func(q *db.Queries) ([]db.ExportBaselinesRow, error) {
			return q.ExportBaselines(ctx, db.ExportBaselinesParams{OwnerID: project.OwnerID, ProjectID: project.ID, After: after, MaxRows: exportRows})
		})); err != nil {
			return err
		}
		for _, row := range rows {
			if err := visit.Baseline(baselineOf(row.Baseline, row.CreatedByName)); err != nil {
				return err
			}
			after = row.Baseline.Name
		}
		if len(rows) < exportRows {
			return nil
		}
	}
}

// exportChanges visits the changes of a project.
func (t *tx) exportChanges(ctx context.Context, project db.Project, visit history.Visitor) error {
	var after history.Position
	for {
		var rows []db.ExportChangesRow
		if err := t.read(ctx, get(&rows, func(q *db.Queries) ([]db.ExportChangesRow, error) {
			return q.ExportChanges(ctx, db.ExportChangesParams{
				OwnerID: project.OwnerID, ProjectID: project.ID, AfterRevision: after.Revision, AfterNumber: after.Number,
				MaxRows: exportRows, MaxBytes: page.MaxBytes,
			})
		})); err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			c := changeOf(row.Change)
			c.SpecificationNumber, c.Actor = int(row.SpecNumber), actorOf(&c.Actor.ID, row.ActorName)
			if err := visit.Change(c); err != nil {
				return err
			}
			after = history.Position{Revision: c.Revision, Number: c.Number}
		}
	}
}

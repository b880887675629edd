package postgres

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// EraseHistory implements history.Store. The audit event commits together with it.
func (s *Store) EraseHistory(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64, decide func(baselines []string) error) error {
	return s.erase(ctx, actor, erasure{
		baselines: func(q *db.Queries) ([]string, error) {
			return q.ListBaselinesOfVersions(ctx, db.ListBaselinesOfVersionsParams{OwnerID: actor.User, SpecID: spec, Before: &before})
		},
		sql: "SELECT erase_history($1, $2)", args: []any{spec, before},
		responses: func(q *db.Queries) error { return q.DeleteSavedResponses(ctx, actor.User, spec.String()) },
		event:     actor.SpecificationEvent(auth.HistoryDeleted, spec, map[string]string{"before": history.VersionText(before)}),
	}, decide)
}

// EraseProjectHistory implements history.Store. The audit event commits together with it.
func (s *Store) EraseProjectHistory(ctx context.Context, actor auth.Actor, project requirements.ProjectID, before int64, decide func(baselines []string) error) error {
	return s.erase(ctx, actor, erasure{
		baselines: func(q *db.Queries) ([]string, error) {
			return q.ListBaselinesBefore(ctx, db.ListBaselinesBeforeParams{OwnerID: actor.User, ProjectID: project, Before: before})
		},
		sql: "SELECT erase_project_history($1, $2)", args: []any{project, before},
		responses: func(q *db.Queries) error {
			return q.DeleteSavedResponsesOfProject(ctx, actor.User, optionalUUID(&project))
		},
		event: actor.ProjectEvent(auth.HistoryDeleted, project, map[string]string{"before": history.Text(before)}),
	}, decide)
}

// erasure deletes old texts: from the history, and from the saved responses.
type erasure struct {
	// baselines are those that name a state which cannot be read without the texts.
	baselines func(q *db.Queries) ([]string, error)
	sql       string
	args      []any
	responses func(q *db.Queries) error
	event     auth.Event
}

func (s *Store) erase(ctx context.Context, actor auth.Actor, e erasure, decide func(baselines []string) error) error {
	return s.inTx(ctx, scopeToAllOf(actor), func(t *tx) error {
		var baselines []string
		if err := t.read(ctx, get(&baselines, e.baselines)); err != nil {
			return err
		}
		if err := decide(baselines); err != nil {
			return err
		}
		if err := t.read(ctx, func(q *db.Queries) error {
			var erased int64
			return q.DB().QueryRow(ctx, e.sql, e.args...).Scan(&erased)
		}); err != nil {
			return err
		}
		if err := t.write(ctx, e.responses); err != nil {
			return err
		}
		return t.audit(ctx, e.event)
	})
}

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/events"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

var _ events.Store = (*Store)(nil)

// Feed implements events.Store.
func (s *Store) Feed(ctx context.Context, actor auth.Actor, project requirements.ProjectID, after history.Position, limit int) (events.Page, error) {
	var page events.Page
	var rows []db.ListChangesSinceRow
	err := s.read(ctx, actor,
		get(&page.Head, func(q *db.Queries) (int64, error) {
			return q.GetLiveRevision(ctx, actor.Owner(), project)
		}),
		get(&rows, func(q *db.Queries) ([]db.ListChangesSinceRow, error) {
			return q.ListChangesSince(ctx, db.ListChangesSinceParams{
				OwnerID: actor.Owner(), ProjectID: project, AfterRevision: after.Revision, AfterNumber: after.Number, MaxRows: int32Of(limit),
			})
		}))
	page.Changes = convertAll(rows, func(row db.ListChangesSinceRow) history.Change { return listedChangeOf(db.ListChangesRow(row)) })
	page.More = len(rows) == limit
	return page, notFoundAs(problem.ProjectNotFound, err)
}

// NewestRevisions implements events.Store.
func (s *Store) NewestRevisions(ctx context.Context, actor auth.Actor) ([]events.ProjectRevision, error) {
	var rows []db.ListNewestRevisionsRow
	err := s.read(ctx, actor, get(&rows, func(q *db.Queries) ([]db.ListNewestRevisionsRow, error) {
		return q.ListNewestRevisions(ctx, actor.Owner())
	}))
	return convertAll(rows, func(row db.ListNewestRevisionsRow) events.ProjectRevision {
		return events.ProjectRevision{Project: row.ProjectID, Revision: row.Revision}
	}), err
}

// Watched implements events.Store. The query spans tenants: it returns no content.
func (s *Store) Watched(ctx context.Context, streams []events.Watch) ([]events.State, error) {
	list := func() []pgtype.UUID { return make([]pgtype.UUID, len(streams)) }
	sessions, users, owners, projects := list(), list(), list(), list()
	for n, w := range streams {
		sessions[n], users[n], owners[n] = uuidOf(w.Session), uuidOf(w.User), uuidOf(w.Owner)
		if !w.Project.IsZero() {
			projects[n] = uuidOf(w.Project)
		}
	}
	var states []events.State
	err := s.readIn(ctx, scopeToOwner(auth.UserID{}), func(q *db.Queries) error {
		rows, err := q.DB().Query(ctx, "SELECT live, revision FROM watched($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[])", sessions, users, owners, projects)
		if err != nil {
			return err
		}
		states, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (state events.State, err error) {
			var revision *int64
			err = row.Scan(&state.Live, &revision)
			state.Found, state.Revision = revision != nil, orZero(revision)
			return state, err
		})
		return err
	})
	return states, translate(err)
}

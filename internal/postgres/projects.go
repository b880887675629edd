package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// projectLists reads projects, one statement for each order.
var projectLists = keyset{
	table:   "projects",
	columns: "id, owner_id, title, description, specification_count, next_specification_number, version, created_at, updated_at, deleted_at, trashed",
	parent:  "owner_id",
}

// Project implements outline.Store.
func (s *Store) Project(ctx context.Context, actor identity.Actor, project outline.ProjectID) (outline.Project, error) {
	row, err := s.as(actor).GetProject(ctx, project, actor.User)
	return projectOf(row), noProject(err)
}

// Projects implements outline.Store.
func (s *Store) Projects(ctx context.Context, actor identity.Actor, q outline.ListQuery) ([]outline.Project, error) {
	return list(ctx, s, actor, projectLists, actor.User, q, projectOf)
}

// Change implements outline.Store.
func (s *Store) Change(ctx context.Context, actor identity.Actor, decide func(outline.Tx) error) error {
	return s.inTx(ctx, confineTo(actor), func(t *tx) error {
		return decide(&outlineTx{tx: t, actor: actor})
	})
}

// outlineTx is outline.Tx over a confined transaction.
type outlineTx struct {
	*tx
	actor identity.Actor
}

func (t *outlineTx) LockOwner(ctx context.Context) (outline.Owner, error) {
	row, err := t.q.LockOwner(ctx, t.actor.User)
	return outline.Owner{ID: t.actor.User, ProjectCount: int(row.ProjectCount), At: row.At.UTC()}, err
}

func (t *outlineTx) LockProject(ctx context.Context, project outline.ProjectID) (outline.Project, time.Time, error) {
	row, err := t.q.LockProject(ctx, project, t.actor.User)
	return projectOf(row.Project), row.At.UTC(), noProject(err)
}

func (t *outlineTx) LockOwnerAndProject(ctx context.Context, project outline.ProjectID) (outline.Owner, outline.Project, error) {
	row, err := t.q.LockOwnerAndProject(ctx, t.actor.User, project)
	owner := outline.Owner{ID: t.actor.User, ProjectCount: int(row.ProjectCount), At: row.At.UTC()}
	return owner, projectOf(row.Project), noProject(err)
}

func (t *outlineTx) InsertProject(ctx context.Context, p outline.Project) error {
	return t.q.InsertProject(ctx, db.InsertProjectParams{
		ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
		CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	})
}

func (t *outlineTx) UpdateProject(ctx context.Context, p outline.Project) error {
	return t.q.UpdateProject(ctx, db.UpdateProjectParams{
		ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
		UpdatedAt: p.UpdatedAt, DeletedAt: p.DeletedAt,
	})
}

func (t *outlineTx) SetProjectCount(ctx context.Context, count int) error {
	return t.q.SetProjectCount(ctx, int32(count), t.actor.User) //nolint:gosec // bounded by the limit
}

func projectOf(row db.Project) outline.Project {
	return outline.Project{
		ID: row.ID, Owner: row.OwnerID, Title: row.Title, Description: row.Description,
		SpecificationCount: int(row.SpecificationCount), Version: row.Version,
		CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), DeletedAt: row.DeletedAt,
	}
}

func noProject(err error) error {
	return orMissing(err, fault.ProjectNotFound)
}

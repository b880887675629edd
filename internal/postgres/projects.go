package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// Project implements outline.Store.
func (s *Store) Project(ctx context.Context, actor identity.Actor, project outline.ProjectID) (outline.Project, error) {
	var row db.Project
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { row, err = q.GetProject(ctx, project, actor.User); return err })
	return projectOf(row), orMissing(err, fault.ProjectNotFound)
}

// Projects implements outline.Store.
func (s *Store) Projects(ctx context.Context, actor identity.Actor, list outline.ListQuery) (page []outline.Project, err error) {
	err = s.read(ctx, actor, listQuery(ctx, projectLists, actor.User, actor.User, list, projectOf, &page))
	return page, err
}

// outlineTx is outline.Tx over a confined transaction.
type outlineTx struct {
	*tx
	actor identity.Actor
}

// Change implements outline.Store.
func (s *Store) Change(ctx context.Context, actor identity.Actor, decide func(outline.Tx) error) error {
	return s.inTx(ctx, confineTo(actor), func(t *tx) error {
		return decide(&outlineTx{tx: t, actor: actor})
	})
}

// LockOwner implements outline.Tx.
func (t *outlineTx) LockOwner(ctx context.Context) (outline.Owner, error) {
	var row db.LockOwnerRow
	err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockOwner(ctx, t.actor.User); return err })
	// The session was live, so the account was deleted while this waited.
	return t.owner(row.ProjectCount, row.At), orMissing(err, fault.TokenRevoked)
}

// LockProject implements outline.Tx.
func (t *outlineTx) LockProject(ctx context.Context, project outline.ProjectID) (outline.Project, time.Time, error) {
	var row db.LockProjectRow
	err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockProject(ctx, project, t.actor.User); return err })
	return projectOf(row.Project), row.At.UTC(), orMissing(err, fault.ProjectNotFound)
}

// LockOwnerAndProject implements outline.Tx.
func (t *outlineTx) LockOwnerAndProject(ctx context.Context, project outline.ProjectID) (outline.Owner, outline.Project, error) {
	var row db.LockOwnerAndProjectRow
	err := t.read(ctx, func(q *db.Queries) (err error) {
		row, err = q.LockOwnerAndProject(ctx, t.actor.User, project)
		return err
	})
	return t.owner(row.ProjectCount, row.At), projectOf(row.Project), orMissing(err, fault.ProjectNotFound)
}

func (t *outlineTx) owner(projects int32, at time.Time) outline.Owner {
	return outline.Owner{ID: t.actor.User, ProjectCount: int(projects), At: at.UTC()}
}

// InsertProject implements outline.Tx.
func (t *outlineTx) InsertProject(ctx context.Context, p outline.Project) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.InsertProject(ctx, db.InsertProjectParams{
			ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
			CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		})
	})
}

// UpdateProject implements outline.Tx.
func (t *outlineTx) UpdateProject(ctx context.Context, p outline.Project) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateProject(ctx, db.UpdateProjectParams{
			ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
			UpdatedAt: p.UpdatedAt, DeletedAt: p.DeletedAt,
		})
	})
}

// SetProjectCount implements outline.Tx.
func (t *outlineTx) SetProjectCount(ctx context.Context, count int) error {
	return t.write(ctx, func(q *db.Queries) error { return q.SetProjectCount(ctx, small(count), t.actor.User) })
}

func projectOf(row db.Project) outline.Project {
	return outline.Project{
		ID: row.ID, Owner: row.OwnerID, Title: row.Title, Description: row.Description,
		SpecificationCount: int(row.SpecificationCount), NextSpecificationNumber: int(row.NextSpecificationNumber),
		Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), DeletedAt: row.DeletedAt,
	}
}

// small is a count or number as PostgreSQL keeps it; limits bound all of them
// far below.
func small(n int) int32 { return int32(n) } //nolint:gosec // see above

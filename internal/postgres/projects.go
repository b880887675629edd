package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Project implements requirements.Store.
func (s *Store) Project(ctx context.Context, actor auth.Actor, project requirements.ProjectID) (requirements.Project, error) {
	var row db.Project
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { row, err = q.GetProject(ctx, project, actor.User); return err })
	return projectOf(row), orMissing(err, problem.ProjectNotFound)
}

// Projects implements requirements.Store.
func (s *Store) Projects(ctx context.Context, actor auth.Actor, list requirements.ListQuery) (page []requirements.Project, err error) {
	err = s.read(ctx, actor, listQuery(ctx, projectLists, actor.User, actor.User, list, projectOf, &page))
	return page, err
}

// requirementsTx is requirements.Tx over a confined transaction.
type requirementsTx struct {
	*tx
	actor auth.Actor
}

// InTx implements requirements.Store.
func (s *Store) InTx(ctx context.Context, actor auth.Actor, decide func(requirements.Tx) error) error {
	return s.inTx(ctx, confineTo(actor), func(t *tx) error {
		return decide(&requirementsTx{tx: t, actor: actor})
	})
}

// LockOwner implements requirements.Tx.
func (t *requirementsTx) LockOwner(ctx context.Context) (requirements.Owner, error) {
	var row db.LockOwnerRow
	err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockOwner(ctx, t.actor.User); return err })
	// The session was live, so the account was deleted while this waited.
	return t.owner(row.ProjectCount, row.At), orMissing(err, problem.TokenRevoked)
}

// LockProject implements requirements.Tx.
func (t *requirementsTx) LockProject(ctx context.Context, project requirements.ProjectID) (requirements.Project, time.Time, error) {
	var row db.LockProjectRow
	err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockProject(ctx, project, t.actor.User); return err })
	return projectOf(row.Project), row.At.UTC(), orMissing(err, problem.ProjectNotFound)
}

// LockOwnerAndProject implements requirements.Tx.
func (t *requirementsTx) LockOwnerAndProject(ctx context.Context, project requirements.ProjectID) (requirements.Owner, requirements.Project, error) {
	var row db.LockOwnerAndProjectRow
	err := t.read(ctx, func(q *db.Queries) (err error) {
		row, err = q.LockOwnerAndProject(ctx, t.actor.User, project)
		return err
	})
	return t.owner(row.ProjectCount, row.At), projectOf(row.Project), orMissing(err, problem.ProjectNotFound)
}

func (t *requirementsTx) owner(projects int32, at time.Time) requirements.Owner {
	return requirements.Owner{ID: t.actor.User, ProjectCount: int(projects), At: at.UTC()}
}

// InsertProject implements requirements.Tx.
func (t *requirementsTx) InsertProject(ctx context.Context, p requirements.Project) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.InsertProject(ctx, db.InsertProjectParams{
			ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
			CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		})
	})
}

// UpdateProject implements requirements.Tx.
func (t *requirementsTx) UpdateProject(ctx context.Context, p requirements.Project) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateProject(ctx, db.UpdateProjectParams{
			ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
			UpdatedAt: p.UpdatedAt, DeletedAt: p.DeletedAt,
		})
	})
}

// SetProjectCount implements requirements.Tx.
func (t *requirementsTx) SetProjectCount(ctx context.Context, count int) error {
	return t.write(ctx, func(q *db.Queries) error { return q.SetProjectCount(ctx, small(count), t.actor.User) })
}

func projectOf(row db.Project) requirements.Project {
	return requirements.Project{
		ID: row.ID, Owner: row.OwnerID, Title: row.Title, Description: row.Description,
		SpecificationCount: int(row.SpecificationCount), NextSpecificationNumber: int(row.NextSpecificationNumber),
		Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), DeletedAt: row.DeletedAt,
	}
}

// small is a count or number as PostgreSQL keeps it; limits bound all of them
// far below.
func small(n int) int32 { return int32(n) } //nolint:gosec // see above

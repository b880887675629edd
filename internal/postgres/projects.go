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
	var row db.GetProjectWithOwnerRow
	role, err := s.readAs(ctx, actor, get(&row, func(q *db.Queries) (db.GetProjectWithOwnerRow, error) {
		return q.GetProjectWithOwner(ctx, project, actor.Owner())
	}))
	return shownProject(row, role), notFoundAs(problem.ProjectNotFound, err)
}

// Projects implements requirements.Store.
func (s *Store) Projects(ctx context.Context, actor auth.Actor, list requirements.ListQuery) ([]requirements.Project, error) {
	if list.Shared {
		return s.sharedProjects(ctx, actor, list)
	}
	var rows []db.ListProjectsRow
	err := s.read(ctx, actor, get(&rows, func(q *db.Queries) ([]db.ListProjectsRow, error) {
		return inPages(q, list).ListProjects(ctx, actor.Owner(), list.Trashed)
	}))
	return convertAll(rows, func(row db.ListProjectsRow) requirements.Project {
		return shownProject(db.GetProjectWithOwnerRow(row), requirements.RoleOwner)
	}), err
}

// requirementsTx implements requirements.Tx over a transaction in a tenant scope.
type requirementsTx struct {
	*tx
	actor auth.Actor
}

// InTx implements requirements.Store.
func (s *Store) InTx(ctx context.Context, actor auth.Actor, work func(requirements.Tx) error) error {
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		return work(&requirementsTx{tx: t, actor: actor})
	})
}

// guarded sends a guarded statement, and queries behind it; the last one together with the
// commit.
func (t *requirementsTx) guarded(ctx context.Context, g requirements.Guard, queries ...query) error {
	if g.Last {
		return t.readAndCommit(ctx, queries...)
	}
	return t.read(ctx, queries...)
}

// revisionOf is the query for the newest revision of a project.
func (t *requirementsTx) revisionOf(ctx context.Context, project requirements.ProjectID, revision *int64) query {
	return get(revision, func(q *db.Queries) (int64, error) { return q.GetProjectRevision(ctx, t.actor.Owner(), project) })
}

// headOf is the query for the newest revision of a project, and the name of its owner.
func (t *requirementsTx) headOf(ctx context.Context, project requirements.ProjectID, head *db.GetProjectHeadRow) query {
	return get(head, func(q *db.Queries) (db.GetProjectHeadRow, error) {
		return q.GetProjectHead(ctx, t.actor.Owner(), project)
	})
}

// project is a locked project, with what headOf has read.
func (t *requirementsTx) project(row db.Project, head db.GetProjectHeadRow) requirements.Project {
	p := projectOf(row, head.Revision)
	p.OwnerName, p.Role = head.OwnerName, t.opened.projectRole()
	return p
}

// LockOwner implements requirements.Tx.
func (t *requirementsTx) LockOwner(ctx context.Context) (requirements.Owner, error) {
	var row db.LockOwnerRow
	err := t.read(ctx, get(&row, func(q *db.Queries) (db.LockOwnerRow, error) { return q.LockOwner(ctx, t.actor.Owner()) }))
	// The session was live, so the account was deleted while this waited for the lock.
	return t.owner(row.Name, row.ProjectCount, row.At), notFoundAs(problem.TokenRevoked, err)
}

// LockProject implements requirements.Tx.
func (t *requirementsTx) LockProject(ctx context.Context, project requirements.ProjectID) (requirements.Project, time.Time, error) {
	return t.lockProject(ctx, project)
}

// lockProject locks a project, and reads more behind the lock.
func (t *requirementsTx) lockProject(ctx context.Context, project requirements.ProjectID, more ...query) (requirements.Project, time.Time, error) {
	var row db.LockProjectRow
	var head db.GetProjectHeadRow
	err := t.read(ctx, append([]query{
		get(&row, func(q *db.Queries) (db.LockProjectRow, error) { return q.LockProject(ctx, project, t.actor.Owner()) }),
		t.headOf(ctx, project, &head),
	}, more...)...)
	return t.project(row.Project, head), row.At.UTC(), notFoundAs(problem.ProjectNotFound, err)
}

// LockOwnerAndProject implements requirements.Tx.
func (t *requirementsTx) LockOwnerAndProject(ctx context.Context, project requirements.ProjectID) (requirements.Owner, requirements.Project, error) {
	var row db.LockOwnerAndProjectRow
	var head db.GetProjectHeadRow
	err := t.read(ctx, get(&row, func(q *db.Queries) (db.LockOwnerAndProjectRow, error) {
		return q.LockOwnerAndProject(ctx, t.actor.Owner(), project)
	}), t.headOf(ctx, project, &head))
	return t.owner(head.OwnerName, row.ProjectCount, row.At), t.project(row.Project, head), notFoundAs(problem.ProjectNotFound, err)
}

func (t *requirementsTx) owner(name string, projects int32, at time.Time) requirements.Owner {
	return requirements.Owner{ID: t.actor.Owner(), Name: name, ProjectCount: int(projects), At: at.UTC()}
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
func (t *requirementsTx) UpdateProject(ctx context.Context, p *requirements.Project) error {
	err := t.write(ctx, func(q *db.Queries) error {
		return q.UpdateProject(ctx, db.UpdateProjectParams{
			ID: p.ID, OwnerID: p.Owner, Title: p.Title, Description: p.Description,
			UpdatedAt: p.UpdatedAt,
		})
	})
	if err != nil {
		return err
	}
	return t.ReadRevision(ctx, p)
}

// TrashProject implements requirements.Tx.
func (t *requirementsTx) TrashProject(ctx context.Context, p *requirements.Project) error {
	err := t.write(ctx, func(q *db.Queries) error {
		return q.TrashProject(ctx, db.TrashProjectParams{ID: p.ID, OwnerID: p.Owner, UpdatedAt: p.UpdatedAt, DeletedAt: p.DeletedAt})
	})
	if err != nil {
		return err
	}
	return t.ReadRevision(ctx, p)
}

// SetProjectCount implements requirements.Tx.
func (t *requirementsTx) SetProjectCount(ctx context.Context, count int) error {
	return t.write(ctx, func(q *db.Queries) error { return q.SetProjectCount(ctx, int32Of(count), t.actor.Owner()) })
}

// shownProject is a project for a response that shows it.
func shownProject(row db.GetProjectWithOwnerRow, role requirements.Role) requirements.Project {
	p := projectOf(row.Project, row.Revision)
	p.OwnerName, p.Role = row.OwnerName, role
	return p
}

func projectOf(row db.Project, revision int64) requirements.Project {
	return requirements.Project{
		ID: row.ID, Owner: row.OwnerID, Title: row.Title, Description: row.Description,
		SpecificationCount: int(row.SpecificationCount), NextSpecificationNumber: int(row.NextSpecificationNumber),
		Version: row.Version, Revision: revision, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), DeletedAt: row.DeletedAt,
	}
}

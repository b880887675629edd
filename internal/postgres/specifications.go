package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Specification implements requirements.Store.
func (s *Store) Specification(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID) (requirements.Specification, error) {
	var row db.GetSpecificationRow
	err := s.read(ctx, actor, get(&row, func(q *db.Queries) (db.GetSpecificationRow, error) {
		return q.GetSpecification(ctx, spec, actor.Owner())
	}))
	return specificationOf(row.Specification, row.ProjectTrashed), notFoundAs(problem.SpecificationNotFound, err)
}

// Specifications implements requirements.Store.
func (s *Store) Specifications(ctx context.Context, actor auth.Actor, project requirements.ProjectID, list requirements.ListQuery) (requirements.Project, []requirements.Specification, error) {
	var parent db.GetProjectRow
	var rows []db.ListSpecificationsRow
	err := s.read(ctx, actor,
		get(&parent, func(q *db.Queries) (db.GetProjectRow, error) { return q.GetProject(ctx, project, actor.Owner()) }),
		get(&rows, func(q *db.Queries) ([]db.ListSpecificationsRow, error) {
			return inPagesByBytes(q, list).ListSpecifications(ctx, db.ListSpecificationsParams{ProjectID: project, OwnerID: actor.Owner(), Trashed: list.Trashed, Summary: list.Summary})
		}))
	page := convertAll(rows, func(row db.ListSpecificationsRow) requirements.Specification {
		return specificationOf(db.Specification(row), false)
	})
	return projectOf(parent.Project, parent.Revision), page, notFoundAs(problem.ProjectNotFound, err)
}

// LockProjectAndSpecification implements requirements.Tx.
func (t *requirementsTx) LockProjectAndSpecification(ctx context.Context, spec requirements.SpecificationID) (requirements.Project, requirements.Specification, time.Time, error) {
	var row db.LockProjectAndSpecificationRow
	err := t.read(ctx, get(&row, func(q *db.Queries) (db.LockProjectAndSpecificationRow, error) {
		return q.LockProjectAndSpecification(ctx, spec, t.actor.Owner())
	}))
	return projectOf(row.Project, 0), specificationOf(row.Specification, row.Project.Trashed), row.At.UTC(), notFoundAs(problem.SpecificationNotFound, err)
}

// AddSpecification implements requirements.Tx.
func (t *requirementsTx) AddSpecification(ctx context.Context, project requirements.ProjectID, w requirements.SpecificationInsert) (requirements.Project, requirements.Write, error) {
	var row db.AddSpecificationRow
	var head db.GetProjectHeadRow
	revision := t.revisionOf(ctx, project, &head.Revision)
	if w.Versions != nil { // the problem of a precondition shows the project
		revision = t.headOf(ctx, project, &head)
	}
	err := t.guarded(ctx, w.Guard, get(&row, func(q *db.Queries) (db.AddSpecificationRow, error) {
		return q.AddSpecification(ctx, db.AddSpecificationParams{
			ProjectID: project, OwnerID: t.actor.Owner(), ID: w.ID, Title: w.Title, Content: w.Content,
			SpecificationLimit: int32Of(w.Limit), Versions: w.Versions,
		})
	}), revision)
	parent := t.project(db.Project{
		ID: row.ID.Bytes, OwnerID: row.OwnerID.Bytes, Title: row.Title, Description: row.Description,
		SpecificationCount: row.SpecificationCount, NextSpecificationNumber: row.NextSpecificationNumber,
		Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, DeletedAt: row.DeletedAt,
	}, head)
	return parent, writeOf(row.At, row.Written && err == nil), notFoundAs(problem.ProjectNotFound, err)
}

// ChangeSpecification implements requirements.Tx.
func (t *requirementsTx) ChangeSpecification(ctx context.Context, spec requirements.SpecificationID, w requirements.SpecificationChange) (requirements.Specification, requirements.Write, error) {
	var row db.ChangeSpecificationRow
	err := t.guarded(ctx, w.Guard, get(&row, func(q *db.Queries) (db.ChangeSpecificationRow, error) {
		return q.ChangeSpecification(ctx, db.ChangeSpecificationParams{
			ID: spec, OwnerID: t.actor.Owner(), Title: w.Title, Content: w.Content, Versions: w.Versions,
		})
	}))
	return lockedSpecification(row), writeOf(row.At, row.Written && err == nil), notFoundAs(problem.SpecificationNotFound, err)
}

// UpdateSpecification implements requirements.Tx.
func (t *requirementsTx) UpdateSpecification(ctx context.Context, s requirements.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateSpecification(ctx, db.UpdateSpecificationParams{
			ID: s.ID, OwnerID: s.Owner, Title: s.Title, Content: s.Content, UpdatedAt: s.UpdatedAt,
		})
	})
}

// TrashSpecification implements requirements.Tx.
func (t *requirementsTx) TrashSpecification(ctx context.Context, s requirements.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.TrashSpecification(ctx, db.TrashSpecificationParams{
			ID: s.ID, OwnerID: s.Owner, Title: s.Title, Content: s.Content, UpdatedAt: s.UpdatedAt, DeletedAt: s.DeletedAt,
		})
	})
}

// CountSpecification implements requirements.Tx.
func (t *requirementsTx) CountSpecification(ctx context.Context, p requirements.Project) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateSpecificationCounters(ctx, db.UpdateSpecificationCountersParams{
			ID: p.ID, OwnerID: p.Owner, SpecificationCount: int32Of(p.SpecificationCount),
			NextSpecificationNumber: int32Of(p.NextSpecificationNumber), UpdatedAt: p.UpdatedAt,
		})
	})
}

func specificationOf(row db.Specification, projectTrashed bool) requirements.Specification {
	return requirements.Specification{
		ID: row.ID, Project: row.ProjectID, Owner: row.OwnerID, Number: int(row.Number),
		Title: row.Title, Content: row.Content, Items: row.ItemIDs, NextItemNumber: int(row.NextItemNumber),
		Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
		DeletedAt: row.DeletedAt, ProjectTrashed: projectTrashed,
	}
}

// lockedSpecification returns a specification as a guarded statement locked it.
func lockedSpecification(row db.ChangeSpecificationRow) requirements.Specification {
	items := make(db.ItemIDs, len(row.ItemIDs))
	for n, item := range row.ItemIDs {
		items[n] = item.Bytes
	}
	return specificationOf(db.Specification{
		ID: row.ID.Bytes, ProjectID: row.ProjectID.Bytes, OwnerID: row.OwnerID.Bytes, Number: row.Number, Title: row.Title, Content: row.Content,
		ItemIDs: items, NextItemNumber: row.NextItemNumber, Version: row.Version,
		CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, DeletedAt: row.DeletedAt,
	}, row.ProjectTrashed)
}

// writeOf returns what a guarded statement did.
func writeOf(at time.Time, done bool) requirements.Write {
	return requirements.Write{At: at.UTC(), Done: done}
}

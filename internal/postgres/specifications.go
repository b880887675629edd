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
		return q.GetSpecification(ctx, spec, actor.User)
	}))
	return specificationOf(row.Specification, row.ProjectTrashed), notFoundAs(problem.SpecificationNotFound, err)
}

// Specifications implements requirements.Store.
func (s *Store) Specifications(ctx context.Context, actor auth.Actor, project requirements.ProjectID, list requirements.ListQuery) (requirements.Project, []requirements.Specification, error) {
	var parent db.Project
	var rows []db.ListSpecificationsRow
	err := s.read(ctx, actor,
		get(&parent, func(q *db.Queries) (db.Project, error) { return q.GetProject(ctx, project, actor.User) }),
		get(&rows, func(q *db.Queries) ([]db.ListSpecificationsRow, error) {
			return inPagesByBytes(q, list).ListSpecifications(ctx, db.ListSpecificationsParams{ProjectID: project, OwnerID: actor.User, Trashed: list.Trashed, Summary: list.Summary})
		}))
	page := convertAll(rows, func(row db.ListSpecificationsRow) requirements.Specification {
		return specificationOf(db.Specification(row), false)
	})
	return projectOf(parent), page, notFoundAs(problem.ProjectNotFound, err)
}

// LockSpecification implements requirements.Tx.
func (t *requirementsTx) LockSpecification(ctx context.Context, spec requirements.SpecificationID) (requirements.Specification, time.Time, error) {
	var row db.LockSpecificationRow
	err := t.read(ctx, get(&row, func(q *db.Queries) (db.LockSpecificationRow, error) {
		return q.LockSpecification(ctx, spec, t.actor.User)
	}))
	return specificationOf(row.Specification, row.ProjectTrashed), row.At.UTC(), notFoundAs(problem.SpecificationNotFound, err)
}

// LockProjectAndSpecification implements requirements.Tx.
func (t *requirementsTx) LockProjectAndSpecification(ctx context.Context, spec requirements.SpecificationID) (requirements.Project, requirements.Specification, time.Time, error) {
	var row db.LockProjectAndSpecificationRow
	err := t.read(ctx, get(&row, func(q *db.Queries) (db.LockProjectAndSpecificationRow, error) {
		return q.LockProjectAndSpecification(ctx, spec, t.actor.User)
	}))
	return projectOf(row.Project), specificationOf(row.Specification, row.Project.Trashed), row.At.UTC(), notFoundAs(problem.SpecificationNotFound, err)
}

// InsertSpecification implements requirements.Tx.
func (t *requirementsTx) InsertSpecification(ctx context.Context, s requirements.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.InsertSpecification(ctx, db.InsertSpecificationParams{
			ID: s.ID, ProjectID: s.Project, OwnerID: s.Owner, Number: int32Of(s.Number),
			Title: s.Title, Content: s.Content, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
		})
	})
}

// UpdateSpecification implements requirements.Tx.
func (t *requirementsTx) UpdateSpecification(ctx context.Context, s requirements.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateSpecification(ctx, db.UpdateSpecificationParams{
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

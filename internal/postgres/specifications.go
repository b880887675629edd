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
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { row, err = q.GetSpecification(ctx, spec, actor.User); return err })
	return specificationOf(row.Specification, row.ProjectTrashed), orMissing(err, problem.SpecificationNotFound)
}

// Specifications implements requirements.Store.
func (s *Store) Specifications(ctx context.Context, actor auth.Actor, project requirements.ProjectID, list requirements.ListQuery) (requirements.Project, []requirements.Specification, error) {
	var parent db.Project
	var page []requirements.Specification
	err := s.read(ctx, actor,
		func(q *db.Queries) (err error) { parent, err = q.GetProject(ctx, project, actor.User); return err },
		listQuery(ctx, specificationLists, project, actor.User, list, func(row db.Specification) requirements.Specification { return specificationOf(row, false) }, &page))
	return projectOf(parent), page, orMissing(err, problem.ProjectNotFound)
}

// LockSpecification implements requirements.Tx.
func (t *requirementsTx) LockSpecification(ctx context.Context, spec requirements.SpecificationID) (requirements.Specification, time.Time, error) {
	var row db.LockSpecificationRow
	err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockSpecification(ctx, spec, t.actor.User); return err })
	return specificationOf(row.Specification, row.ProjectTrashed), row.At.UTC(), orMissing(err, problem.SpecificationNotFound)
}

// LockProjectAndSpecification implements requirements.Tx.
func (t *requirementsTx) LockProjectAndSpecification(ctx context.Context, spec requirements.SpecificationID) (requirements.Project, requirements.Specification, time.Time, error) {
	var row db.LockProjectAndSpecificationRow
	err := t.read(ctx, func(q *db.Queries) (err error) {
		row, err = q.LockProjectAndSpecification(ctx, spec, t.actor.User)
		return err
	})
	return projectOf(row.Project), specificationOf(row.Specification, row.Project.Trashed), row.At.UTC(), orMissing(err, problem.SpecificationNotFound)
}

// InsertSpecification implements requirements.Tx.
func (t *requirementsTx) InsertSpecification(ctx context.Context, s requirements.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.InsertSpecification(ctx, db.InsertSpecificationParams{
			ID: s.ID, ProjectID: s.Project, OwnerID: s.Owner, Number: small(s.Number),
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
		return q.CountSpecification(ctx, db.CountSpecificationParams{
			ID: p.ID, OwnerID: p.Owner, SpecificationCount: small(p.SpecificationCount),
			NextSpecificationNumber: small(p.NextSpecificationNumber), UpdatedAt: p.UpdatedAt,
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

package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/outline"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// Specification implements outline.Store.
func (s *Store) Specification(ctx context.Context, actor identity.Actor, spec outline.SpecificationID) (outline.Specification, error) {
	var row db.GetSpecificationRow
	err := s.read(ctx, actor, func(q *db.Queries) (err error) { row, err = q.GetSpecification(ctx, spec, actor.User); return err })
	return specificationOf(row.Specification, row.ProjectTrashed), orMissing(err, fault.SpecificationNotFound)
}

// Specifications implements outline.Store.
func (s *Store) Specifications(ctx context.Context, actor identity.Actor, project outline.ProjectID, list outline.ListQuery) (outline.Project, []outline.Specification, error) {
	var parent db.Project
	var page []outline.Specification
	err := s.read(ctx, actor,
		func(q *db.Queries) (err error) { parent, err = q.GetProject(ctx, project, actor.User); return err },
		listQuery(ctx, specificationLists, project, actor.User, list, func(row db.Specification) outline.Specification { return specificationOf(row, false) }, &page))
	return projectOf(parent), page, orMissing(err, fault.ProjectNotFound)
}

// LockSpecification implements outline.Tx.
func (t *outlineTx) LockSpecification(ctx context.Context, spec outline.SpecificationID) (outline.Specification, time.Time, error) {
	var row db.LockSpecificationRow
	err := t.read(ctx, func(q *db.Queries) (err error) { row, err = q.LockSpecification(ctx, spec, t.actor.User); return err })
	return specificationOf(row.Specification, row.ProjectTrashed), row.At.UTC(), orMissing(err, fault.SpecificationNotFound)
}

// LockProjectAndSpecification implements outline.Tx.
func (t *outlineTx) LockProjectAndSpecification(ctx context.Context, spec outline.SpecificationID) (outline.Project, outline.Specification, time.Time, error) {
	var row db.LockProjectAndSpecificationRow
	err := t.read(ctx, func(q *db.Queries) (err error) {
		row, err = q.LockProjectAndSpecification(ctx, spec, t.actor.User)
		return err
	})
	return projectOf(row.Project), specificationOf(row.Specification, row.Project.Trashed), row.At.UTC(), orMissing(err, fault.SpecificationNotFound)
}

// InsertSpecification implements outline.Tx.
func (t *outlineTx) InsertSpecification(ctx context.Context, s outline.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.InsertSpecification(ctx, db.InsertSpecificationParams{
			ID: s.ID, ProjectID: s.Project, OwnerID: s.Owner, Number: small(s.Number),
			Title: s.Title, Content: s.Content, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
		})
	})
}

// UpdateSpecification implements outline.Tx.
func (t *outlineTx) UpdateSpecification(ctx context.Context, s outline.Specification) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.UpdateSpecification(ctx, db.UpdateSpecificationParams{
			ID: s.ID, OwnerID: s.Owner, Title: s.Title, Content: s.Content, UpdatedAt: s.UpdatedAt, DeletedAt: s.DeletedAt,
		})
	})
}

// CountSpecification implements outline.Tx.
func (t *outlineTx) CountSpecification(ctx context.Context, p outline.Project) error {
	return t.write(ctx, func(q *db.Queries) error {
		return q.CountSpecification(ctx, db.CountSpecificationParams{
			ID: p.ID, OwnerID: p.Owner, SpecificationCount: small(p.SpecificationCount),
			NextSpecificationNumber: small(p.NextSpecificationNumber), UpdatedAt: p.UpdatedAt,
		})
	})
}

func specificationOf(row db.Specification, projectTrashed bool) outline.Specification {
	return outline.Specification{
		ID: row.ID, Project: row.ProjectID, Owner: row.OwnerID, Number: int(row.Number),
		Title: row.Title, Content: row.Content, Items: row.ItemIDs, NextItemNumber: int(row.NextItemNumber),
		Version: row.Version, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
		DeletedAt: row.DeletedAt, ProjectTrashed: projectTrashed,
	}
}

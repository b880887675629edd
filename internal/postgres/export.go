package postgres

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// How much a walk holds at a time: pages of projects, and of specifications with
// their items.
const (
	walkProjects       = 100
	walkSpecifications = 10
)

// Walk implements requirements.Store. All of it is one transaction that only reads,
// so it shows one moment.
func (s *Store) Walk(ctx context.Context, actor auth.Actor, visit requirements.Visitor) error {
	who := patiently(actor)
	who.begin = "begin isolation level repeatable read, read only"
	return s.inTx(ctx, who, func(t *tx) error {
		after := requirements.ProjectID{15: 1} // below every id; the zero id is NULL
		for {
			page, err := t.walkProjects(ctx, actor, after, visit)
			if err != nil || len(page) < walkProjects {
				return err
			}
			after = page[len(page)-1].ID
		}
	})
}

// walkProjects shows one page of projects with all that is in them.
func (t *tx) walkProjects(ctx context.Context, actor auth.Actor, after requirements.ProjectID, visit requirements.Visitor) (page []db.Project, err error) {
	err = t.read(ctx, func(q *db.Queries) (err error) {
		page, err = q.WalkProjects(ctx, db.WalkProjectsParams{OwnerID: actor.User, After: after, Most: walkProjects})
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, row := range page {
		if err := visit.Project(projectOf(row)); err != nil {
			return nil, err
		}
		if err := t.walkProject(ctx, row, visit); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// walkProject shows the specifications of a project.
func (t *tx) walkProject(ctx context.Context, project db.Project, visit requirements.Visitor) error {
	after := int32(0)
	for {
		var page []db.Specification
		err := t.read(ctx, func(q *db.Queries) (err error) {
			page, err = q.WalkSpecifications(ctx, db.WalkSpecificationsParams{
				ProjectID: project.ID, OwnerID: project.OwnerID, After: after, Most: walkSpecifications,
			})
			return err
		})
		if err != nil || len(page) == 0 {
			return err
		}
		if err := t.walkItems(ctx, page, visit); err != nil {
			return err
		}
		if len(page) < walkSpecifications {
			return nil
		}
		after = page[len(page)-1].Number
	}
}

// walkItems shows some specifications with their items, read in one round trip.
func (t *tx) walkItems(ctx context.Context, specs []db.Specification, visit requirements.Visitor) error {
	items := make([][]db.BulletItem, len(specs))
	queries := make([]query, len(specs))
	for n, spec := range specs {
		queries[n] = func(q *db.Queries) (err error) { items[n], err = q.ListItems(ctx, spec.ID, spec.OwnerID); return err }
	}
	if err := t.read(ctx, queries...); err != nil {
		return err
	}
	for n, row := range specs {
		spec := specificationOf(row, false)
		if err := visit.Specification(spec, spec.Sorted(itemsOf(items[n]))); err != nil {
			return err
		}
	}
	return nil
}

package postgres

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The page sizes of an export: projects, and specifications with their items.
const (
	exportProjects       = 100
	exportSpecifications = 10
)

// Walk implements requirements.Store. All of it is one read-only transaction, so it
// shows one snapshot.
func (s *Store) Walk(ctx context.Context, actor auth.Actor, visit requirements.Visitor) error {
	return s.walk(ctx, actor, visit, func(*tx, db.Project) error { return nil })
}

// walk visits the projects of a user with their contents, and calls more behind each.
func (s *Store) walk(ctx context.Context, actor auth.Actor, visit requirements.Visitor, more func(*tx, db.Project) error) error {
	return s.inTx(ctx, scopeToExportOf(actor), func(t *tx) error {
		if err := t.lockExport(ctx, actor.User); err != nil {
			return err
		}
		after := requirements.ProjectID{15: 1} // below every id; the zero id is NULL
		for {
			page, err := t.exportProjects(ctx, actor, after, visit, more)
			if err != nil {
				return err
			}
			if len(page) < exportProjects {
				return t.exportMemberships(ctx, visit)
			}
			after = page[len(page)-1].Project.ID
		}
	})
}

// exportRetry is the Retry-After of an export while another one runs.
const exportRetry = 20 * time.Second

// lockExport takes the export lock of a user until the transaction ends, so that a user
// has one export at all replicas together.
func (t *tx) lockExport(ctx context.Context, user auth.UserID) error {
	var locked bool
	number := advisoryLock("export", user[:])
	err := t.read(ctx, func(q *db.Queries) error {
		return q.DB().QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", number).Scan(&locked)
	})
	if err != nil || locked {
		return err
	}
	p := problem.New(problem.RateLimited, "Another export of this user is running. Wait until it ends.")
	p.RetryAfter = exportRetry
	return p
}

// exportProjects visits one page of projects with their contents.
func (t *tx) exportProjects(ctx context.Context, actor auth.Actor, after requirements.ProjectID, visit requirements.Visitor, more func(*tx, db.Project) error) ([]db.ExportProjectsRow, error) {
	var page []db.ExportProjectsRow
	err := t.read(ctx, get(&page, func(q *db.Queries) ([]db.ExportProjectsRow, error) {
		return q.ExportProjects(ctx, db.ExportProjectsParams{OwnerID: actor.User, After: after, MaxRows: exportProjects})
	}))
	if err != nil {
		return nil, err
	}
	for _, row := range page {
		if err := visit.Project(shownProject(db.GetProjectWithOwnerRow(row), requirements.RoleOwner)); err != nil {
			return nil, err
		}
		if err := t.exportProject(ctx, row.Project, visit); err != nil {
			return nil, err
		}
		if err := more(t, row.Project); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// exportMemberships visits the projects that are shared with the user.
func (t *tx) exportMemberships(ctx context.Context, visit requirements.Visitor) error {
	var shared []sharedProject
	if err := t.read(ctx, listShared(ctx, &shared, "ORDER BY since, id")); err != nil {
		return err
	}
	return visit.Memberships(convertAll(shared, func(s sharedProject) requirements.Membership {
		return requirements.Membership{Project: s.Project.ID, Title: s.Project.Title, Role: s.Project.Role, Since: s.Since}
	}))
}

// exportProject visits the specifications of a project.
func (t *tx) exportProject(ctx context.Context, project db.Project, visit requirements.Visitor) error {
	after := int32(0)
	for {
		var page []db.Specification
		err := t.read(ctx, get(&page, func(q *db.Queries) ([]db.Specification, error) {
			return q.ExportSpecifications(ctx, db.ExportSpecificationsParams{
				ProjectID: project.ID, OwnerID: project.OwnerID, After: after, MaxRows: exportSpecifications,
			})
		}))
		if err != nil || len(page) == 0 {
			return err
		}
		if err := t.exportItems(ctx, page, visit); err != nil {
			return err
		}
		if len(page) < exportSpecifications {
			return nil
		}
		after = page[len(page)-1].Number
	}
}

// exportItems visits specifications with their items, read in one round trip.
func (t *tx) exportItems(ctx context.Context, specs []db.Specification, visit requirements.Visitor) error {
	items := make([][]db.BulletItem, len(specs))
	queries := make([]query, len(specs))
	for n, spec := range specs {
		queries[n] = get(&items[n], func(q *db.Queries) ([]db.BulletItem, error) { return q.ListItems(ctx, spec.ID, spec.OwnerID) })
	}
	if err := t.read(ctx, queries...); err != nil {
		return err
	}
	for n, row := range specs {
		spec := specificationOf(row, false)
		if err := visit.Specification(spec, spec.Sorted(convertAll(items[n], itemOf))); err != nil {
			return err
		}
	}
	return nil
}

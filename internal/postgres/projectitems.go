package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// ProjectItems implements requirements.Store.
func (s *Store) ProjectItems(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q requirements.ProjectItemsQuery) (requirements.Project, []requirements.Item, error) {
	var parent db.GetProjectRow
	var rows []db.ListProjectItemsRow
	items := get(&rows, func(queries *db.Queries) ([]db.ListProjectItemsRow, error) {
		return listProjectItems(ctx, queries, actor.Owner(), project, q)
	})
	if q.Refs != nil {
		items = get(&rows, func(queries *db.Queries) ([]db.ListProjectItemsRow, error) {
			return findProjectItems(ctx, queries, actor.Owner(), project, q)
		})
	}
	err := s.read(ctx, actor,
		get(&parent, func(queries *db.Queries) (db.GetProjectRow, error) {
			return queries.GetProject(ctx, project, actor.Owner())
		}), items)
	return projectOf(parent.Project, parent.Revision), convertAll(rows, projectItemOf), notFoundAs(problem.ProjectNotFound, err)
}

// positionOf is the position that a page begins behind. Numbers of specifications count
// from 1.
func positionOf(after *page.Cursor) (specification, place int32, item pgtype.UUID) {
	if after == nil {
		return 0, 0, pgtype.UUID{}
	}
	return int32Of(after.Number), int32Of(after.Place), pgtype.UUID{Bytes: after.ID, Valid: true}
}

func listProjectItems(ctx context.Context, queries *db.Queries, owner auth.UserID, project requirements.ProjectID, q requirements.ProjectItemsQuery) ([]db.ListProjectItemsRow, error) {
	specification, place, item := positionOf(q.After)
	return queries.ListProjectItems(ctx, db.ListProjectItemsParams{
		OwnerID: owner, ProjectID: project, AfterSpecification: specification, AfterItem: item, AfterPlace: place,
		PageSize: int32Of(q.Limit), MaxBytes: page.MaxBytes,
	})
}

func findProjectItems(ctx context.Context, queries *db.Queries, owner auth.UserID, project requirements.ProjectID, q requirements.ProjectItemsQuery) ([]db.ListProjectItemsRow, error) {
	specification, place, item := positionOf(q.After)
	params := db.FindProjectItemsParams{
		OwnerID: owner, ProjectID: project, AfterSpecification: specification, AfterItem: item, AfterPlace: place, PageSize: int32Of(q.Limit),
	}
	for _, r := range q.Refs {
		params.SpecificationNumbers = append(params.SpecificationNumbers, int32Of(r.Specification))
		params.ItemNumbers = append(params.ItemNumbers, int32Of(r.Item))
	}
	found, err := queries.FindProjectItems(ctx, params)
	return convertAll(found, func(row db.FindProjectItemsRow) db.ListProjectItemsRow { return db.ListProjectItemsRow(row) }), err
}

func projectItemOf(row db.ListProjectItemsRow) requirements.Item {
	item := itemOf(db.BulletItem{
		ID: row.ID, SpecID: row.SpecID, OwnerID: row.OwnerID, Number: row.Number, Content: row.Content,
		Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	})
	item.Order, item.SpecificationNumber = int(row.AtPlace), int(row.SpecificationNumber)
	return item
}

package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// RestoreInTx implements history.Store.
func (s *Store) RestoreInTx(ctx context.Context, actor auth.Actor, decide func(history.Tx) error) error {
	return s.inTx(ctx, scopeTo(actor), func(t *tx) error {
		return decide(&requirementsTx{tx: t, actor: actor})
	})
}

// LockSpecificationSince implements history.Tx.
func (t *requirementsTx) LockSpecificationSince(ctx context.Context, spec requirements.SpecificationID, revision int64) (history.Since, time.Time, error) {
	var parent db.LockSpecificationRow
	var items []db.BulletItem
	var changes []db.Change
	err := t.read(ctx,
		get(&parent, func(q *db.Queries) (db.LockSpecificationRow, error) {
			return q.LockSpecification(ctx, spec, t.actor.Owner())
		}),
		get(&items, func(q *db.Queries) ([]db.BulletItem, error) { return q.ListItems(ctx, spec, t.actor.Owner()) }),
		get(&changes, func(q *db.Queries) ([]db.Change, error) {
			return q.ListSpecificationChanges(ctx, db.ListSpecificationChangesParams{
				OwnerID: t.actor.Owner(), SpecID: &spec, After: revision, MaxRows: maxRewound,
			})
		}))
	if err == nil {
		err = checkCount(changes)
	}
	if err != nil {
		return history.Since{}, time.Time{}, notFoundAs(problem.SpecificationNotFound, err)
	}
	return since(specificationOf(parent.Specification, parent.ProjectTrashed), items, changes, nil), parent.At.UTC(), nil
}

// LockProjectSince implements history.Tx. It locks in one round trip and reads in another:
// the rows are those that the locks protect.
func (t *requirementsTx) LockProjectSince(ctx context.Context, project requirements.ProjectID, revision int64) (history.ProjectSince, error) {
	var row db.LockProjectRow
	var newest db.GetProjectHeadRow
	var specs []db.Specification
	if err := t.read(ctx,
		get(&row, func(q *db.Queries) (db.LockProjectRow, error) { return q.LockProject(ctx, project, t.actor.Owner()) }),
		t.headOf(ctx, project, &newest),
		get(&specs, func(q *db.Queries) ([]db.Specification, error) {
			return q.LockSpecificationsSince(ctx, db.LockSpecificationsSinceParams{ProjectID: project, OwnerID: t.actor.Owner(), After: revision})
		})); err != nil {
		return history.ProjectSince{}, notFoundAs(problem.ProjectNotFound, err)
	}
	found := history.ProjectSince{Project: t.project(row.Project, newest), At: row.At.UTC()}
	var changes []db.Change
	ofSpecs, err := t.since(ctx, t.actor.Owner(), specs, revision, true,
		get(&changes, func(q *db.Queries) ([]db.Change, error) {
			return q.ListProjectChanges(ctx, db.ListProjectChangesParams{OwnerID: t.actor.Owner(), ProjectID: project, After: revision, MaxRows: maxRewound})
		}))
	if err == nil {
		err = checkCount(changes)
	}
	found.Specifications, found.Changes = ofSpecs, convertAll(changes, changeOf)
	return found, err
}

// since reads what belongs to specifications, and the other queries, in one round trip.
func (t *tx) since(ctx context.Context, owner auth.UserID, specs []db.Specification, revision int64, contents bool, others ...query) ([]history.Since, error) {
	ids := convertAll(specs, func(spec db.Specification) pgtype.UUID { return optionalUUID(&spec.ID) })
	var rows []db.ListItemsOfSpecificationsRow
	var changes []db.Change
	if err := t.read(ctx, slices.Concat(others, []query{
		get(&rows, func(q *db.Queries) ([]db.ListItemsOfSpecificationsRow, error) {
			return q.ListItemsOfSpecifications(ctx, db.ListItemsOfSpecificationsParams{OwnerID: owner, SpecIDs: ids, Contents: contents})
		}),
		get(&changes, func(q *db.Queries) ([]db.Change, error) {
			return q.ListChangesOfSpecifications(ctx, db.ListChangesOfSpecificationsParams{OwnerID: owner, SpecIDs: ids, After: revision, MaxRows: maxRewound})
		}),
	})...); err != nil {
		return nil, err
	}
	if err := checkCount(changes); err != nil {
		return nil, err
	}
	items := convertAll(rows, func(row db.ListItemsOfSpecificationsRow) db.BulletItem { return db.BulletItem(row) })
	itemsOf := groupBy(items, func(i db.BulletItem) requirements.SpecificationID { return i.SpecID })
	changesOf := groupBy(changes, func(c db.Change) requirements.SpecificationID { return *c.SpecID })
	list := make([]history.Since, len(specs))
	for n, spec := range specs {
		list[n] = since(specificationOf(spec, false), itemsOf[spec.ID], changesOf[spec.ID], nil)
	}
	return list, nil
}

// LockDeletion implements history.Tx.
func (t *requirementsTx) LockDeletion(ctx context.Context, item requirements.ItemID) (history.Since, history.Change, time.Time, error) {
	var row db.Change
	if err := t.read(ctx, get(&row, func(q *db.Queries) (db.Change, error) { return q.GetDeletion(ctx, t.actor.Owner(), &item) })); err != nil {
		return history.Since{}, history.Change{}, time.Time{}, notFoundAs(problem.ItemNotFound, err)
	}
	found, at, err := t.LockSpecificationSince(ctx, *row.SpecID, row.Revision)
	if problem.CodeOf(err) == problem.SpecificationNotFound {
		err = problem.NotFound(problem.ItemNotFound)
	}
	return found, changeOf(row), at, err
}

// Locations implements history.Tx.
func (t *requirementsTx) Locations(ctx context.Context, items []requirements.ItemID) (map[requirements.ItemID]requirements.SpecificationID, error) {
	var rows []db.ListLocationsRow
	err := t.read(ctx, get(&rows, func(q *db.Queries) ([]db.ListLocationsRow, error) {
		return q.ListLocations(ctx, t.actor.Owner(), convertAll(items, uuidOf))
	}))
	locations := make(map[requirements.ItemID]requirements.SpecificationID, len(rows))
	for _, row := range rows {
		locations[row.ID] = row.SpecID
	}
	return locations, err
}

// ReadRevision implements history.Tx.
func (t *requirementsTx) ReadRevision(ctx context.Context, p *requirements.Project) error {
	return t.queue(ctx, t.revisionOf(ctx, p.ID, &p.Revision))
}

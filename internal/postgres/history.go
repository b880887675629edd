package postgres

import (
	"context"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// ResolveProject implements history.Store.
func (s *Store) ResolveProject(ctx context.Context, actor auth.Actor, project requirements.ProjectID, p history.Point) (history.Resolved, error) {
	at, err := s.resolve(ctx, actor, db.ResolveRevisionParams{ProjectID: optionalUUID(&project)}, p)
	return at, notFoundAs(problem.ProjectNotFound, err)
}

// ResolveSpecification implements history.Store.
func (s *Store) ResolveSpecification(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, p history.Point) (history.Resolved, error) {
	at, err := s.resolve(ctx, actor, db.ResolveRevisionParams{SpecID: optionalUUID(&spec)}, p)
	return at, notFoundAs(problem.SpecificationNotFound, err)
}

func (s *Store) resolve(ctx context.Context, actor auth.Actor, params db.ResolveRevisionParams, p history.Point) (history.Resolved, error) {
	params.OwnerID = actor.Owner()
	params.Revision, params.Version, params.At, params.Baseline = p.Revision, p.Version, p.Time, p.Baseline
	var row db.ResolveRevisionRow
	err := s.read(ctx, actor, get(&row, func(q *db.Queries) (db.ResolveRevisionRow, error) { return q.ResolveRevision(ctx, params) }))
	return history.Resolved{
		Project: row.ProjectID, Revision: row.Revision, Head: row.Head, Oldest: row.Oldest, Known: row.Revision >= 0,
		Trashed: row.Trashed, Version: row.Version,
	}, err
}

// SpecificationSince implements history.Store.
func (s *Store) SpecificationSince(ctx context.Context, actor auth.Actor, project requirements.ProjectID, spec requirements.SpecificationID, revision int64) (history.Since, error) {
	var parent db.GetSpecificationRow
	var items []db.BulletItem
	var changes, ofProject []db.Change
	err := s.read(ctx, actor,
		get(&parent, func(q *db.Queries) (db.GetSpecificationRow, error) {
			return q.GetSpecification(ctx, spec, actor.Owner())
		}),
		get(&items, func(q *db.Queries) ([]db.BulletItem, error) { return q.ListItems(ctx, spec, actor.Owner()) }),
		get(&changes, func(q *db.Queries) ([]db.Change, error) {
			return q.ListSpecificationChanges(ctx, db.ListSpecificationChangesParams{
				OwnerID: actor.Owner(), SpecID: &spec, After: revision, MaxRows: maxRewound,
			})
		}),
		get(&ofProject, func(q *db.Queries) ([]db.Change, error) {
			return q.ListProjectChanges(ctx, db.ListProjectChangesParams{OwnerID: actor.Owner(), ProjectID: project, After: revision, MaxRows: maxRewound})
		}))
	if err == nil {
		err = checkCount(changes, ofProject)
	}
	if err != nil {
		return history.Since{}, notFoundAs(problem.SpecificationNotFound, err)
	}
	return since(specificationOf(parent.Specification, parent.ProjectTrashed), items, changes, ofProject), nil
}

func since(spec requirements.Specification, items []db.BulletItem, changes, ofProject []db.Change) history.Since {
	return history.Since{
		ItemList:       requirements.ItemList{Specification: spec, Items: spec.Sorted(convertAll(items, itemOf))},
		Changes:        convertAll(changes, changeOf),
		ProjectChanges: convertAll(ofProject, changeOf),
	}
}

// maxRewound is how many changes a query reads: one more than may be taken back.
const maxRewound = history.MaxRewound + 1

// checkCount returns TooFarBack if a query has found more changes than may be taken back.
func checkCount(lists ...[]db.Change) error {
	for _, changes := range lists {
		if len(changes) > history.MaxRewound {
			return history.TooFarBack(changes[history.MaxRewound-1].Revision)
		}
	}
	return nil
}

// ProjectSince implements history.Store.
func (s *Store) ProjectSince(ctx context.Context, actor auth.Actor, project requirements.ProjectID, revision int64) (requirements.Project, []history.Change, error) {
	var row db.GetProjectRow
	var changes []db.Change
	err := s.read(ctx, actor,
		get(&row, func(q *db.Queries) (db.GetProjectRow, error) { return q.GetProject(ctx, project, actor.Owner()) }),
		get(&changes, func(q *db.Queries) ([]db.Change, error) {
			return q.ListProjectChanges(ctx, db.ListProjectChangesParams{OwnerID: actor.Owner(), ProjectID: project, After: revision, MaxRows: maxRewound})
		}))
	if err == nil {
		err = checkCount(changes)
	}
	return projectOf(row.Project, row.Revision), convertAll(changes, changeOf), notFoundAs(problem.ProjectNotFound, err)
}

// SpecificationsAt implements history.Store.
func (s *Store) SpecificationsAt(ctx context.Context, actor auth.Actor, project requirements.ProjectID, at history.AtQuery) ([]history.Since, error) {
	return s.specificationsSince(ctx, actor, at, func(q *db.Queries) ([]db.Specification, error) {
		return q.ListSpecificationsAt(ctx, db.ListSpecificationsAtParams{
			OwnerID: actor.Owner(), ProjectID: project, Revision: at.Revision, AfterNumber: int32Of(at.After), MaxRows: int32Of(at.Limit),
		})
	})
}

// SpecificationsChanged implements history.Store.
func (s *Store) SpecificationsChanged(ctx context.Context, actor auth.Actor, project requirements.ProjectID, at history.AtQuery) ([]history.Since, error) {
	return s.specificationsSince(ctx, actor, at, func(q *db.Queries) ([]db.Specification, error) {
		return q.ListSpecificationsChanged(ctx, db.ListSpecificationsChangedParams{
			OwnerID: actor.Owner(), ProjectID: project, Revision: at.Revision, AfterNumber: int32Of(at.After), MaxRows: int32Of(at.Limit),
		})
	})
}

// specificationsSince reads specifications in one round trip, and what belongs to them in
// another, in one snapshot.
func (s *Store) specificationsSince(ctx context.Context, actor auth.Actor, at history.AtQuery, list func(*db.Queries) ([]db.Specification, error)) (found []history.Since, err error) {
	err = s.inTx(ctx, scopeToSnapshotOf(actor), func(t *tx) error {
		var specs []db.Specification
		if err := t.read(ctx, get(&specs, list)); err != nil || len(specs) == 0 {
			return err
		}
		found, err = t.since(ctx, actor.Owner(), specs, at.Revision, at.Items)
		return err
	})
	return found, err
}

// Changes implements history.Store.
func (s *Store) Changes(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q history.ChangeQuery) ([]history.Change, error) {
	var rows []db.ListChangesRow
	var kind *string
	if q.Kind != nil {
		kind = new(string(*q.Kind))
	}
	err := s.read(ctx, actor, get(&rows, func(queries *db.Queries) ([]db.ListChangesRow, error) {
		if q.Since == nil {
			after := history.Position{Revision: 1 << 62}
			if q.After != nil {
				after = *q.After
			}
			return queries.ListChanges(ctx, db.ListChangesParams{
				OwnerID: actor.Owner(), ProjectID: project, BeforeRevision: after.Revision, BeforeNumber: after.Number,
				SpecID: optionalUUID(q.Specification), ActorID: optionalUUID(q.Actor), Kind: kind, MaxRows: int32Of(q.Limit),
			})
		}
		after := history.Position{Revision: *q.Since, Number: 1<<63 - 1}
		if q.After != nil {
			after = *q.After
		}
		newer, err := queries.ListChangesSince(ctx, db.ListChangesSinceParams{
			OwnerID: actor.Owner(), ProjectID: project, AfterRevision: after.Revision, AfterNumber: after.Number,
			SpecID: optionalUUID(q.Specification), ActorID: optionalUUID(q.Actor), Kind: kind, MaxRows: int32Of(q.Limit),
		})
		return convertAll(newer, func(row db.ListChangesSinceRow) db.ListChangesRow { return db.ListChangesRow(row) }), err
	}))
	return convertAll(rows, listedChangeOf), err
}

// Revisions implements history.Store.
func (s *Store) Revisions(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64, limit int) ([]history.Change, error) {
	var rows []db.ListRevisionsRow
	err := s.read(ctx, actor, get(&rows, func(q *db.Queries) ([]db.ListRevisionsRow, error) {
		return q.ListRevisions(ctx, db.ListRevisionsParams{OwnerID: actor.Owner(), SpecID: &spec, BeforeRevision: before, MaxRows: int32Of(limit)})
	}))
	return convertAll(rows, func(row db.ListRevisionsRow) history.Change { return listedChangeOf(db.ListChangesRow(row)) }), err
}

func changeOf(row db.Change) history.Change {
	c := history.Change{
		Project: row.ProjectID, Revision: row.Revision, Number: row.Number, At: row.RevisedAt.UTC(), Kind: history.Kind(row.Kind),
		Specification: orZero(row.SpecID), Item: orZero(row.ItemID), ItemNumber: int(orZero(row.ItemNumber)),
		SpecificationVersion: orZero(row.SpecVersion), ItemVersion: orZero(row.ItemVersion), Actor: history.Actor{ID: orZero(row.ActorID)},
		Erased: row.Erased,
	}
	c.Old = history.Old{
		Title: row.OldTitle, Content: row.OldContent, Items: row.OldItemIDs, DeletedAt: row.OldDeletedAt,
		CreatedAt: orZero(row.OldCreatedAt).UTC(), UpdatedAt: orZero(row.OldUpdatedAt).UTC(), SpecificationUpdatedAt: orZero(row.OldSpecUpdatedAt).UTC(),
	}
	if row.OldPlace != nil {
		c.Old.Place = new(int(*row.OldPlace))
	}
	return c
}

// listedChangeOf returns a change without what it replaced.
func listedChangeOf(row db.ListChangesRow) history.Change {
	return history.Change{
		Project: row.ProjectID, Revision: row.Revision, Number: row.Number, At: row.RevisedAt.UTC(), Kind: history.Kind(row.Kind),
		Specification: orZero(row.SpecID), SpecificationNumber: int(row.SpecNumber), Item: orZero(row.ItemID), ItemNumber: int(orZero(row.ItemNumber)),
		SpecificationVersion: orZero(row.SpecVersion), ItemVersion: orZero(row.ItemVersion),
		Actor: actorOf(row.ActorID, row.ActorName),
	}
}

// actorOf returns an author; the name is empty once the account is gone.
func actorOf(user *auth.UserID, name string) history.Actor {
	a := history.Actor{ID: orZero(user)}
	if name != "" {
		a.Name = &name
	}
	return a
}

// optionalUUID returns an optional id as a parameter.
func optionalUUID[T any](v *id.Of[T]) pgtype.UUID {
	if v == nil {
		return pgtype.UUID{}
	}
	return pgtype.UUID{Bytes: *v, Valid: true}
}

// orZero returns the value, or the zero value without one.
func orZero[T any](v *T) T {
	if v == nil {
		return *new(T)
	}
	return *v
}

// groupBy groups rows by a key; the order within a group stays.
func groupBy[K comparable, T any](rows []T, key func(T) K) map[K][]T {
	groups := map[K][]T{}
	for _, row := range rows {
		groups[key(row)] = append(groups[key(row)], row)
	}
	return groups
}

package history

import (
	"context"
	"slices"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Service executes the use cases of the API that need the history.
type Service struct {
	store  Store
	limits requirements.Limits
}

// NewService returns the service over a store.
func NewService(store Store, limits requirements.Limits) *Service {
	return &Service{store: store, limits: limits}
}

// SpecificationAt returns a specification with its items as it was at a point. It is
// SpecificationNotFound if it did not exist then, or was in the trash.
func (s *Service) SpecificationAt(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, p Point) (requirements.ItemList, error) {
	at, err := s.resolveSpecification(ctx, actor, spec, p)
	if err != nil {
		return requirements.ItemList{}, err
	}
	since, err := s.store.SpecificationSince(ctx, actor, at.Project, spec, at.Revision)
	if err != nil {
		return requirements.ItemList{}, err
	}
	state, err := since.rewind(p)
	if err == nil && !state.Live() {
		err = problem.NotFound(problem.SpecificationNotFound)
	}
	return state.ItemList, err
}

// resolveSpecification returns the revision that a point names, if its state can be read.
func (s *Service) resolveSpecification(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, p Point) (Resolved, error) {
	at, err := s.store.ResolveSpecification(ctx, actor, spec, p)
	if err != nil {
		return at, err
	}
	return at, at.check(p)
}

// rewind returns the state of the specification before the changes. It is HistoryExpired if
// that has not the version of the point: the history does not go back so far.
func (s Since) rewind(p Point) (State, error) {
	state, err := Rewind(StateOf(s.ItemList), s.Changes)
	if err == nil && p.Version != nil && state.Specification.Version != *p.Version {
		err = errExpired()
	}
	state.Specification.ProjectTrashed = trashedBefore(s.ProjectChanges, s.Specification.ProjectTrashed)
	return state, err
}

// trashedBefore reports whether a project was in the trash before the changes.
func trashedBefore(changes []Change, now bool) bool {
	for _, c := range changes {
		if c.Kind == ProjectTrashed || c.Kind == ProjectRestored {
			now = c.Kind == ProjectRestored
		}
	}
	return now
}

// SpecificationsAt returns one page of the specifications of a project that were live at
// a point, by number.
func (s *Service) SpecificationsAt(ctx context.Context, actor auth.Actor, project requirements.ProjectID, p Point, q page.Query) (page.Page[requirements.Specification], error) {
	none := page.Page[requirements.Specification]{}
	at, _, err := s.resolveLive(ctx, actor, project, p)
	if err != nil {
		return none, err
	}
	query := AtQuery{Revision: at.Revision, Limit: q.Limit + 1}
	if q.After != nil {
		query.After = q.After.Number
	}
	rows, err := s.store.SpecificationsAt(ctx, actor, project, query)
	if err != nil {
		return none, err
	}
	specs := make([]requirements.Specification, 0, len(rows))
	for _, row := range rows {
		state, err := row.rewind(Point{})
		if err != nil {
			return none, err
		}
		specs = append(specs, state.Specification)
	}
	return page.CutBytes(specs, q.Limit, func(s requirements.Specification) int { return len(s.Content) }, func(s requirements.Specification) page.Cursor {
		return page.Cursor{Number: s.Number, ID: s.ID}
	}), nil
}

// resolveLive returns the revision that a point names, and the project with the title and
// description of then. It is ProjectNotFound if the project was not live then.
func (s *Service) resolveLive(ctx context.Context, actor auth.Actor, project requirements.ProjectID, p Point) (Resolved, requirements.Project, error) {
	at, err := s.store.ResolveProject(ctx, actor, project, p)
	if err == nil {
		err = at.check(p)
	}
	if err != nil {
		return at, requirements.Project{}, err
	}
	then, changes, err := s.store.ProjectSince(ctx, actor, project, at.Revision)
	if err == nil && (trashedBefore(changes, then.DeletedAt != nil) || !existed(changes)) {
		err = problem.NotFound(problem.ProjectNotFound)
	}
	for _, c := range changes {
		if c.Erased && err == nil {
			err = errExpired()
		}
		set(&then.Title, c.Old.Title)
		set(&then.Description, c.Old.Content)
	}
	return at, then, err
}

// existed reports whether a project existed before the changes.
func existed(changes []Change) bool {
	return !slices.ContainsFunc(changes, func(c Change) bool { return c.Kind == ProjectCreated })
}

// Changes returns one page of the changes of a live project.
func (s *Service) Changes(ctx context.Context, actor auth.Actor, project requirements.ProjectID, q ChangeQuery) (page.Page[Change], error) {
	limit := q.Limit
	q.Limit++
	if err := s.checkProject(ctx, actor, project, q.Since); err != nil {
		return page.Page[Change]{}, err
	}
	rows, err := s.store.Changes(ctx, actor, project, q)
	if err != nil {
		return page.Page[Change]{}, err
	}
	return page.Cut(rows, limit, func(c Change) page.Cursor { return Position{c.Revision, c.Number}.Cursor() }), nil
}

// checkProject returns nil if the project is live, and its history goes back to a
// revision.
func (s *Service) checkProject(ctx context.Context, actor auth.Actor, project requirements.ProjectID, since *int64) error {
	p := Point{Revision: since}
	at, err := s.store.ResolveProject(ctx, actor, project, p)
	switch {
	case err != nil:
		return err
	case at.Trashed:
		return problem.NotFound(problem.ProjectNotFound)
	}
	return at.check(p)
}

// checkSpecification returns nil if the specification is live, and has reached a version.
func (s *Service) checkSpecification(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, version *int64) error {
	p := Point{Version: version}
	at, err := s.store.ResolveSpecification(ctx, actor, spec, p)
	switch {
	case err != nil:
		return err
	case at.Trashed:
		return problem.NotFound(problem.SpecificationNotFound)
	}
	return at.checkVersion(p)
}

// Revisions returns one page of the revisions that changed a live specification, the
// newest first. Before is the end of the page before; zero for the first page.
func (s *Service) Revisions(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64, limit int) ([]Revision, int64, error) {
	if err := s.checkSpecification(ctx, actor, spec, nil); err != nil {
		return nil, 0, err
	}
	if before == 0 {
		before = newest
	}
	changes, err := s.store.Revisions(ctx, actor, spec, before, limit+1)
	if err != nil {
		return nil, 0, err
	}
	revisions := revisionsOf(changes)
	if len(revisions) <= limit {
		return revisions, 0, nil
	}
	return revisions[:limit], revisions[limit-1].Revision, nil
}

// newest is after every revision.
const newest = int64(1) << 62

// TwoStates returns a live specification at two points.
func (s *Service) TwoStates(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, from, to Point) (before, after requirements.ItemList, err error) {
	if before, err = s.SpecificationAt(ctx, actor, spec, from); err != nil {
		return before, after, err
	}
	after, err = s.SpecificationAt(ctx, actor, spec, to)
	return before, after, err
}

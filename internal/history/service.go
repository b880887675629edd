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
	at, err := s.store.ResolveSpecification(ctx, actor, spec, p)
	if err != nil {
		return requirements.ItemList{}, err
	}
	if err := at.check(p); err != nil {
		return requirements.ItemList{}, err
	}
	since, err := s.store.SpecificationSince(ctx, actor, spec, at.Revision)
	if err != nil {
		return requirements.ItemList{}, err
	}
	state, err := since.rewind(at.Revision)
	if err == nil && p.Version != nil {
		err = checkVersion(state, *p.Version, since.Specification.Version)
	}
	if err == nil && !state.Live() {
		err = problem.NotFound(problem.SpecificationNotFound)
	}
	return state.ItemList, err
}

// checkVersion returns nil if the state has the version. It has not if the version is
// older than the history, or was never reached.
func checkVersion(s State, version, now int64) error {
	switch {
	case version > now:
		return problem.New(problem.RevisionNotFound, "The newest version of the specification is v%d.", now)
	case s.Specification.Version != version:
		return errExpired()
	}
	return nil
}

// rewind returns the state of the specification at a revision.
func (s Since) rewind(revision int64) (State, error) {
	if len(s.Changes) > MaxRewound {
		oldest := s.Changes[MaxRewound-1]
		return State{}, problem.New(problem.InvalidParameter,
			"This state is more than %d changes ago. The oldest that one request can read now is r%d.", MaxRewound, oldest.Revision)
	}
	since := func(changes []Change) []Change {
		older := slices.IndexFunc(changes, func(c Change) bool { return c.Revision <= revision })
		if older < 0 {
			return changes
		}
		return changes[:older]
	}
	state, err := Rewind(StateOf(s.ItemList), since(s.Changes))
	if project := since(s.ProjectChanges); err == nil {
		state.Specification.ProjectTrashed = trashedBefore(project, s.Specification.ProjectTrashed)
	}
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
	at, err := s.resolveLive(ctx, actor, project, p)
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
		state, err := row.rewind(at.Revision)
		if err != nil {
			return none, err
		}
		specs = append(specs, state.Specification)
	}
	return page.CutBytes(specs, q.Limit, func(s requirements.Specification) int { return len(s.Content) }, func(s requirements.Specification) page.Cursor {
		return page.Cursor{Number: s.Number, ID: s.ID}
	}), nil
}

// resolveLive returns the revision that a point names, in a project that was live then.
func (s *Service) resolveLive(ctx context.Context, actor auth.Actor, project requirements.ProjectID, p Point) (Resolved, error) {
	at, err := s.store.ResolveProject(ctx, actor, project, p)
	if err != nil {
		return at, err
	}
	if err := at.check(p); err != nil {
		return at, err
	}
	now, changes, err := s.store.ProjectSince(ctx, actor, project, at.Revision)
	if err == nil && (trashedBefore(changes, now.DeletedAt != nil) || !existed(changes)) {
		err = problem.NotFound(problem.ProjectNotFound)
	}
	return at, err
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
	if err != nil {
		return err
	}
	if err := at.check(p); err != nil {
		return err
	}
	now, _, err := s.store.ProjectSince(ctx, actor, project, at.Head)
	if err == nil && now.DeletedAt != nil {
		err = problem.NotFound(problem.ProjectNotFound)
	}
	return err
}

// Revisions returns one page of the revisions that changed a live specification, the
// newest first. Before is the end of the page before; zero for the first page.
func (s *Service) Revisions(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64, limit int) ([]Revision, int64, error) {
	since, err := s.store.SpecificationSince(ctx, actor, spec, newest)
	if err != nil {
		return nil, 0, err
	}
	if !StateOf(since.ItemList).Live() {
		return nil, 0, problem.NotFound(problem.SpecificationNotFound)
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

// EraseHistory deletes the states of a live specification before a version for good: for
// a secret that was pasted. The version itself can still be read.
func (s *Service) EraseHistory(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64) error {
	since, err := s.store.SpecificationSince(ctx, actor, spec, newest)
	if err != nil {
		return err
	}
	switch now := since.Specification; {
	case !StateOf(since.ItemList).Live():
		return problem.NotFound(problem.SpecificationNotFound)
	case before > now.Version:
		return problem.New(problem.RevisionNotFound, "The newest version of the specification is v%d.", now.Version)
	}
	return s.store.EraseHistory(ctx, actor, spec, before)
}

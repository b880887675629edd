package history

import (
	"cmp"
	"context"
	"slices"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// RestoreProject makes a live project with everything in it what it was, or takes back
// one revision of it. Specifications that did not exist then move to the trash.
func (s *Service) RestoreProject(ctx context.Context, actor auth.Actor, project requirements.ProjectID, condition requirements.Precondition, t Target) (now requirements.Project, err error) {
	revision, err := t.resolve(func(p Point) (Resolved, error) { return s.store.ResolveProject(ctx, actor, project, p) })
	if err != nil {
		return now, err
	}
	err = s.store.RestoreInTx(ctx, actor, func(tx Tx) error {
		since, err := tx.LockProjectSince(ctx, project, revision)
		if err != nil {
			return err
		}
		if err := since.Project.CheckChange(condition); err != nil {
			return err
		}
		if now, err = s.writeProject(ctx, tx, since, t); err != nil || now == since.Project {
			return err
		}
		return writeCounts(ctx, tx, since.Project, &now)
	})
	return now, err
}

// writeProject writes what the target says about a locked project.
func (s *Service) writeProject(ctx context.Context, tx Tx, since ProjectSince, t Target) (requirements.Project, error) {
	next := since.Project.WithUpdatedAt(since.At)
	counted, changed := next, false
	for _, spec := range since.Specifications {
		state, found, err := t.specificationState(spec)
		if err != nil {
			return next, err
		}
		if !found {
			continue
		}
		if !state.Exists { // it was created later
			state = StateOf(spec.ItemList)
			state.Specification.DeletedAt = cmp.Or(spec.Specification.DeletedAt, &since.At)
		} else if state.Specification.DeletedAt != nil {
			state.Specification.DeletedAt = cmp.Or(spec.Specification.DeletedAt, &since.At)
		}
		written, wrote, err := s.write(ctx, tx, spec, state, since.At)
		if err != nil {
			return next, err
		}
		changed = changed || wrote
		counted.SpecificationCount += live(written) - live(spec.Specification)
	}
	if counted.SpecificationCount > s.limits.SpecificationsPerProject {
		return next, problem.New(problem.SpecificationLimit, "A project can have at most %d specifications; this one would have %d.",
			s.limits.SpecificationsPerProject, counted.SpecificationCount)
	}
	return withTexts(since, counted, t, changed)
}

// withTexts returns the project with the title and description that the target says. It
// is the project as it is if nothing changes.
func withTexts(since ProjectSince, next requirements.Project, t Target, changed bool) (requirements.Project, error) {
	undone := since.Changes
	if t.Undo != nil {
		undone = slices.DeleteFunc(slices.Clone(since.Changes), func(c Change) bool { return c.Revision != *t.Undo })
		later := slices.DeleteFunc(slices.Clone(since.Changes), func(c Change) bool { return c.Revision <= *t.Undo })
		if err := conflict(undone, later); err != nil {
			return next, err
		}
	}
	if !existed(undone) {
		return next, problem.New(problem.UndoConflict, "The project did not exist before this revision. Move it to the trash instead.")
	}
	for _, c := range undone {
		if c.Erased {
			return next, errExpired()
		}
		set(&next.Title, c.Old.Title)
		set(&next.Description, c.Old.Content)
	}
	now := since.Project
	texts := next.Title != now.Title || next.Description != now.Description
	switch {
	case t.Undo != nil && len(undone) == 0 && !since.has(*t.Undo):
		return now, problem.New(problem.RevisionNotFound, "The project has no revision %s whose changes can be undone.", Text(*t.Undo))
	case !changed && !texts:
		return now, nil
	}
	return next, nil
}

// writeCounts writes what is different of a project, and sets its revision.
func writeCounts(ctx context.Context, tx Tx, before requirements.Project, now *requirements.Project) error {
	texts := now.Title != before.Title || now.Description != before.Description
	counted := now.SpecificationCount != before.SpecificationCount
	switch {
	case !texts && !counted:
		now.Version, now.UpdatedAt = before.Version, before.UpdatedAt
	case texts && counted:
		now.Version++ // each of the two statements counts one
	}
	if counted {
		if err := tx.CountSpecification(ctx, *now); err != nil {
			return err
		}
	}
	if texts {
		return tx.UpdateProject(ctx, now)
	}
	return tx.ReadRevision(ctx, now)
}

// has reports whether a specification changed in the revision.
func (p ProjectSince) has(revision int64) bool {
	return slices.ContainsFunc(p.Specifications, func(s Since) bool {
		return slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Revision == revision })
	})
}

// specificationState returns the state that a specification of a project shall have. It
// returns false if the target is a revision that did not change it.
func (t Target) specificationState(spec Since) (State, bool, error) {
	if t.Undo != nil && !slices.ContainsFunc(spec.Changes, func(c Change) bool { return c.Revision == *t.Undo }) {
		return State{}, false, nil
	}
	state, err := t.state(spec)
	return state, true, err
}

// live counts a specification that is not in the trash.
func live(s requirements.Specification) int {
	if s.DeletedAt != nil {
		return 0
	}
	return 1
}

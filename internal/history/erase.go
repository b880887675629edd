package history

import (
	"context"
	"fmt"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// EraseHistory deletes the states of a live specification before a version for good: for
// a secret that was pasted. The version itself can still be read. It is
// BaselineNeedsHistory if a baseline names a state with one of them.
func (s *Service) EraseHistory(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, before int64) error {
	if err := s.checkSpecification(ctx, actor, spec, &before); err != nil {
		return err
	}
	return s.store.EraseHistory(ctx, actor, spec, before, checkBaselines)
}

// EraseProjectHistory deletes the states of a live project before a revision for good,
// with those of all its specifications. The state at the revision can still be read. It is
// BaselineNeedsHistory if a baseline names an earlier one.
func (s *Service) EraseProjectHistory(ctx context.Context, actor auth.Actor, project requirements.ProjectID, before int64) error {
	at, err := s.store.ResolveProject(ctx, actor, project, Point{Revision: &before})
	switch {
	case err != nil:
		return err
	case at.Trashed:
		return problem.NotFound(problem.ProjectNotFound)
	case before > at.Head:
		return at.check(Point{Revision: &before})
	}
	return s.store.EraseProjectHistory(ctx, actor, project, before, checkBaselines)
}

// checkBaselines returns nil if no baseline needs what shall be deleted.
func checkBaselines(names []string) error {
	if len(names) == 0 {
		return nil
	}
	const shown = 10
	if more := len(names) - shown; more > 0 {
		names = append(names[:shown], fmt.Sprintf("%d more", more))
	}
	return problem.New(problem.BaselineNeedsHistory, "Nothing was deleted, because these baselines name earlier states: %s. Delete them first; they could not be read any more.", inWords(names))
}

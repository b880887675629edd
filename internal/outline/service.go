package outline

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/identity"
)

// Limits are the largest numbers of live things that one parent holds.
type Limits struct {
	ProjectsPerUser int
}

// Service is what the API asks for.
type Service struct {
	store  Store
	limits Limits
}

// NewService returns the rules over a store.
func NewService(store Store, limits Limits) *Service {
	return &Service{store: store, limits: limits}
}

// CreateProject makes a project. At the limit it is ProjectLimit.
func (s *Service) CreateProject(ctx context.Context, actor identity.Actor, draft ProjectDraft) (made Project, err error) {
	err = s.store.Change(ctx, actor, func(tx Tx) error {
		owner, err := tx.LockOwner(ctx)
		if err != nil {
			return err
		}
		if err := s.limits.admitProject(owner); err != nil {
			return err
		}
		made = Project{
			ID: id.New[Project](), Owner: owner.ID, Title: draft.title, Description: draft.description,
			Version: 1, CreatedAt: owner.At, UpdatedAt: owner.At,
		}
		if err := tx.InsertProject(ctx, made); err != nil {
			return err
		}
		return tx.SetProjectCount(ctx, owner.ProjectCount+1)
	})
	return made, err
}

// Project returns a live project.
func (s *Service) Project(ctx context.Context, actor identity.Actor, project ProjectID) (Project, error) {
	p, err := s.store.Project(ctx, actor, project)
	if err != nil {
		return Project{}, err
	}
	if p.DeletedAt != nil {
		return Project{}, fault.Missing(fault.ProjectNotFound)
	}
	return p, nil
}

// Projects returns one page of the actor's projects.
func (s *Service) Projects(ctx context.Context, actor identity.Actor, q ListQuery) (Page[Project], error) {
	limit := q.Limit
	q.Limit++
	rows, err := s.store.Projects(ctx, actor, q)
	if err != nil {
		return Page[Project]{}, err
	}
	return page(rows, limit, func(p Project) Cursor {
		if q.Order.Column == ByUpdatedAt {
			return Cursor{Time: p.UpdatedAt, ID: p.ID}
		}
		return Cursor{Time: p.CreatedAt, Text: p.Title, ID: p.ID}
	}), nil
}

// ReplaceProject sets everything a caller may set.
func (s *Service) ReplaceProject(ctx context.Context, actor identity.Actor, project ProjectID, match Match, draft ProjectDraft) (Project, error) {
	return s.PatchProject(ctx, actor, project, match, draft.patch())
}

// PatchProject sets what the patch names. A patch that changes nothing leaves
// the version alone.
func (s *Service) PatchProject(ctx context.Context, actor identity.Actor, project ProjectID, match Match, patch ProjectPatch) (now Project, err error) {
	err = s.store.Change(ctx, actor, func(tx Tx) error {
		before, at, err := tx.LockProject(ctx, project)
		if err := liveMatch(before, err, match); err != nil {
			return err
		}
		var changed bool
		if now, changed = before.changed(patch, at); !changed {
			return nil
		}
		return tx.UpdateProject(ctx, now)
	})
	return now, err
}

// TrashProject moves a project to the trash, with all that is in it.
func (s *Service) TrashProject(ctx context.Context, actor identity.Actor, project ProjectID, match Match) error {
	return s.store.Change(ctx, actor, func(tx Tx) error {
		owner, before, err := tx.LockOwnerAndProject(ctx, project)
		if err := liveMatch(before, err, match); err != nil {
			return err
		}
		if err := tx.UpdateProject(ctx, before.trashed(owner.At)); err != nil {
			return err
		}
		return tx.SetProjectCount(ctx, owner.ProjectCount-1)
	})
}

// RestoreProject takes a project out of the trash. One that is not there stays
// as it is. At the limit it is ProjectLimit.
func (s *Service) RestoreProject(ctx context.Context, actor identity.Actor, project ProjectID) (now Project, err error) {
	err = s.store.Change(ctx, actor, func(tx Tx) error {
		owner, before, err := tx.LockOwnerAndProject(ctx, project)
		if err != nil {
			return err
		}
		if now = before; before.DeletedAt == nil {
			return nil
		}
		if err := s.limits.admitProject(owner); err != nil {
			return err
		}
		now = before.restored(owner.At)
		if err := tx.UpdateProject(ctx, now); err != nil {
			return err
		}
		return tx.SetProjectCount(ctx, owner.ProjectCount+1)
	})
	return now, err
}

// admitProject is nil while the owner may have one more live project.
func (l Limits) admitProject(o Owner) error {
	if o.ProjectCount < l.ProjectsPerUser {
		return nil
	}
	return fault.New(fault.ProjectLimit, "An account holds at most %d projects; this one has %d.", l.ProjectsPerUser, o.ProjectCount)
}

// liveMatch is nil if p was found, is not in the trash, and meets the condition.
func liveMatch(p Project, err error, match Match) error {
	switch {
	case err != nil:
		return err
	case p.DeletedAt != nil:
		return fault.Missing(fault.ProjectNotFound)
	default:
		return match.check(p.Version, p)
	}
}

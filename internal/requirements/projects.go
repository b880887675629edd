package requirements

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// ProjectID identifies a project.
type ProjectID = id.Of[Project]

// Project holds the specifications of one program. The JSON names are those of
// saved responses (see [IdempotentRequest]) and never change.
type Project struct {
	ID        ProjectID   `json:"ID"`
	Owner     auth.UserID `json:"Owner"`
	OwnerName string      `json:"OwnerName"`
	// Role is that of the actor.
	Role               Role   `json:"Role"`
	Title              string `json:"Title"`
	Description        string `json:"Description"`
	SpecificationCount int    `json:"SpecificationCount"`
	// NextSpecificationNumber is the number of the next specification.
	NextSpecificationNumber int `json:"NextSpecificationNumber"`
	// Version counts the states of the project from 1. The store increments it.
	Version int64 `json:"Version"`
	// Revision counts the states of the project with everything in it. The store
	// increments it.
	Revision  int64     `json:"Revision"`
	CreatedAt time.Time `json:"CreatedAt"`
	UpdatedAt time.Time `json:"UpdatedAt"`
	// DeletedAt is when the project was moved to the trash; nil while it is live.
	DeletedAt *time.Time `json:"DeletedAt"`
}

var (
	projectTitle       = textRule{min: 1, max: 100, trimmed: true, oneLine: true}
	projectDescription = textRule{max: 5000}
)

// NewProject is the validated input for a whole project.
type NewProject struct{ title, description string }

// ParseNewProject validates a title and a description. It returns all field
// errors.
func ParseNewProject(title, description string) (NewProject, []problem.FieldError) {
	var errs []problem.FieldError
	n := NewProject{
		title:       projectTitle.parse("/title", title, &errs),
		description: projectDescription.parse("/description", description, &errs),
	}
	return n, errs
}

// patch returns the patch that sets every field.
func (n NewProject) patch() ProjectPatch {
	return ProjectPatch{title: &n.title, description: &n.description}
}

// ProjectPatch is a validated change of a project. A nil field stays as it is.
type ProjectPatch struct{ title, description *string }

// ParseProjectPatch validates the fields that are present. It returns all field
// errors.
func ParseProjectPatch(title, description *string) (ProjectPatch, []problem.FieldError) {
	var errs []problem.FieldError
	patch := ProjectPatch{
		title:       projectTitle.parseOptional("/title", title, &errs),
		description: projectDescription.parseOptional("/description", description, &errs),
	}
	return patch, errs
}

// checkLive returns ProjectNotFound for a project in the trash.
func (p Project) checkLive() error {
	if p.DeletedAt != nil {
		return problem.NotFound(problem.ProjectNotFound)
	}
	return nil
}

// CheckChange returns nil if a caller with this precondition may change the
// project.
func (p Project) CheckChange(condition Precondition) error {
	if err := p.checkLive(); err != nil {
		return err
	}
	return condition.check(p.Tag(), p)
}

// WithUpdatedAt returns the next version of the project.
func (p Project) WithUpdatedAt(at time.Time) Project {
	p.Version++
	p.UpdatedAt = later(p.UpdatedAt, at)
	return p
}

// withPatch returns the project with the patch applied, and whether it changed.
func (p Project) withPatch(patch ProjectPatch, condition Precondition, at time.Time) (Project, bool, error) {
	if err := p.CheckChange(condition); err != nil {
		return p, false, err
	}
	next := p
	if patch.title != nil {
		next.Title = *patch.title
	}
	if patch.description != nil {
		next.Description = *patch.description
	}
	if next.Title == p.Title && next.Description == p.Description {
		return p, false, nil
	}
	return next.WithUpdatedAt(at), true, nil
}

// withOneMore returns the owner with one more live project, or ProjectLimit.
func (o Owner) withOneMore(limit int) (Owner, error) {
	if o.ProjectCount >= limit {
		return o, problem.New(problem.ProjectLimit, "An account can have at most %d projects; this one has %d.", limit, o.ProjectCount)
	}
	o.ProjectCount++
	return o, nil
}

// addProject returns the owner with a new project, and that project.
func (o Owner) addProject(n NewProject, limit int) (Owner, Project, error) {
	next, err := o.withOneMore(limit)
	if err != nil {
		return o, Project{}, err
	}
	return next, Project{
		ID: id.New[Project](), Owner: o.ID, OwnerName: o.Name, Role: RoleOwner, Title: n.title, Description: n.description,
		Version: 1, Revision: 1, CreatedAt: o.At, UpdatedAt: o.At, NextSpecificationNumber: 1,
	}, nil
}

// trashProject returns the owner without the project, and the project in the
// trash.
func (o Owner) trashProject(p Project, condition Precondition) (Owner, Project, error) {
	if err := p.CheckChange(condition); err != nil {
		return o, p, err
	}
	p.DeletedAt = &o.At
	o.ProjectCount--
	return o, p.WithUpdatedAt(o.At), nil
}

// restoreProject returns the owner with the project, and the project out of the
// trash. A live project does not change.
func (o Owner) restoreProject(p Project, condition Precondition, limit int) (Owner, Project, bool, error) {
	if err := condition.check(p.Tag(), p); err != nil {
		return o, p, false, err
	}
	if p.DeletedAt == nil {
		return o, p, false, nil
	}
	next, err := o.withOneMore(limit)
	if err != nil {
		return o, p, false, err
	}
	p.DeletedAt = nil
	return next, p.WithUpdatedAt(o.At), true, nil
}

// CreateProject creates a project, or returns ProjectLimit.
func (s *Service) CreateProject(ctx context.Context, actor auth.Actor, request IdempotentRequest, n NewProject) (Created[Project], error) {
	return create(ctx, s.store, actor, request, Project{Role: RoleOwner}, func(tx Tx) (Project, time.Time, error) {
		owner, err := tx.LockOwner(ctx)
		if err != nil {
			return Project{}, time.Time{}, err
		}
		owner, created, err := owner.addProject(n, s.limits.ProjectsPerUser)
		if err != nil {
			return Project{}, time.Time{}, err
		}
		if err := tx.InsertProject(ctx, created); err != nil {
			return Project{}, time.Time{}, err
		}
		return created, owner.At, tx.SetProjectCount(ctx, owner.ProjectCount)
	})
}

// Project returns a live project.
func (s *Service) Project(ctx context.Context, actor auth.Actor, project ProjectID) (Project, error) {
	found, err := s.store.Project(ctx, actor, project)
	if err != nil {
		return Project{}, err
	}
	return found, found.checkLive()
}

// Projects returns one page of the actor's projects.
func (s *Service) Projects(ctx context.Context, actor auth.Actor, q ListQuery) (page.Page[Project], error) {
	rows, err := s.store.Projects(ctx, actor, q.withOneMore())
	if err != nil {
		return page.Page[Project]{}, err
	}
	return page.Cut(rows, q.Limit, func(p Project) page.Cursor {
		return q.cursor(p.ID, p.CreatedAt, p.UpdatedAt, p.Title, 0)
	}), nil
}

// ReplaceProject sets every field that a caller can set.
func (s *Service) ReplaceProject(ctx context.Context, actor auth.Actor, project ProjectID, condition Precondition, n NewProject) (Project, error) {
	return s.PatchProject(ctx, actor, project, condition, n.patch())
}

// PatchProject applies a patch. The version stays the same if the patch changes
// nothing.
func (s *Service) PatchProject(ctx context.Context, actor auth.Actor, project ProjectID, condition Precondition, patch ProjectPatch) (now Project, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		before, at, err := tx.LockProject(ctx, project)
		if err != nil {
			return err
		}
		var changed bool
		if now, changed, err = before.withPatch(patch, condition, at); err != nil || !changed {
			return err
		}
		return tx.UpdateProject(ctx, &now)
	})
	return now, err
}

// TrashProject moves a project and its specifications to the trash.
func (s *Service) TrashProject(ctx context.Context, actor auth.Actor, project ProjectID, condition Precondition) error {
	return s.store.InTx(ctx, actor, func(tx Tx) error {
		owner, before, err := tx.LockOwnerAndProject(ctx, project)
		if err != nil {
			return err
		}
		owner, now, err := owner.trashProject(before, condition)
		if err != nil {
			return err
		}
		if err := tx.TrashProject(ctx, &now); err != nil {
			return err
		}
		return tx.SetProjectCount(ctx, owner.ProjectCount)
	})
}

// RestoreProject takes a project out of the trash, or returns ProjectLimit. A
// live project stays as it is.
func (s *Service) RestoreProject(ctx context.Context, actor auth.Actor, project ProjectID, condition Precondition) (now Project, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		owner, before, err := tx.LockOwnerAndProject(ctx, project)
		if err != nil {
			return err
		}
		var changed bool
		if owner, now, changed, err = owner.restoreProject(before, condition, s.limits.ProjectsPerUser); err != nil || !changed {
			return err
		}
		if err := tx.TrashProject(ctx, &now); err != nil {
			return err
		}
		return tx.SetProjectCount(ctx, owner.ProjectCount)
	})
	return now, err
}

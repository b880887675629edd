package requirements

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// ProjectID identifies a project.
type ProjectID = id.Of[Project]

// Project holds the specifications of one program.
type Project struct {
	ID                 ProjectID
	Owner              auth.UserID
	Title              string
	Description        string
	SpecificationCount int
	// NextSpecificationNumber is the number of the next specification.
	NextSpecificationNumber int
	// Version counts the states of the project from 1; the store raises it.
	Version              int64
	CreatedAt, UpdatedAt time.Time
	// DeletedAt is when the project went to the trash; nil while it is live.
	DeletedAt *time.Time
}

var (
	projectTitle       = text{min: 1, max: 100, trimmed: true, oneLine: true}
	projectDescription = text{max: 5000}
)

// NewProject is what a caller may say about a project, checked.
type NewProject struct{ title, description string }

// ParseNewProject checks a title and a description. It returns every violation
// it finds.
func ParseNewProject(title, description string) (NewProject, []problem.FieldError) {
	var faults []problem.FieldError
	draft := NewProject{
		title:       projectTitle.parse("/title", title, &faults),
		description: projectDescription.parse("/description", description, &faults),
	}
	return draft, faults
}

// ProjectPatch is a change to a project, checked: what is nil stays as it is.
type ProjectPatch struct{ title, description *string }

// ParseProjectPatch checks what is given of a title and a description. It returns
// every violation it finds.
func ParseProjectPatch(title, description *string) (ProjectPatch, []problem.FieldError) {
	var faults []problem.FieldError
	patch := ProjectPatch{
		title:       projectTitle.parseGiven("/title", title, &faults),
		description: projectDescription.parseGiven("/description", description, &faults),
	}
	return patch, faults
}

// patch is the draft as a change of everything.
func (d NewProject) patch() ProjectPatch {
	return ProjectPatch{title: &d.title, description: &d.description}
}

// changed returns the project after the patch, and whether that differs.
func (p Project) changed(patch ProjectPatch, at time.Time) (Project, bool) {
	next := p
	if patch.title != nil {
		next.Title = *patch.title
	}
	if patch.description != nil {
		next.Description = *patch.description
	}
	if next.Title == p.Title && next.Description == p.Description {
		return p, false
	}
	return next.touched(at), true
}

// touched is the project one version later. Time never runs backwards, not even
// where the database's clock was set back.
func (p Project) touched(at time.Time) Project {
	p.Version++
	if at.After(p.UpdatedAt) {
		p.UpdatedAt = at
	}
	return p
}

// trashed is the project moved to the trash.
func (p Project) trashed(at time.Time) Project {
	p.DeletedAt = &at
	return p.touched(at)
}

// restored is the project taken out of the trash.
func (p Project) restored(at time.Time) Project {
	p.DeletedAt = nil
	return p.touched(at)
}

// live is nil unless the project is in the trash, where it cannot be seen.
func (p Project) live() error {
	if p.DeletedAt != nil {
		return problem.NotFound(problem.ProjectNotFound)
	}
	return nil
}

// admit is nil while the owner may have one more live project.
func (o Owner) admit(limit int) error {
	if o.ProjectCount < limit {
		return nil
	}
	return problem.New(problem.ProjectLimit, "An account holds at most %d projects; this one has %d.", limit, o.ProjectCount)
}

// newProject is the owner's next project.
func (o Owner) newProject(draft NewProject, limit int) (Project, error) {
	return Project{
		ID: id.New[Project](), Owner: o.ID, Title: draft.title, Description: draft.description,
		Version: 1, CreatedAt: o.At, UpdatedAt: o.At, NextSpecificationNumber: 1,
	}, o.admit(limit)
}

// CreateProject makes a project. At the limit it is ProjectLimit.
func (s *Service) CreateProject(ctx context.Context, actor auth.Actor, once IdempotentRequest, draft NewProject) (Created[Project], error) {
	return create(ctx, s.store, actor, once, func(tx Tx) (Project, time.Time, error) {
		owner, err := tx.LockOwner(ctx)
		if err != nil {
			return Project{}, time.Time{}, err
		}
		made, err := owner.newProject(draft, s.limits.ProjectsPerUser)
		if err != nil {
			return Project{}, time.Time{}, err
		}
		return made, owner.At, errors.Join(tx.InsertProject(ctx, made), tx.SetProjectCount(ctx, owner.ProjectCount+1))
	})
}

// Project returns a live project.
func (s *Service) Project(ctx context.Context, actor auth.Actor, project ProjectID) (Project, error) {
	p, err := s.store.Project(ctx, actor, project)
	if err != nil {
		return Project{}, err
	}
	return p, p.live()
}

// Projects returns one page of the actor's projects.
func (s *Service) Projects(ctx context.Context, actor auth.Actor, q ListQuery) (Page[Project], error) {
	limit := q.Limit
	q.Limit++
	rows, err := s.store.Projects(ctx, actor, q)
	if err != nil {
		return Page[Project]{}, err
	}
	return page(rows, limit, func(p Project) Cursor {
		return q.Order.cursor(p.ID, p.CreatedAt, p.UpdatedAt, p.Title, 0)
	}), nil
}

// ReplaceProject sets everything a caller may set.
func (s *Service) ReplaceProject(ctx context.Context, actor auth.Actor, project ProjectID, match Precondition, draft NewProject) (Project, error) {
	return s.PatchProject(ctx, actor, project, match, draft.patch())
}

// PatchProject sets what the patch names. A patch that changes nothing leaves
// the version alone.
func (s *Service) PatchProject(ctx context.Context, actor auth.Actor, project ProjectID, match Precondition, patch ProjectPatch) (now Project, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		before, at, err := tx.LockProject(ctx, project)
		if err := cmp.Or(err, before.live(), match.check(before.Version, before)); err != nil {
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
func (s *Service) TrashProject(ctx context.Context, actor auth.Actor, project ProjectID, match Precondition) error {
	return s.store.InTx(ctx, actor, func(tx Tx) error {
		owner, before, err := tx.LockOwnerAndProject(ctx, project)
		if err := cmp.Or(err, before.live(), match.check(before.Version, before)); err != nil {
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
func (s *Service) RestoreProject(ctx context.Context, actor auth.Actor, project ProjectID) (now Project, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		owner, before, err := tx.LockOwnerAndProject(ctx, project)
		if err != nil {
			return err
		}
		if now = before; before.DeletedAt == nil {
			return nil
		}
		if err := owner.admit(s.limits.ProjectsPerUser); err != nil {
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

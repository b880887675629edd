package requirements

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// SpecificationID identifies a specification.
type SpecificationID = id.Of[Specification]

// Specification says what one part of a program must do.
type Specification struct {
	ID      SpecificationID
	Project ProjectID
	Owner   auth.UserID
	// Number counts from 1 within the project and is never given twice.
	Number         int
	Title, Content string
	// Items are the ids of the items in their order.
	Items []ItemID
	// NextItemNumber is the number of the next item.
	NextItemNumber int
	// Version counts the states of the specification and its items from 1.
	Version              int64
	CreatedAt, UpdatedAt time.Time
	// DeletedAt is when the specification went to the trash; nil while it is
	// live.
	DeletedAt *time.Time
	// ProjectTrashed is true if its project is in the trash, and so all in it.
	ProjectTrashed bool `json:"-"`
}

const titleLength = 200

var (
	specificationTitle   = text{max: titleLength, trimmed: true, oneLine: true}
	specificationContent = text{min: 1, max: 100_000}
)

// NewSpecification is what a caller may say about a specification, checked.
type NewSpecification struct{ title, content string }

// ParseNewSpecification checks a title, which may be empty, and a content. It
// returns every violation it finds.
func ParseNewSpecification(title, content string) (NewSpecification, []problem.FieldError) {
	var faults []problem.FieldError
	draft := NewSpecification{
		title:   specificationTitle.parse("/title", title, &faults),
		content: specificationContent.parse("/content", content, &faults),
	}
	return draft, faults
}

// SpecificationPatch is a change to a specification, checked: what is nil stays
// as it is.
type SpecificationPatch struct{ title, content *string }

// ParseSpecificationPatch checks what is given of a title and a content. It
// returns every violation it finds.
func ParseSpecificationPatch(title, content *string) (SpecificationPatch, []problem.FieldError) {
	var faults []problem.FieldError
	patch := SpecificationPatch{
		title:   specificationTitle.parseGiven("/title", title, &faults),
		content: specificationContent.parseGiven("/content", content, &faults),
	}
	return patch, faults
}

// titleOf is the title of a specification that was given none: the first line
// of its content with something to say.
func titleOf(content string) string {
	for line := range strings.SplitSeq(content, "\n") {
		line = strings.TrimLeftFunc(line, func(c rune) bool { return strings.ContainsRune("#-*", c) || unicode.IsSpace(c) })
		line = strings.Map(func(c rune) rune {
			if unicode.IsControl(c) {
				return ' '
			}
			return c
		}, line)
		if line = strings.TrimSpace(line); line != "" {
			return strings.TrimSpace(firstRunes(line, titleLength))
		}
	}
	return ""
}

func firstRunes(s string, n int) string {
	for at := range s {
		if n == 0 {
			return s[:at]
		}
		n--
	}
	return s
}

// newSpecification is the project's next specification.
func (p Project) newSpecification(draft NewSpecification, limit int, at time.Time) (Specification, error) {
	if p.SpecificationCount >= limit {
		return Specification{}, p.full(limit)
	}
	return Specification{
		ID: id.New[Specification](), Project: p.ID, Owner: p.Owner, Number: p.NextSpecificationNumber,
		Title: cmp.Or(draft.title, titleOf(draft.content)), Content: draft.content,
		NextItemNumber: 1, Version: 1, CreatedAt: at, UpdatedAt: at,
	}, nil
}

func (p Project) full(limit int) error {
	return problem.New(problem.SpecificationLimit, "A project holds at most %d specifications; this one has %d.", limit, p.SpecificationCount)
}

// live is nil unless the specification or its project is in the trash.
func (s Specification) live() error {
	if s.DeletedAt != nil || s.ProjectTrashed {
		return problem.NotFound(problem.SpecificationNotFound)
	}
	return nil
}

// changed returns the specification after the patch, and whether that differs.
func (s Specification) changed(patch SpecificationPatch, at time.Time) (Specification, bool) {
	next := s
	if patch.content != nil {
		next.Content = *patch.content
	}
	if patch.title != nil {
		next.Title = cmp.Or(*patch.title, titleOf(next.Content))
	}
	if next.Title == s.Title && next.Content == s.Content {
		return s, false
	}
	return next.touched(at), true
}

// touched is the specification one version later.
func (s Specification) touched(at time.Time) Specification {
	s.Version++
	if at.After(s.UpdatedAt) {
		s.UpdatedAt = at
	}
	return s
}

// CreateSpecification makes a specification. At the limit it is
// SpecificationLimit.
func (s *Service) CreateSpecification(ctx context.Context, actor auth.Actor, project ProjectID, once IdempotentRequest, draft NewSpecification) (Created[Specification], error) {
	return create(ctx, s.store, actor, once, func(tx Tx) (made Specification, at time.Time, err error) {
		parent, at, err := tx.LockProject(ctx, project)
		if err := cmp.Or(err, parent.live()); err != nil {
			return made, at, err
		}
		if made, err = parent.newSpecification(draft, s.limits.SpecificationsPerProject, at); err != nil {
			return made, at, err
		}
		parent.NextSpecificationNumber++
		parent.SpecificationCount++
		return made, at, errors.Join(tx.InsertSpecification(ctx, made), tx.CountSpecification(ctx, parent.touched(at)))
	})
}

// Specification returns a live specification.
func (s *Service) Specification(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, error) {
	found, err := s.store.Specification(ctx, actor, spec)
	if err := cmp.Or(err, found.live()); err != nil {
		return Specification{}, err
	}
	return found, nil
}

// Specifications returns one page of a live project's specifications.
func (s *Service) Specifications(ctx context.Context, actor auth.Actor, project ProjectID, q ListQuery) (Page[Specification], error) {
	limit := q.Limit
	q.Limit++
	parent, rows, err := s.store.Specifications(ctx, actor, project, q)
	if err := cmp.Or(err, parent.live()); err != nil {
		return Page[Specification]{}, err
	}
	return page(rows, limit, func(r Specification) Cursor {
		return q.Order.cursor(r.ID, r.CreatedAt, r.UpdatedAt, r.Title, r.Number)
	}), nil
}

// ReplaceSpecification sets everything a caller may set.
func (s *Service) ReplaceSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID, match Precondition, draft NewSpecification) (Specification, error) {
	return s.PatchSpecification(ctx, actor, spec, match, SpecificationPatch{title: &draft.title, content: &draft.content})
}

// PatchSpecification sets what the patch names. A patch that changes nothing
// leaves the version alone.
func (s *Service) PatchSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID, match Precondition, patch SpecificationPatch) (now Specification, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		before, at, err := tx.LockSpecification(ctx, spec)
		if err := cmp.Or(err, before.live(), match.check(before.Version, before)); err != nil {
			return err
		}
		var changed bool
		if now, changed = before.changed(patch, at); !changed {
			return nil
		}
		return tx.UpdateSpecification(ctx, now)
	})
	return now, err
}

// TrashSpecification moves a specification to the trash, with its items.
func (s *Service) TrashSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID, match Precondition) error {
	return s.store.InTx(ctx, actor, func(tx Tx) error {
		parent, before, at, err := tx.LockProjectAndSpecification(ctx, spec)
		if err := cmp.Or(err, before.live(), match.check(before.Version, before)); err != nil {
			return err
		}
		before.DeletedAt = &at
		parent.SpecificationCount--
		return errors.Join(tx.UpdateSpecification(ctx, before.touched(at)), tx.CountSpecification(ctx, parent.touched(at)))
	})
}

// RestoreSpecification takes a specification out of the trash. One that is not
// there stays as it is. At the limit it is SpecificationLimit.
func (s *Service) RestoreSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID) (now Specification, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		parent, before, at, err := tx.LockProjectAndSpecification(ctx, spec)
		if err != nil {
			return err
		}
		if now = before; before.ProjectTrashed || before.DeletedAt == nil {
			return before.live()
		}
		if parent.SpecificationCount >= s.limits.SpecificationsPerProject {
			return parent.full(s.limits.SpecificationsPerProject)
		}
		now.DeletedAt = nil
		now = now.touched(at)
		parent.SpecificationCount++
		return errors.Join(tx.UpdateSpecification(ctx, now), tx.CountSpecification(ctx, parent.touched(at)))
	})
	return now, err
}

package requirements

import (
	"cmp"
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// SpecificationID identifies a specification.
type SpecificationID = id.Of[Specification]

// Specification describes what one part of a program must do. The JSON names are
// those of saved responses (see [IdempotentRequest]) and never change.
type Specification struct {
	ID      SpecificationID `json:"ID"`
	Project ProjectID       `json:"Project"`
	Owner   auth.UserID     `json:"Owner"`
	// Number counts from 1 within the project and is never reused.
	Number  int    `json:"Number"`
	Title   string `json:"Title"`
	Content string `json:"Content"`
	// Items are the ids of the items in their order.
	Items []ItemID `json:"Items"`
	// NextItemNumber is the number of the next item.
	NextItemNumber int `json:"NextItemNumber"`
	// Version counts the states of the specification and its items from 1.
	Version   int64     `json:"Version"`
	CreatedAt time.Time `json:"CreatedAt"`
	UpdatedAt time.Time `json:"UpdatedAt"`
	// DeletedAt is when the specification was moved to the trash; nil while it is
	// live.
	DeletedAt *time.Time `json:"DeletedAt"`
	// ProjectTrashed is true if the project is in the trash, with all it holds.
	ProjectTrashed bool `json:"-"`
}

// maxTitle is the maximum length of a specification's title in code points.
const maxTitle = 200

var (
	specificationTitle   = textRule{max: maxTitle, trimmed: true, oneLine: true}
	specificationContent = textRule{min: 1, max: 100_000}
)

// NewSpecification is the validated input for a whole specification.
type NewSpecification struct {
	title, content string
	// items are the contents of the items that it is created with; nil if the input does
	// not have them.
	items []string
}

// ParseNewSpecification validates a title, which may be empty, and a content. It
// returns all field errors.
func ParseNewSpecification(title, content string) (NewSpecification, []problem.FieldError) {
	var errs []problem.FieldError
	n := NewSpecification{
		title:   specificationTitle.parse("/title", title, &errs),
		content: specificationContent.parse("/content", content, &errs),
	}
	return n, errs
}

// WithItems returns the input with the contents of the first items. It returns all field
// errors.
func (n NewSpecification) WithItems(contents []string) (NewSpecification, []problem.FieldError) {
	var errs []problem.FieldError
	n.items = make([]string, len(contents))
	for k, content := range contents {
		n.items[k] = itemContent.parse(itemContentAt(k), content, &errs)
	}
	return n, errs
}

func (n NewSpecification) titleOrDefault() string { return cmp.Or(n.title, titleOf(n.content)) }

// patch returns the patch that sets every field.
func (n NewSpecification) patch() SpecificationPatch {
	return SpecificationPatch{title: &n.title, content: &n.content}
}

// SpecificationPatch is a validated change of a specification. A nil field stays
// as it is.
type SpecificationPatch struct{ title, content *string }

// ParseSpecificationPatch validates the fields that are present. It returns all
// field errors.
func ParseSpecificationPatch(title, content *string) (SpecificationPatch, []problem.FieldError) {
	var errs []problem.FieldError
	patch := SpecificationPatch{
		title:   specificationTitle.parseOptional("/title", title, &errs),
		content: specificationContent.parseOptional("/content", content, &errs),
	}
	return patch, errs
}

// titleOrDefault returns the title to set, if the specification then has this content.
func (p SpecificationPatch) titleOrDefault(content *string) *string {
	if p.title == nil || *p.title != "" || content == nil {
		return p.title
	}
	return new(titleOf(*content))
}

// checkLive returns SpecificationNotFound if the specification or its project is
// in the trash.
func (s Specification) checkLive() error {
	if s.DeletedAt != nil || s.ProjectTrashed {
		return problem.NotFound(problem.SpecificationNotFound)
	}
	return nil
}

// CheckChange returns nil if a caller with this precondition may change the
// specification.
func (s Specification) CheckChange(condition Precondition) error {
	if err := s.checkLive(); err != nil {
		return err
	}
	return condition.check(s.Tag(), s)
}

// WithUpdatedAt returns the next version of the specification.
func (s Specification) WithUpdatedAt(at time.Time) Specification {
	s.Version++
	s.UpdatedAt = later(s.UpdatedAt, at)
	return s
}

// withPatch returns the specification with the patch applied, and whether it
// changed.
func (s Specification) withPatch(patch SpecificationPatch, condition Precondition, at time.Time) (Specification, bool, error) {
	if err := s.CheckChange(condition); err != nil {
		return s, false, err
	}
	next := s
	if patch.content != nil {
		next.Content = *patch.content
	}
	if title := patch.titleOrDefault(&next.Content); title != nil {
		next.Title = *title
	}
	if next.Title == s.Title && next.Content == s.Content {
		return s, false, nil
	}
	return next.WithUpdatedAt(at), true, nil
}

// withOneMore returns the project with one more live specification, or
// SpecificationLimit.
func (p Project) withOneMore(limit int, at time.Time) (Project, error) {
	if p.SpecificationCount >= limit {
		return p, problem.New(problem.SpecificationLimit, "A project can have at most %d specifications; this one has %d.", limit, p.SpecificationCount)
	}
	p.SpecificationCount++
	return p.WithUpdatedAt(at), nil
}

// addSpecification returns the project with a new specification, and that
// specification.
func (p Project) addSpecification(spec SpecificationID, n NewSpecification, condition Precondition, limit int, at time.Time) (Project, Specification, error) {
	if err := p.CheckChange(condition); err != nil {
		return p, Specification{}, err
	}
	next, err := p.withOneMore(limit, at)
	if err != nil {
		return p, Specification{}, err
	}
	next.NextSpecificationNumber++
	return next, Specification{
		ID: spec, Project: p.ID, Owner: p.Owner, Number: p.NextSpecificationNumber,
		Title: n.titleOrDefault(), Content: n.content,
		NextItemNumber: 1, Version: 1, CreatedAt: at, UpdatedAt: at,
	}, nil
}

// trashSpecification returns the project without the specification, and the
// specification in the trash.
func (p Project) trashSpecification(s Specification, condition Precondition, at time.Time) (Project, Specification, error) {
	if err := s.CheckChange(condition); err != nil {
		return p, s, err
	}
	p.SpecificationCount--
	s.DeletedAt = &at
	return p.WithUpdatedAt(at), s.WithUpdatedAt(at), nil
}

// restoreSpecification returns the project with the specification, and the
// specification out of the trash. A live specification does not change. In a
// project in the trash there is nothing to restore.
func (p Project) restoreSpecification(s Specification, condition Precondition, limit int, at time.Time) (Project, Specification, bool, error) {
	if s.ProjectTrashed {
		return p, s, false, s.checkLive()
	}
	if err := condition.check(s.Tag(), s); err != nil || s.DeletedAt == nil {
		return p, s, false, err
	}
	next, err := p.withOneMore(limit, at)
	if err != nil {
		return p, s, false, err
	}
	s.DeletedAt = nil
	return next, s.WithUpdatedAt(at), true, nil
}

// CreateSpecification creates a specification with its first items, or returns
// SpecificationLimit or ItemLimit. The condition is about the project.
func (s *Service) CreateSpecification(ctx context.Context, actor auth.Actor, project ProjectID, request IdempotentRequest, condition Precondition, n NewSpecification) (Created[NewlyCreatedSpecification], error) {
	spec, items := id.New[Specification](), newItemIDs(len(n.items))
	versions, decide := condition.versions(ofProject, false)
	fits := len(n.items) <= s.limits.ItemsPerSpecification
	return create(ctx, s.store, actor, request, NewlyCreatedSpecification{}, func(tx Tx) (created NewlyCreatedSpecification, at time.Time, err error) {
		// The statement does not know of the items, so the rules decide first if they do not fit.
		err = guarded(Guard{versions, request.Key == "" && len(items) == 0}, decide && fits, func(g Guard) (Write, bool, error) {
			before, w, err := tx.AddSpecification(ctx, project, SpecificationInsert{g, spec, n.titleOrDefault(), n.content, s.limits.SpecificationsPerProject})
			if err == nil {
				_, created.Specification, err = before.addSpecification(spec, n, condition.unless(!decide && g.Versions == nil), s.limits.SpecificationsPerProject, w.At)
			}
			if err == nil && !fits {
				err = itemLimitReached(s.limits.ItemsPerSpecification, len(n.items))
			}
			at = w.At
			return w, true, err
		})
		if err != nil || n.items == nil {
			return created, at, err
		}
		created = created.withItems(items, n.items)
		return created, at, tx.RewriteItems(ctx, created.Specification, ItemListChange{Insert: created.NewItems()}, at)
	})
}

// Specification returns a live specification.
func (s *Service) Specification(ctx context.Context, actor auth.Actor, spec SpecificationID) (Specification, error) {
	found, err := s.store.Specification(ctx, actor, spec)
	if err != nil {
		return Specification{}, err
	}
	return found, found.checkLive()
}

// Specifications returns one page of a live project's specifications.
func (s *Service) Specifications(ctx context.Context, actor auth.Actor, project ProjectID, q ListQuery) (page.Page[Specification], error) {
	parent, rows, err := s.store.Specifications(ctx, actor, project, q.withOneMore())
	if err != nil {
		return page.Page[Specification]{}, err
	}
	if err := parent.checkLive(); err != nil {
		return page.Page[Specification]{}, err
	}
	return page.CutBytes(rows, q.Limit, func(s Specification) int { return len(s.Content) }, func(s Specification) page.Cursor {
		return q.cursor(s.ID, s.CreatedAt, s.UpdatedAt, s.Title, s.Number)
	}), nil
}

// ReplaceSpecification sets every field that a caller can set.
func (s *Service) ReplaceSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID, condition Precondition, n NewSpecification) (Specification, error) {
	return s.PatchSpecification(ctx, actor, spec, condition, n.patch())
}

// PatchSpecification applies a patch. The version stays the same if the patch
// changes nothing.
func (s *Service) PatchSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID, condition Precondition, patch SpecificationPatch) (now Specification, err error) {
	versions, decide := condition.versions(plain, false)
	title := patch.titleOrDefault(patch.content)
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		// A default title depends on the content, which only the locked row may have.
		return guarded(Guard{versions, true}, decide && (title == nil || *title != ""), func(g Guard) (Write, bool, error) {
			before, w, err := tx.ChangeSpecification(ctx, spec, SpecificationChange{g, title, patch.content})
			if err != nil {
				return w, false, err
			}
			var changed bool
			now, changed, err = before.withPatch(patch, condition, w.At)
			if patch.title != nil {
				title = &now.Title
			}
			return w, changed, err
		})
	})
	return now, err
}

// TrashSpecification moves a specification and its items to the trash.
func (s *Service) TrashSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID, condition Precondition) error {
	return s.store.InTx(ctx, actor, func(tx Tx) error {
		parent, before, at, err := tx.LockProjectAndSpecification(ctx, spec)
		if err != nil {
			return err
		}
		parent, now, err := parent.trashSpecification(before, condition, at)
		if err != nil {
			return err
		}
		if err := tx.TrashSpecification(ctx, now); err != nil {
			return err
		}
		return tx.CountSpecification(ctx, parent)
	})
}

// RestoreSpecification takes a specification out of the trash, or returns
// SpecificationLimit. A live specification stays as it is.
func (s *Service) RestoreSpecification(ctx context.Context, actor auth.Actor, spec SpecificationID, condition Precondition) (now Specification, err error) {
	err = s.store.InTx(ctx, actor, func(tx Tx) error {
		parent, before, at, err := tx.LockProjectAndSpecification(ctx, spec)
		if err != nil {
			return err
		}
		var changed bool
		if parent, now, changed, err = parent.restoreSpecification(before, condition, s.limits.SpecificationsPerProject, at); err != nil || !changed {
			return err
		}
		if err := tx.TrashSpecification(ctx, now); err != nil {
			return err
		}
		return tx.CountSpecification(ctx, parent)
	})
	return now, err
}

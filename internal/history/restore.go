package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// Tx is one transaction that restores a state of earlier, or names one. Restoring is always
// a new revision: the history stays as it is.
type Tx interface {
	requirements.Tx

	// LockSpecificationSince locks a specification, and reads it and what happened to it
	// after a revision.
	LockSpecificationSince(ctx context.Context, spec requirements.SpecificationID, revision int64) (Since, time.Time, error)
	// LockProjectSince locks a project and those of its specifications that changed after
	// a revision, and reads them with what happened.
	LockProjectSince(ctx context.Context, project requirements.ProjectID, revision int64) (ProjectSince, error)
	// LockDeletion locks the specification of the last deletion of an item, and reads the
	// specification and the deletion. It is ItemNotFound if the item was never deleted.
	LockDeletion(ctx context.Context, item requirements.ItemID) (Since, Change, time.Time, error)
	// InsertBaseline inserts a baseline of a locked project, or returns BaselineExists.
	InsertBaseline(ctx context.Context, b Baseline) (Baseline, error)
	// ReadRevision sets the Revision of a project with the commit.
	ReadRevision(ctx context.Context, p *requirements.Project) error
	// Locations returns the specification of each of the items that exists.
	Locations(ctx context.Context, items []requirements.ItemID) (map[requirements.ItemID]requirements.SpecificationID, error)
}

// Target is what a request restores: exactly one field is set.
type Target struct {
	// To is the state to restore.
	To *Point
	// Undo is the revision to take back.
	Undo *int64
}

// resolve returns the revision after which the target needs the changes.
func (t Target) resolve(resolve func(Point) (Resolved, error)) (revision int64, err error) {
	p := Point{Revision: t.Undo}
	if t.To != nil {
		p = *t.To
	}
	at, err := resolve(p)
	if err != nil {
		return 0, err
	}
	if err := at.check(p); err != nil || t.Undo == nil {
		return at.Revision, err
	}
	at.Revision-- // the state before it
	return at.Revision, at.check(p)
}

// RestoreSpecification gives a live specification the texts and items of a state of
// earlier, or takes back one revision of it.
func (s *Service) RestoreSpecification(ctx context.Context, actor auth.Actor, spec requirements.SpecificationID, condition requirements.Precondition, t Target) (now requirements.Specification, err error) {
	revision, err := t.resolve(func(p Point) (Resolved, error) { return s.store.ResolveSpecification(ctx, actor, spec, p) })
	if err != nil {
		return now, err
	}
	err = s.store.RestoreInTx(ctx, actor, func(tx Tx) error {
		since, at, err := tx.LockSpecificationSince(ctx, spec, revision)
		if err != nil {
			return err
		}
		if err := since.Specification.CheckChange(condition); err != nil {
			return err
		}
		state, err := t.state(since)
		if err != nil {
			return err
		}
		if !state.Exists {
			return problem.New(problem.UndoConflict, "The specification did not exist before this revision. Move it to the trash instead.")
		}
		state.Specification.DeletedAt = nil // texts and items only
		now, _, err = s.write(ctx, tx, since, state, at)
		return err
	})
	return now, err
}

// state returns the state that a specification shall have.
func (t Target) state(since Since) (State, error) {
	if t.Undo != nil {
		return since.without(*t.Undo)
	}
	return since.rewind(*t.To)
}

// without returns the state without the changes of one revision. It is UndoConflict if
// later changes touch the same things.
func (s Since) without(revision int64) (State, error) {
	first := slices.IndexFunc(s.Changes, func(c Change) bool { return c.Revision <= revision })
	if first < 0 || s.Changes[first].Revision != revision {
		return State{}, problem.New(problem.RevisionNotFound, "The revision %s did not change this specification.", Text(revision))
	}
	later, undone := s.Changes[:first], s.Changes[first:]
	if end := slices.IndexFunc(undone, func(c Change) bool { return c.Revision < revision }); end >= 0 {
		undone = undone[:end]
	}
	if err := conflict(undone, later); err != nil {
		return State{}, err
	}
	return Rewind(StateOf(s.ItemList), undone)
}

// conflict returns UndoConflict if a later change touches what an earlier one changed.
func conflict(undone, later []Change) error {
	var revisions []string
	for _, c := range slices.Backward(later) {
		text := Text(c.Revision)
		if !slices.Contains(revisions, text) && slices.ContainsFunc(undone, func(u Change) bool { return overlap(touched(u), touched(c)) }) {
			revisions = append(revisions, text)
		}
	}
	if len(revisions) == 0 {
		return nil
	}
	const shown = 10
	if more := len(revisions) - shown; more > 0 {
		revisions = append(revisions[:shown], fmt.Sprintf("%d more", more))
	}
	return problem.New(problem.UndoConflict, "Later revisions changed the same things: %s.", inWords(revisions))
}

func overlap(a, b []any) bool {
	return slices.ContainsFunc(a, func(thing any) bool { return slices.Contains(b, thing) })
}

// touched returns what a change touched, as comparable values.
func touched(c Change) (things []any) {
	if c.Old.Title != nil {
		things = append(things, "title")
	}
	switch c.Kind {
	case ProjectChanged, SpecificationChanged:
		if c.Old.Content != nil {
			things = append(things, "content")
		}
	case ItemsReordered:
		things = append(things, "order")
	case ItemCreated, ItemChanged, ItemMoved, ItemDeleted, ItemRestored:
		things = append(things, c.Item)
		if c.Old.Place != nil && !c.leaves() {
			things = append(things, "order")
		}
	default:
		things = append(things, "trash")
	}
	return things
}

// write makes a locked specification what the state says: texts, items and trash. It
// reports whether that changes anything.
func (s *Service) write(ctx context.Context, tx Tx, since Since, state State, at time.Time) (requirements.Specification, bool, error) {
	now := since.Specification
	next := now.WithUpdatedAt(at)
	next.Title, next.Content, next.DeletedAt = state.Specification.Title, state.Specification.Content, state.Specification.DeletedAt
	trash := (next.DeletedAt == nil) != (now.DeletedAt == nil)
	texts := trash || next.Title != now.Title || next.Content != now.Content
	items := requirements.ItemListChangeOf(since.Items, state.Items)
	if !texts && items.IsZero() {
		return now, false, nil
	}
	if len(items.Insert) > 0 && len(state.Items) > s.limits.ItemsPerSpecification {
		return now, false, problem.New(problem.ItemLimit, "A specification can have at most %d items; this one would have %d.", s.limits.ItemsPerSpecification, len(state.Items))
	}
	if err := checkElsewhere(ctx, tx, items.Insert); err != nil {
		return now, false, err
	}
	next.Items = state.Specification.Items
	if !items.IsZero() {
		if err := tx.RewriteItems(ctx, next, items, at); err != nil {
			return now, false, err
		}
	}
	switch {
	case trash:
		err := tx.TrashSpecification(ctx, next)
		return next, true, err
	case texts:
		err := tx.UpdateSpecification(ctx, next)
		return next, true, err
	}
	return next, true, nil
}

// checkElsewhere returns nil if none of the items exists. One that was moved to another
// specification does.
func checkElsewhere(ctx context.Context, tx Tx, items []requirements.Item) error {
	if len(items) == 0 {
		return nil
	}
	ids := make([]requirements.ItemID, len(items))
	for n, item := range items {
		ids[n] = item.ID
	}
	elsewhere, err := tx.Locations(ctx, ids)
	if err != nil {
		return err
	}
	for item, spec := range elsewhere {
		return problem.New(problem.UndoConflict, "The item %s was moved to the specification %s. Move it back first.", item, spec)
	}
	return nil
}

// RestoreItem brings a deleted item back to its specification, with its id, its number
// and as near to its place as possible. An item that exists stays as it is.
func (s *Service) RestoreItem(ctx context.Context, actor auth.Actor, item requirements.ItemID) (parent requirements.Specification, restored requirements.Item, err error) {
	err = s.store.RestoreInTx(ctx, actor, func(tx Tx) error {
		existing, err := tx.Locations(ctx, []requirements.ItemID{item})
		if err != nil {
			return err
		}
		if spec, exists := existing[item]; exists {
			parent, restored, err = existingItem(ctx, tx, spec, item)
			return err
		}
		since, deletion, at, err := tx.LockDeletion(ctx, item)
		if err != nil {
			return err
		}
		if !StateOf(since.ItemList).Live() {
			return problem.NotFound(problem.ItemNotFound)
		}
		if now, exists := since.item(item); exists { // restored meanwhile
			parent, restored = since.Specification, now
			return nil
		}
		state, err := Rewind(StateOf(since.ItemList), []Change{deletion})
		if err != nil {
			return err
		}
		if parent, _, err = s.write(ctx, tx, since, State{ItemList: requirements.ItemList{
			Specification: withItems(since.Specification, state), Items: state.Items,
		}, Exists: true}, at); err != nil {
			return err
		}
		restored = state.Items[slices.IndexFunc(state.Items, func(i requirements.Item) bool { return i.ID == item })]
		restored.Version, restored.UpdatedAt = deletion.ItemVersion+1, parent.UpdatedAt
		return nil
	})
	return parent, restored, err
}

// existingItem returns an item that was not deleted.
func existingItem(ctx context.Context, tx Tx, spec requirements.SpecificationID, item requirements.ItemID) (requirements.Specification, requirements.Item, error) {
	since, _, err := tx.LockSpecificationSince(ctx, spec, newest)
	if err != nil {
		return since.Specification, requirements.Item{}, err
	}
	found, exists := since.item(item)
	if !exists || !StateOf(since.ItemList).Live() {
		return since.Specification, found, problem.NotFound(problem.ItemNotFound)
	}
	return since.Specification, found, nil
}

// item returns an item as it is now, if it exists.
func (s Since) item(item requirements.ItemID) (requirements.Item, bool) {
	at := slices.IndexFunc(s.Items, func(i requirements.Item) bool { return i.ID == item })
	if at < 0 {
		return requirements.Item{}, false
	}
	return s.Items[at], true
}

// withItems returns the specification with the order of the items of a state.
func withItems(spec requirements.Specification, state State) requirements.Specification {
	spec.Items = state.Specification.Items
	return spec
}

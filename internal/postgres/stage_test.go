package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// stage is what an operation finds: somebody and what they own.
type stage struct {
	*world
	person auth.Profile
	actor  auth.Actor
	// live and trashed are projects of the actor; spec and trashedSpec are
	// specifications of the live one, items those of spec.
	live, trashed     requirements.ProjectID
	spec, trashedSpec requirements.SpecificationID
	items             []requirements.ItemID
	// spare is a session, an account or an item that an operation may use up.
	spare        auth.Actor
	spareSession auth.SessionID
	spareItem    requirements.ItemID
	// key is an Idempotency-Key that was used for creating a project.
	key requirements.IdempotentRequest
}

func newStage(w *world) *stage {
	w.t.Helper()
	s := &stage{world: w, person: profile(), key: requirements.IdempotentRequest{Key: canary}}
	ctx := w.t.Context()
	// The first to come waits for a new connection, which a busy machine makes late.
	err := patiently(func() (err error) { s.actor, err = signIn(ctx, w.store, again(s.person)); return err })
	if err != nil {
		w.t.Fatalf("sign in: %v", err)
	}
	s.live, s.trashed = w.project(s.actor).ID, w.project(s.actor).ID
	s.spec, s.trashedSpec = s.specification(), s.specification()
	for range 3 {
		s.items = append(s.items, s.item())
	}
	_, err = w.outline.CreateProject(ctx, s.actor, s.key, draft(w.t, canary))
	if err := errors.Join(err, s.trash(ctx, s.trashed), s.trashSpec(ctx, s.trashedSpec)); err != nil {
		w.t.Fatalf("set the stage: %v", err)
	}
	return s
}

// over makes the stage's operations go through another store.
func (s *stage) over(change ...func(*postgres.Config)) *stage {
	s.t.Helper()
	w := *s.world
	w.store = w.open(change...)
	w.outline = requirements.NewService(w.store, generous)
	other := *s
	other.world = &w
	return &other
}

func (s *stage) specification() requirements.SpecificationID {
	s.t.Helper()
	made, err := s.outline.CreateSpecification(s.t.Context(), s.actor, s.live, requirements.IdempotentRequest{}, specDraft(s.t))
	if err != nil {
		s.t.Fatalf("create a specification: %v", err)
	}
	return made.Value.ID
}

func (s *stage) item() requirements.ItemID {
	s.t.Helper()
	made, err := s.outline.CreateItem(s.t.Context(), s.actor, s.spec, requirements.IdempotentRequest{}, itemDraft(s.t, nil))
	if err != nil {
		s.t.Fatalf("create an item: %v", err)
	}
	return made.Value.ID
}

func specDraft(t testing.TB) requirements.NewSpecification {
	t.Helper()
	d, violations := requirements.ParseNewSpecification("", canary+id.New[stage]().String())
	if len(violations) > 0 {
		t.Fatalf("a draft: %v", violations)
	}
	return d
}

func itemDraft(t testing.TB, order *int) requirements.NewItem {
	t.Helper()
	d, violations := requirements.ParseNewItem(canary+id.New[stage]().String(), order)
	if len(violations) > 0 {
		t.Fatalf("a new item: %v", violations)
	}
	return d
}

func itemPatch(t testing.TB, order *int) requirements.ItemPatch {
	t.Helper()
	d, violations := requirements.ParseItemPatch(new(canary+id.New[stage]().String()), order)
	if len(violations) > 0 {
		t.Fatalf("a patch: %v", violations)
	}
	return d
}

// newName is a name that nobody has.
func newName(t testing.TB) auth.Name {
	t.Helper()
	name, violations := auth.ParseName(canary + id.New[stage]().String())
	if len(violations) > 0 {
		t.Fatalf("a name: %v", violations)
	}
	return name
}

func (s *stage) trash(ctx context.Context, project requirements.ProjectID) error {
	return s.outline.TrashProject(ctx, s.actor, project, requirements.Precondition{})
}

func (s *stage) restore(ctx context.Context, project requirements.ProjectID) error {
	_, err := s.outline.RestoreProject(ctx, s.actor, project)
	return err
}

func (s *stage) trashSpec(ctx context.Context, spec requirements.SpecificationID) error {
	return s.outline.TrashSpecification(ctx, s.actor, spec, requirements.Precondition{})
}

func (s *stage) restoreSpec(ctx context.Context, spec requirements.SpecificationID) error {
	_, err := s.outline.RestoreSpecification(ctx, s.actor, spec)
	return err
}

// shown is a visitor that counts what it was shown.
type shown struct {
	projects map[requirements.ProjectID]int
	specs    map[requirements.SpecificationID]int
	items    map[requirements.ItemID]int
	// then is called after each project.
	then func() error
}

func newShown() *shown {
	return &shown{projects: map[requirements.ProjectID]int{}, specs: map[requirements.SpecificationID]int{}, items: map[requirements.ItemID]int{}}
}

func (v *shown) Project(p requirements.Project) error {
	v.projects[p.ID]++
	if v.then == nil {
		return nil
	}
	return v.then()
}

func (v *shown) Specification(s requirements.Specification, items []requirements.Item) error {
	v.specs[s.ID]++
	for _, item := range items {
		v.items[item.ID]++
	}
	return nil
}

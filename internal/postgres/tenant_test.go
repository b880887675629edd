package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// tenant is a user with projects, specifications and items, and a store to reach them.
type tenant struct {
	*fixture
	profile auth.Profile
	actor   auth.Actor
	// live and trashed are projects; spec and trashedSpec are specifications of the
	// live one, items those of spec.
	live, trashed     requirements.ProjectID
	spec, trashedSpec requirements.SpecificationID
	items             []requirements.ItemID
	// spare is a session, an account or an item that an operation may delete, or a
	// specification without items.
	spare        auth.Actor
	spareSession auth.SessionID
	spareToken   auth.APITokenID
	spareBot     auth.UserID
	spareItem    requirements.ItemID
	spareSpec    requirements.SpecificationID
	// shared is a project of another user, invitation and secret are an invitation.
	shared     requirements.ProjectID
	invitation members.InvitationID
	secret     string
	// key is an Idempotency-Key that a project was created with.
	key requirements.IdempotentRequest
}

func newTenant(f *fixture) *tenant {
	f.t.Helper()
	s := &tenant{fixture: f, profile: newProfile(), key: requirements.IdempotentRequest{Key: canary}}
	ctx := f.t.Context()
	// The first call waits for a new connection, which takes long on a busy machine.
	err := retryUnavailable(func() (err error) { s.actor, err = signIn(ctx, f.store, withNewToken(s.profile)); return err })
	if err != nil {
		f.t.Fatalf("sign in: %v", err)
	}
	s.live, s.trashed = f.project(s.actor).ID, f.project(s.actor).ID
	s.spec, s.trashedSpec = s.specification(), s.specification()
	for range 3 {
		s.items = append(s.items, s.item())
	}
	_, err = f.service.CreateProject(ctx, s.actor, s.key, draft(f.t, canary))
	if err := errors.Join(err, s.trash(ctx, s.trashed), s.trashSpec(ctx, s.trashedSpec)); err != nil {
		f.t.Fatalf("create the tenant: %v", err)
	}
	return s
}

// over is the tenant through another store.
func (s *tenant) over(change ...func(*postgres.Config)) *tenant {
	s.t.Helper()
	f := *s.fixture
	f.store = f.open(change...)
	f.service = requirements.NewService(f.store, highLimits)
	other := *s
	other.fixture = &f
	return &other
}

func (s *tenant) specification() requirements.SpecificationID {
	s.t.Helper()
	made, err := s.service.CreateSpecification(s.t.Context(), s.actor, s.live, requirements.IdempotentRequest{}, requirements.Precondition{}, specDraft(s.t))
	if err != nil {
		s.t.Fatalf("create a specification: %v", err)
	}
	return made.Value.ID
}

func (s *tenant) item() requirements.ItemID {
	s.t.Helper()
	_, made, err := s.service.CreateItem(s.t.Context(), s.actor, s.spec, requirements.IdempotentRequest{}, requirements.Precondition{}, itemDraft(s.t, nil))
	if err != nil {
		s.t.Fatalf("create an item: %v", err)
	}
	return made.Value.ID
}

func specDraft(t testing.TB) requirements.NewSpecification {
	t.Helper()
	d, violations := requirements.ParseNewSpecification("", canary+id.New[tenant]().String())
	if len(violations) > 0 {
		t.Fatalf("a draft: %v", violations)
	}
	return d
}

func specDraftWithItems(t testing.TB) requirements.NewSpecification {
	t.Helper()
	d, violations := specDraft(t).WithItems([]string{canary + "a", canary + "b"})
	if len(violations) > 0 {
		t.Fatalf("a draft with items: %v", violations)
	}
	return d
}

func itemDraft(t testing.TB, order *int) requirements.NewItem {
	t.Helper()
	item, violations := requirements.ParseNewItem(canary+id.New[tenant]().String(), order)
	if len(violations) > 0 {
		t.Fatalf("a new item: %v", violations)
	}
	return item
}

func itemPatch(t testing.TB, order *int) requirements.ItemPatch {
	t.Helper()
	patch, violations := requirements.ParseItemPatch(new(canary+id.New[tenant]().String()), order)
	if len(violations) > 0 {
		t.Fatalf("a patch: %v", violations)
	}
	return patch
}

// entriesOf are the items with other contents in the opposite order, and a new one.
func entriesOf(t testing.TB, items []requirements.ItemID) []requirements.ItemEntry {
	t.Helper()
	var entries []requirements.ItemEntry
	for n := range len(items) + 1 {
		var item *requirements.ItemID
		if n < len(items) {
			item = &items[len(items)-1-n]
		}
		entry, violations := requirements.ParseItemEntry(n, item, canary+id.New[tenant]().String())
		if len(violations) > 0 {
			t.Fatalf("an entry: %v", violations)
		}
		entries = append(entries, entry)
	}
	return entries
}

// newName is a name that no user has.
func newName(t testing.TB) auth.Name {
	t.Helper()
	name, violations := auth.ParseName(canary + id.New[tenant]().String())
	if len(violations) > 0 {
		t.Fatalf("a name: %v", violations)
	}
	return name
}

func (s *tenant) trash(ctx context.Context, project requirements.ProjectID) error {
	return s.service.TrashProject(ctx, s.actor, project, requirements.Precondition{})
}

func (s *tenant) restore(ctx context.Context, project requirements.ProjectID) error {
	_, err := s.service.RestoreProject(ctx, s.actor, project, requirements.Precondition{})
	return err
}

func (s *tenant) trashSpec(ctx context.Context, spec requirements.SpecificationID) error {
	return s.service.TrashSpecification(ctx, s.actor, spec, requirements.Precondition{})
}

func (s *tenant) restoreSpec(ctx context.Context, spec requirements.SpecificationID) error {
	_, err := s.service.RestoreSpecification(ctx, s.actor, spec, requirements.Precondition{})
	return err
}

// recordingVisitor counts the visits of each resource.
type recordingVisitor struct {
	projects    map[requirements.ProjectID]int
	specs       map[requirements.SpecificationID]int
	items       map[requirements.ItemID]int
	memberships []requirements.Membership
	// then is called after each project.
	then func() error
}

func newRecordingVisitor() *recordingVisitor {
	return &recordingVisitor{projects: map[requirements.ProjectID]int{}, specs: map[requirements.SpecificationID]int{}, items: map[requirements.ItemID]int{}}
}

func (v *recordingVisitor) Project(p requirements.Project) error {
	v.projects[p.ID]++
	if v.then == nil {
		return nil
	}
	return v.then()
}

func (v *recordingVisitor) Memberships(shared []requirements.Membership) error {
	v.memberships = append(v.memberships, shared...)
	return nil
}

func (v *recordingVisitor) Specification(s requirements.Specification, items []requirements.Item) error {
	v.specs[s.ID]++
	for _, item := range items {
		v.items[item.ID]++
	}
	return nil
}

package postgres_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// state is what a user has in one project.
type state struct {
	Project requirements.Project
	Specs   []requirements.Specification
	Items   []requirements.Item
}

// guardedModel does what users do, and compares what the rules return with what the
// statements have stored.
type guardedModel struct {
	*tenant
	service *requirements.Service
	project requirements.ProjectID
	moved   *int // items to another specification
}

func (m *guardedModel) state(t *rapid.T) (now state) {
	ctx := context.Background()
	var err error
	if now.Project, err = m.store.Project(ctx, m.actor, m.project); err != nil {
		t.Fatal(err)
	}
	for _, trashed := range []bool{false, true} {
		q := requirements.ListQuery{Query: everything, Trashed: trashed}
		q.After = nil
		q.Order.Column = "number"
		_, specs, err := m.store.Specifications(ctx, m.actor, m.project, q)
		if err != nil {
			t.Fatal(err)
		}
		now.Specs = append(now.Specs, specs...)
	}
	for _, spec := range now.Specs {
		_, items, err := m.store.Items(ctx, m.actor, spec.ID)
		if err != nil {
			t.Fatal(err)
		}
		now.Items = append(now.Items, spec.Sorted(items)...)
	}
	return now
}

// The conditions of the guarded statements are those of the rules: for random states,
// requests and preconditions, a write that the rules permit is stored as they return it,
// and another one changes nothing. The service fails if both disagree.
func TestGuarded_StatementsWriteWhatTheRulesDecide(t *testing.T) {
	t.Parallel()
	limits := requirements.Limits{ProjectsPerUser: 100_000, SpecificationsPerProject: 2, ItemsPerSpecification: 2}
	written, rejected, moved := 0, 0, 0
	s := newTenant(newFixture(t))
	rapid.Check(t, func(r *rapid.T) {
		m := &guardedModel{tenant: s, service: requirements.NewService(s.store, limits), project: s.project(s.actor).ID, moved: &moved}
		for range rapid.IntRange(10, 40).Draw(r, "steps") {
			before := m.state(r)
			want, err := m.step(r, before)
			after := m.state(r)
			switch code := problem.CodeOf(err); {
			case err == nil:
				written++
			case code == problem.Internal:
				r.Fatalf("%v", err)
			default:
				rejected++
				want = before
			}
			// A request that changes something is one revision; others make no revision.
			want.Project.Revision = after.Project.Revision
			if changed := !cmp.Equal(before, want, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(requirements.Project{}, "Revision")); changed != (after.Project.Revision == before.Project.Revision+1) ||
				!changed && after.Project.Revision != before.Project.Revision {
				r.Fatalf("changed: %t, the revision was %d and is %d", changed, before.Project.Revision, after.Project.Revision)
			}
			if diff := cmp.Diff(want, after, cmpopts.EquateEmpty()); diff != "" {
				r.Fatalf("error %v, -rules +stored:\n%s", err, diff)
			}
		}
	})
	if written == 0 || rejected == 0 || moved == 0 {
		t.Errorf("%d writes were permitted, %d rejected; %d items moved", written, rejected, moved)
	}
}

// step sends one request. It returns the state that its result implies.
func (m *guardedModel) step(r *rapid.T, now state) (state, error) {
	ctx := context.Background()
	now.Specs, now.Items = slices.Clone(now.Specs), slices.Clone(now.Items)
	text := rapid.SampledFrom([]string{"a", "b", "# c"}).Draw(r, "text")
	request := requirements.IdempotentRequest{}
	if rapid.Bool().Draw(r, "with a key") {
		request.Key = id.New[state]().String() // also when rapid repeats a case
	}
	if rapid.IntRange(0, 14).Draw(r, "trash or restore the project") == 0 {
		return m.trashOrRestoreProject(ctx, r, now)
	}
	if len(now.Specs) == 0 || rapid.IntRange(0, 7).Draw(r, "new specification") == 0 {
		n, _ := requirements.ParseNewSpecification(rapid.SampledFrom([]string{"", "t"}).Draw(r, "title"), text)
		if rapid.Bool().Draw(r, "with items") { // up to one more than the limit
			n, _ = n.WithItems(slices.Repeat([]string{text}, rapid.IntRange(0, 3).Draw(r, "items")))
		}
		made, err := m.service.CreateSpecification(ctx, m.actor, m.project, request, somePrecondition(r, now.Project.Tag()), n)
		now.Items = append(now.Items, made.Value.NewItems()...)
		return m.withSpecification(now, made.Value.Specification), err
	}
	spec := rapid.SampledFrom(now.Specs).Draw(r, "specification")
	items := slices.DeleteFunc(slices.Clone(now.Items), func(i requirements.Item) bool { return i.Specification != spec.ID })
	order := rapid.SampledFrom([]*int{nil, nil, nil, nil, new(0), new(1), new(2), new(3), new(4), new(-1)}).Draw(r, "order")
	kind := rapid.IntRange(0, 11).Draw(r, "request")
	switch {
	case kind == 0:
		return m.trashOrRestore(ctx, r, now, spec)
	case kind == 1:
		patch, _ := requirements.ParseSpecificationPatch(rapid.SampledFrom([]*string{nil, new(""), new("t")}).Draw(r, "title"),
			rapid.SampledFrom([]*string{nil, &text}).Draw(r, "content"))
		after, err := m.service.PatchSpecification(ctx, m.actor, spec.ID, somePrecondition(r, spec.Tag()), patch)
		return now.with(after), err
	case kind <= 4 || len(items) == 0:
		n, _ := requirements.ParseNewItem(text, order)
		parent, made, err := m.service.CreateItem(ctx, m.actor, spec.ID, request, somePrecondition(r, spec.Tag()), n)
		now.Items = append(now.Items, made.Value)
		return now.with(parent), err
	}
	item := rapid.SampledFrom(items).Draw(r, "item")
	condition := somePrecondition(r, item.Tag())
	at := slices.IndexFunc(now.Items, func(i requirements.Item) bool { return i.ID == item.ID })
	if kind == 5 {
		parent, err := m.service.DeleteItem(ctx, m.actor, item.ID, condition)
		now.Items = slices.Delete(now.Items, at, at+1)
		// The time of a deletion is read twice: by the rules and by the trigger.
		if stored, readErr := m.store.Specification(ctx, m.actor, spec.ID); err == nil && readErr == nil {
			parent.UpdatedAt = stored.UpdatedAt
		}
		return now.with(parent), err
	}
	if kind <= 8 {
		// Mostly to another specification than the item's.
		target := now.Specs[(slices.IndexFunc(now.Specs, func(s requirements.Specification) bool { return s.ID == spec.ID })+rapid.SampledFrom([]int{1, 1, 1, 0}).Draw(r, "target"))%len(now.Specs)]
		parent, after, err := m.service.MoveItem(ctx, m.actor, item.ID, condition, target.ID, order)
		if err == nil && target.ID != spec.ID { // the list that it has left
			*m.moved++
			now = now.with(without(spec, item.ID, parent.UpdatedAt))
		}
		now.Items[at] = after
		return now.with(parent), err
	}
	patch, _ := requirements.ParseItemPatch(rapid.SampledFrom([]*string{nil, &text}).Draw(r, "content"), order)
	parent, after, err := m.service.PatchItem(ctx, m.actor, item.ID, condition, patch)
	now.Items[at] = after
	return now.with(parent), err
}

// without is the specification after one of its items has left.
func without(s requirements.Specification, item requirements.ItemID, at time.Time) requirements.Specification {
	s.Items = slices.DeleteFunc(slices.Clone(s.Items), func(i requirements.ItemID) bool { return i == item })
	s.Version++
	s.UpdatedAt = at
	return s
}

// withSpecification is the state with a new specification.
func (m *guardedModel) withSpecification(now state, made requirements.Specification) state {
	now.Project.SpecificationCount++
	now.Project.NextSpecificationNumber++
	now.Project.Version++
	now.Project.UpdatedAt = made.CreatedAt
	now.Specs = append(now.Specs, made)
	return now.with(made)
}

func (m *guardedModel) trashOrRestore(ctx context.Context, r *rapid.T, now state, spec requirements.Specification) (state, error) {
	var err error
	if spec.DeletedAt == nil {
		err = m.trashSpec(ctx, spec.ID)
	} else {
		_, err = m.service.RestoreSpecification(ctx, m.actor, spec.ID, requirements.Precondition{})
	}
	if err != nil {
		return now, err
	}
	return m.state(r), nil
}

func (m *guardedModel) trashOrRestoreProject(ctx context.Context, r *rapid.T, now state) (state, error) {
	change := m.trash
	if now.Project.DeletedAt != nil {
		change = m.restore
	}
	err := change(ctx, m.project)
	if err != nil {
		return now, err
	}
	return m.state(r), nil
}

// with is the state with a specification as it is now, and everything in the order in
// which it is read.
func (s state) with(spec requirements.Specification) state {
	for n := range s.Specs {
		if s.Specs[n].ID == spec.ID {
			spec.ProjectTrashed = s.Specs[n].ProjectTrashed
			s.Specs[n] = spec
		}
	}
	slices.SortFunc(s.Specs, func(a, b requirements.Specification) int {
		if (a.DeletedAt == nil) != (b.DeletedAt == nil) {
			if a.DeletedAt == nil {
				return -1
			}
			return 1
		}
		return a.Number - b.Number
	})
	var items []requirements.Item
	for _, spec := range s.Specs {
		own := slices.DeleteFunc(slices.Clone(s.Items), func(i requirements.Item) bool { return i.Specification != spec.ID })
		items = append(items, spec.Sorted(own)...)
	}
	s.Items = items
	return s
}

// somePrecondition is a precondition, which a resource with the tag may satisfy.
func somePrecondition(r *rapid.T, tag requirements.Tag) requirements.Precondition {
	stale := requirements.Tag{Version: tag.Version + 1, Counters: tag.Counters}
	moved := requirements.Tag{Version: tag.Version}
	for _, c := range tag.Counters {
		moved.Counters = append(moved.Counters, requirements.Counter{Value: c.Value + 1, Place: c.Place})
	}
	set := func(name string, chance int) requirements.TagSet {
		if rapid.IntRange(0, chance).Draw(r, name) > 0 {
			return requirements.TagSet{}
		}
		tags := rapid.SliceOfN(rapid.SampledFrom([]requirements.Tag{tag, stale, moved, {Version: tag.Version}, {Version: tag.Version, Counters: make([]requirements.Counter, 2)}}), 0, 2)
		return requirements.TagSet{Given: true, Any: rapid.IntRange(0, 5).Draw(r, name+" any") == 0, Tags: tags.Draw(r, name+" tags")}
	}
	return requirements.Precondition{Match: set("If-Match", 1), NoneMatch: set("If-None-Match", 6)}
}

package postgres_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/search"
)

// operation is a call of the store, directly or by the rules. It can be repeated for
// one tenant, each time after its before.
type operation struct {
	do     func(ctx context.Context, s *tenant) error
	before func(ctx context.Context, s *tenant) error
	// once is true for a write whose statement decides and commits in its round trip.
	once bool
}

// reads take one round trip, and writes two or one; both need a live session. Each name begins
// with the method that is called, so a test finds a method that is missing.
var (
	reads  = joined(memberReads(), readOperations())
	writes = withTokenWrites(joined(memberWrites, map[string]operation{
		"CreateProject": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.CreateProject(ctx, s.actor, requirements.IdempotentRequest{}, draft(s.t, canary))
			return err
		}},
		"CreateProject with a key": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.CreateProject(ctx, s.actor, requirements.IdempotentRequest{Key: id.New[tenant]().String()}, draft(s.t, canary))
			return err
		}},
		"CreateProject with a used key": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.CreateProject(ctx, s.actor, s.key, draft(s.t, canary))
			return err
		}},
		"ReplaceProject": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.ReplaceProject(ctx, s.actor, s.live, requirements.Precondition{}, draft(s.t, canary+id.New[tenant]().String()))
			return err
		}},
		"PatchProject without a change": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.PatchProject(ctx, s.actor, s.live, requirements.Precondition{}, requirements.ProjectPatch{})
			return err
		}},
		"TrashProject": {
			before: func(ctx context.Context, s *tenant) error { return s.restore(ctx, s.trashed) },
			do:     func(ctx context.Context, s *tenant) error { return s.trash(ctx, s.trashed) },
		},
		"RestoreProject": {
			before: func(ctx context.Context, s *tenant) error { _ = s.trash(ctx, s.trashed); return nil }, // it may be there already
			do:     func(ctx context.Context, s *tenant) error { return s.restore(ctx, s.trashed) },
		},
		"CreateSpecification": {once: true, do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.CreateSpecification(ctx, s.actor, s.live, requirements.IdempotentRequest{}, requirements.Precondition{}, specDraft(s.t))
			return err
		}},
		"CreateSpecification with a key": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.CreateSpecification(ctx, s.actor, s.live, requirements.IdempotentRequest{Key: id.New[tenant]().String()}, requirements.Precondition{}, specDraft(s.t))
			return err
		}},
		"CreateSpecification with items": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.CreateSpecification(ctx, s.actor, s.live, requirements.IdempotentRequest{}, requirements.Precondition{}, specDraftWithItems(s.t))
			return err
		}},
		"ReplaceSpecification": {once: true, do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.ReplaceSpecification(ctx, s.actor, s.spec, requirements.Precondition{}, specDraft(s.t))
			return err
		}},
		"PatchSpecification without a change": {once: true, do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.PatchSpecification(ctx, s.actor, s.spec, requirements.Precondition{}, requirements.SpecificationPatch{})
			return err
		}},
		"PatchSpecification with the default title": {do: func(ctx context.Context, s *tenant) error {
			patch, _ := requirements.ParseSpecificationPatch(new(""), nil)
			_, err := s.service.PatchSpecification(ctx, s.actor, s.spec, requirements.Precondition{}, patch)
			return err
		}},
		"TrashSpecification": {
			before: func(ctx context.Context, s *tenant) error { return s.restoreSpec(ctx, s.trashedSpec) },
			do:     func(ctx context.Context, s *tenant) error { return s.trashSpec(ctx, s.trashedSpec) },
		},
		"RestoreSpecification": {
			before: func(ctx context.Context, s *tenant) error { _ = s.trashSpec(ctx, s.trashedSpec); return nil }, // it may be there already
			do:     func(ctx context.Context, s *tenant) error { return s.restoreSpec(ctx, s.trashedSpec) },
		},
		"CreateItem": {once: true, do: func(ctx context.Context, s *tenant) error {
			_, _, err := s.service.CreateItem(ctx, s.actor, s.spec, requirements.IdempotentRequest{}, requirements.Precondition{}, itemDraft(s.t, new(0)))
			return err
		}},
		"CreateItem with a key": {do: func(ctx context.Context, s *tenant) error {
			_, _, err := s.service.CreateItem(ctx, s.actor, s.spec, requirements.IdempotentRequest{Key: id.New[tenant]().String()}, requirements.Precondition{}, itemDraft(s.t, new(0)))
			return err
		}},
		"ReplaceItem": {once: true, do: func(ctx context.Context, s *tenant) error {
			_, _, err := s.service.ReplaceItem(ctx, s.actor, s.items[2], requirements.Precondition{}, itemDraft(s.t, new(0)))
			return err
		}},
		"PatchItem": {once: true, do: func(ctx context.Context, s *tenant) error {
			_, _, err := s.service.PatchItem(ctx, s.actor, s.items[2], requirements.Precondition{}, itemPatch(s.t, new(0)))
			return err
		}},
		"DeleteItem": {
			once:   true,
			before: func(_ context.Context, s *tenant) error { s.spareItem = s.item(); return nil },
			do: func(ctx context.Context, s *tenant) error {
				_, err := s.service.DeleteItem(ctx, s.actor, s.spareItem, requirements.Precondition{})
				return err
			},
		},
		"ReorderItems": {
			before: func(ctx context.Context, s *tenant) error {
				spec, err := s.service.Specification(ctx, s.actor, s.spec)
				s.items = spec.Items
				slices.Reverse(s.items)
				return err
			},
			do: func(ctx context.Context, s *tenant) error {
				_, _, err := s.service.ReorderItems(ctx, s.actor, s.spec, requirements.Precondition{}, s.items)
				return err
			},
		},
		"ReplaceItems": {
			before: func(ctx context.Context, s *tenant) error {
				spec, err := s.service.Specification(ctx, s.actor, s.spec)
				s.items = spec.Items
				return err
			},
			do: func(ctx context.Context, s *tenant) error {
				_, err := s.service.ReplaceItems(ctx, s.actor, s.spec, requirements.Precondition{}, entriesOf(s.t, s.items))
				return err
			},
		},
		"MoveItem": {
			before: func(_ context.Context, s *tenant) error {
				s.spareItem, s.spareSpec = s.item(), s.specification()
				return nil
			},
			do: func(ctx context.Context, s *tenant) error {
				_, _, err := s.service.MoveItem(ctx, s.actor, s.spareItem, requirements.Precondition{}, s.spareSpec, nil)
				return err
			},
		},
		"Rename": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.store.Rename(ctx, s.actor, newName(s.t))
			return err
		}},
		"EndSession": {
			before: func(ctx context.Context, s *tenant) error {
				other, err := signIn(ctx, s.store, withNewToken(s.profile))
				s.spareSession = other.Session
				return err
			},
			do: func(ctx context.Context, s *tenant) error {
				return s.store.EndSession(ctx, s.actor, s.spareSession, eventBy(s.actor))
			},
		},
		"ChangeUser": {
			before: func(ctx context.Context, s *tenant) error { s.spare = s.signUp(); return promote(ctx, s) },
			do: func(ctx context.Context, s *tenant) error {
				admin := auth.PrivilegedActor{Actor: s.actor, Permission: auth.ChangeUsers}
				_, _, err := s.store.ChangeUser(ctx, admin, s.spare.User, auth.UserChange{Suspend: new(true)}, func(auth.UserState) []auth.Event {
					return []auth.Event{eventBy(s.actor)}
				})
				return err
			},
		},
		"DeleteAccount": {
			before: func(_ context.Context, s *tenant) error { s.spare = s.signUp(); return nil },
			do: func(ctx context.Context, s *tenant) error {
				if s.spare == (auth.Actor{}) {
					return deleteAccount(ctx, s.store, s.actor)
				}
				return deleteAccount(ctx, s.store, s.spare)
			},
		},
	}))
)

func TestOperations_CoverEveryMethod(t *testing.T) {
	t.Parallel()
	var called []string
	for _, table := range []map[string]operation{reads, writes} {
		for name := range table {
			called = append(called, strings.Fields(name)[0])
		}
	}
	for name := range withoutSession {
		called = append(called, strings.Fields(name)[0])
	}
	// Export reads page by page and has tests of its own. Limits reads nothing.
	called = append(called, "Export", "Limits")
	for _, rules := range []reflect.Type{reflect.TypeFor[*requirements.Service](), reflect.TypeFor[*members.Service](), reflect.TypeFor[auth.Store]()} {
		for method := range rules.Methods() {
			if !slices.Contains(called, method.Name) {
				t.Errorf("%s.%s is in no table of operations_test.go", rules, method.Name)
			}
		}
	}
}

// everything is a page that is larger than what a test creates.
var everything = page.Query{After: &page.Cursor{Time: time.Now().AddDate(1, 0, 0)}, Limit: 51}

// promote makes the actor an admin.
func promote(ctx context.Context, s *tenant) error {
	_, err := connect(s.t, s.Super).Exec(ctx, "UPDATE users SET role = 'admin' WHERE id = $1", s.actor.User)
	return err
}

func (s *tenant) events(ctx context.Context, q auth.EventQuery) error {
	_, err := s.store.Events(ctx, auth.PrivilegedActor{Actor: s.actor, Permission: auth.ReadEvents}, q)
	return err
}

func readOperations() map[string]operation {
	all := map[string]operation{
		"Authorize": {before: promote, do: func(ctx context.Context, s *tenant) error {
			return s.store.Authorize(ctx, auth.PrivilegedActor{Actor: s.actor, Permission: auth.ReadUsers})
		}},
		"Locate": {do: func(ctx context.Context, s *tenant) error {
			if _, err := s.store.Locate(ctx, s.actor, "projects", s.live); !errors.Is(err, auth.ErrNotMember) {
				return err
			}
			return nil
		}},
		"Users": {before: promote, do: func(ctx context.Context, s *tenant) error {
			_, err := s.store.Users(ctx, auth.PrivilegedActor{Actor: s.actor, Permission: auth.ReadUsers}, auth.UserQuery{Query: everything})
			return err
		}},
		"Events": {before: promote, do: func(ctx context.Context, s *tenant) error {
			return s.events(ctx, auth.EventQuery{Query: everything})
		}},
		"Events of an actor": {before: promote, do: func(ctx context.Context, s *tenant) error {
			return s.events(ctx, auth.EventQuery{Query: everything, Actor: &s.actor.User})
		}},
		"Events of an action": {before: promote, do: func(ctx context.Context, s *tenant) error {
			return s.events(ctx, auth.EventQuery{Query: everything, Action: new("session.created")})
		}},
		"Events since a time": {before: promote, do: func(ctx context.Context, s *tenant) error {
			return s.events(ctx, auth.EventQuery{Query: everything, Since: time.Now().AddDate(0, 0, -1)})
		}},
		"CheckSession": {do: func(ctx context.Context, s *tenant) error { return s.store.CheckSession(ctx, s.actor) }},
		"User":         {do: func(ctx context.Context, s *tenant) error { _, err := s.store.User(ctx, s.actor); return err }},
		"Sessions":     {do: func(ctx context.Context, s *tenant) error { _, err := s.store.Sessions(ctx, s.actor); return err }},
		"Project": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.Project(ctx, s.actor, s.live)
			return err
		}},
		"Specification": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.Specification(ctx, s.actor, s.spec)
			return err
		}},
		"Items": {do: func(ctx context.Context, s *tenant) error {
			_, _, err := s.service.Items(ctx, s.actor, s.spec)
			return err
		}},
		"ProjectItems first page": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.ProjectItems(ctx, s.actor, s.live, requirements.ProjectItemsQuery{Limit: 20})
			return err
		}},
		"ProjectItems later page": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.ProjectItems(ctx, s.actor, s.live, requirements.ProjectItemsQuery{Limit: 20, After: &page.Cursor{Number: 1, ID: s.items[0]}})
			return err
		}},
		"ProjectItems by reference": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.ProjectItems(ctx, s.actor, s.live, requirements.ProjectItemsQuery{Limit: 20, Refs: []requirements.Ref{{Specification: 1, Item: 1}}})
			return err
		}},
		"Item": {do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.Item(ctx, s.actor, s.items[0])
			return err
		}},
	}
	addTokenReads(all)
	for name, q := range searchQueries() {
		all["Search "+name] = operation{do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.Search(ctx, s.actor, q)
			return err
		}}
	}
	for name, q := range projectQueries() {
		all["Projects "+name] = operation{do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.Projects(ctx, s.actor, q)
			return err
		}}
	}
	for name, q := range specificationQueries() {
		all["Specifications "+name] = operation{do: func(ctx context.Context, s *tenant) error {
			_, err := s.service.Specifications(ctx, s.actor, s.live, q)
			return err
		}}
	}
	return all
}

// searchQueries are searches of each kind, with a first and a later page, and one for
// nothing.
func searchQueries() map[string]requirements.SearchQuery {
	all := map[string]requirements.SearchQuery{
		"for nothing": {},
		"of a project": {
			Query: page.Query{Limit: 20}, Text: search.Parse(canary), Project: id.New[requirements.Project](),
		},
		"in all scripts": {Query: page.Query{Limit: 20}, Text: search.Parse(`Übung "a phrase" 退款 -"not this" -Größe`)},
	}
	for _, kind := range []requirements.HitKind{"", requirements.ProjectHit, requirements.SpecificationHit, requirements.ItemHit} {
		q := requirements.SearchQuery{Query: page.Query{Limit: 20}, Text: search.Parse(canary), Kind: kind}
		all["of kind "+string(kind)+", first page"] = q
		q.After = &page.Cursor{Number: 2, Time: time.Now()}
		all["of kind "+string(kind)+", later page"] = q
	}
	return all
}

// projectQueries are all orders of the list of projects, each with its first and a
// later page; specificationQueries are those of specifications.
func projectQueries() map[string]requirements.ListQuery {
	return queries(page.ByCreatedAt, page.ByUpdatedAt, page.ByTitle)
}

func specificationQueries() map[string]requirements.ListQuery {
	return queries(page.ByNumber, page.ByCreatedAt, page.ByUpdatedAt, page.ByTitle)
}

func queries(columns ...page.Column) map[string]requirements.ListQuery {
	all := map[string]requirements.ListQuery{}
	for _, column := range columns {
		for _, descending := range []bool{false, true} {
			name := "by " + string(column)
			if descending {
				name += " descending"
			}
			order := page.Order{Column: column, Descending: descending}
			all[name+", first page"] = requirements.ListQuery{Query: page.Query{Order: order, Limit: 20}}
			all[name+", later page"] = requirements.ListQuery{Query: page.Query{Order: order, Limit: 20, After: &page.Cursor{Text: "m"}}}
		}
	}
	return all
}

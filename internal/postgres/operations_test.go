package postgres_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// operation is something that is asked of the store, by the rules or by itself.
// It can be done again and again on one stage, after what comes before it.
type operation struct {
	do     func(ctx context.Context, s *stage) error
	before func(ctx context.Context, s *stage) error
}

// reads take one flight, changes two, and both are for a live session only. The
// names begin with the method that is called, so that none is forgotten.
var (
	reads   = readOperations()
	changes = map[string]operation{
		"CreateProject": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.CreateProject(ctx, s.actor, requirements.IdempotentRequest{}, draft(s.t, canary))
			return err
		}},
		"CreateProject with a key": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.CreateProject(ctx, s.actor, requirements.IdempotentRequest{Key: id.New[stage]().String()}, draft(s.t, canary))
			return err
		}},
		"CreateProject with a key that was used": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.CreateProject(ctx, s.actor, s.key, draft(s.t, canary))
			return err
		}},
		"ReplaceProject": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.ReplaceProject(ctx, s.actor, s.live, requirements.Precondition{}, draft(s.t, canary+id.New[stage]().String()))
			return err
		}},
		"PatchProject with what it is already": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.PatchProject(ctx, s.actor, s.live, requirements.Precondition{}, requirements.ProjectPatch{})
			return err
		}},
		"TrashProject": {
			before: func(ctx context.Context, s *stage) error { return s.restore(ctx, s.trashed) },
			do:     func(ctx context.Context, s *stage) error { return s.trash(ctx, s.trashed) },
		},
		"RestoreProject": {
			before: func(ctx context.Context, s *stage) error { _ = s.trash(ctx, s.trashed); return nil }, // if it is not there
			do:     func(ctx context.Context, s *stage) error { return s.restore(ctx, s.trashed) },
		},
		"CreateSpecification with a key": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.CreateSpecification(ctx, s.actor, s.live, requirements.IdempotentRequest{Key: id.New[stage]().String()}, specDraft(s.t))
			return err
		}},
		"ReplaceSpecification": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.ReplaceSpecification(ctx, s.actor, s.spec, requirements.Precondition{}, specDraft(s.t))
			return err
		}},
		"PatchSpecification with what it is already": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.PatchSpecification(ctx, s.actor, s.spec, requirements.Precondition{}, requirements.SpecificationPatch{})
			return err
		}},
		"TrashSpecification": {
			before: func(ctx context.Context, s *stage) error { return s.restoreSpec(ctx, s.trashedSpec) },
			do:     func(ctx context.Context, s *stage) error { return s.trashSpec(ctx, s.trashedSpec) },
		},
		"RestoreSpecification": {
			before: func(ctx context.Context, s *stage) error { _ = s.trashSpec(ctx, s.trashedSpec); return nil }, // if it is not there
			do:     func(ctx context.Context, s *stage) error { return s.restoreSpec(ctx, s.trashedSpec) },
		},
		"CreateItem with a key": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.CreateItem(ctx, s.actor, s.spec, requirements.IdempotentRequest{Key: id.New[stage]().String()}, itemDraft(s.t, new(0)))
			return err
		}},
		"PatchItem": {do: func(ctx context.Context, s *stage) error {
			_, err := s.outline.PatchItem(ctx, s.actor, s.items[2], requirements.Precondition{}, itemPatch(s.t, new(0)))
			return err
		}},
		"DeleteItem": {
			before: func(_ context.Context, s *stage) error { s.spareItem = s.item(); return nil },
			do: func(ctx context.Context, s *stage) error {
				return s.outline.DeleteItem(ctx, s.actor, s.spareItem, requirements.Precondition{})
			},
		},
		"ReorderItems": {
			before: func(ctx context.Context, s *stage) error {
				spec, err := s.outline.Specification(ctx, s.actor, s.spec)
				s.items = spec.Items
				slices.Reverse(s.items)
				return err
			},
			do: func(ctx context.Context, s *stage) error {
				_, _, err := s.outline.ReorderItems(ctx, s.actor, s.spec, requirements.Precondition{}, s.items)
				return err
			},
		},
		"Rename": {do: func(ctx context.Context, s *stage) error {
			_, err := s.store.Rename(ctx, s.actor, newName(s.t))
			return err
		}},
		"EndSession": {
			before: func(ctx context.Context, s *stage) error {
				other, err := signIn(ctx, s.store, again(s.person))
				s.spareSession = other.Session
				return err
			},
			do: func(ctx context.Context, s *stage) error {
				return s.store.EndSession(ctx, s.actor, s.spareSession, eventOf(s.actor))
			},
		},
		"ChangeUser": {
			before: func(ctx context.Context, s *stage) error { s.spare = s.signUp(); return promote(ctx, s) },
			do: func(ctx context.Context, s *stage) error {
				staff := auth.PrivilegedActor{Actor: s.actor, Permission: auth.ChangeUsers}
				_, err := s.store.ChangeUser(ctx, staff, s.spare.User, auth.UserChange{Suspend: new(true)}, func(auth.UserState) []auth.Event {
					return []auth.Event{eventOf(s.actor)}
				})
				return err
			},
		},
		"DeleteAccount": {
			before: func(_ context.Context, s *stage) error { s.spare = s.signUp(); return nil },
			do: func(ctx context.Context, s *stage) error {
				if s.spare == (auth.Actor{}) {
					return s.store.DeleteAccount(ctx, s.actor, eventOf(s.actor))
				}
				return s.store.DeleteAccount(ctx, s.spare, eventOf(s.spare))
			},
		},
	}
)

// unconfined are operations that ask for no live session of the caller's.
var unconfined = map[string]struct {
	operation
	flights int
}{
	"SignIn of somebody new": {flights: 2, operation: operation{do: func(ctx context.Context, s *stage) error {
		_, err := signIn(ctx, s.store, profile())
		return err
	}}},
	"SignIn of somebody known": {flights: 2, operation: operation{do: func(ctx context.Context, s *stage) error {
		_, err := signIn(ctx, s.store, again(s.person))
		return err
	}}},
	"ChangeSession": {flights: 2, operation: operation{do: func(ctx context.Context, s *stage) error {
		_, err := s.store.ChangeSession(ctx, s.actor.Session, func(before auth.Session, at time.Time) auth.SessionChange {
			before.Counter++
			before.LastUsedAt = at
			return auth.SessionChange{After: before, Changed: true}
		})
		return err
	}}},
	"EndOwnSession": {flights: 2, operation: operation{
		before: func(ctx context.Context, s *stage) (err error) {
			s.spare, err = signIn(ctx, s.store, again(s.person))
			return err
		},
		do: func(ctx context.Context, s *stage) error {
			return s.store.EndOwnSession(ctx, s.spare, false, endOf(s.spare))
		},
	}},
	"EndOwnSession and all others": {flights: 2, operation: operation{
		before: func(_ context.Context, s *stage) error { s.spare = s.signUp(); return nil },
		do: func(ctx context.Context, s *stage) error {
			return s.store.EndOwnSession(ctx, s.spare, true, endOf(s.spare))
		},
	}},
	"Record": {flights: 1, operation: operation{do: func(ctx context.Context, s *stage) error {
		return s.store.Record(ctx, eventOf(s.actor))
	}}},
	"Record of nobody": {flights: 1, operation: operation{do: func(ctx context.Context, s *stage) error {
		return s.store.Record(ctx, auth.Event{ID: id.New[auth.Event](), Action: auth.SessionRejected, ResourceType: "session"})
	}}},
	"Forget": {flights: 2, operation: operation{do: func(ctx context.Context, s *stage) error {
		_, err := s.store.Forget(ctx)
		return err
	}}},
	// One look at the trash.
	"Purge": {flights: 1, operation: operation{do: func(ctx context.Context, s *stage) error {
		_, err := s.store.Purge(ctx, time.Now().Add(-time.Hour))
		return err
	}}},
}

func TestEveryOperationOfTheStoreIsInTheTablesOfTheseTests(t *testing.T) {
	t.Parallel()
	var called []string
	for _, table := range []map[string]operation{reads, changes} {
		for name := range table {
			called = append(called, strings.Fields(name)[0])
		}
	}
	for name := range unconfined {
		called = append(called, strings.Fields(name)[0])
	}
	// What reads all there is, a page at a time, has tests of its own; so has
	// what every change goes through.
	called = append(called, "Export")
	for _, rules := range []reflect.Type{reflect.TypeFor[*requirements.Service](), reflect.TypeFor[auth.Store]()} {
		for method := range rules.Methods() {
			if !slices.Contains(called, method.Name) {
				t.Errorf("%s.%s is in no table of operations_test.go", rules, method.Name)
			}
		}
	}
}

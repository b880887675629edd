package postgres_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// fullReads are reads of all kinds, with everything that they return.
var fullReads = map[string]func(ctx context.Context, s *tenant) ([]any, error){
	"user": func(ctx context.Context, s *tenant) ([]any, error) {
		user, err := s.store.User(ctx, s.actor)
		return []any{user}, err
	},
	"sessions": func(ctx context.Context, s *tenant) ([]any, error) {
		sessions, err := s.store.Sessions(ctx, s.actor)
		return []any{sessions}, err
	},
	"project": func(ctx context.Context, s *tenant) ([]any, error) {
		project, err := s.service.Project(ctx, s.actor, s.live)
		return []any{project}, err
	},
	"projects": func(ctx context.Context, s *tenant) ([]any, error) {
		rows, err := s.service.Projects(ctx, s.actor, requirements.ListQuery{Query: page.Query{Order: page.Order{Column: page.ByTitle}, Limit: 20}})
		return []any{rows}, err
	},
	"specification": func(ctx context.Context, s *tenant) ([]any, error) {
		spec, err := s.service.Specification(ctx, s.actor, s.spec)
		return []any{spec}, err
	},
	"specifications": func(ctx context.Context, s *tenant) ([]any, error) {
		list := requirements.ListQuery{Query: page.Query{Order: page.Order{Column: page.ByNumber}, Limit: 20}}
		rows, err := s.service.Specifications(ctx, s.actor, s.live, list)
		return []any{rows}, err
	},
	"items": func(ctx context.Context, s *tenant) ([]any, error) {
		spec, items, err := s.service.Items(ctx, s.actor, s.spec)
		return []any{spec, items}, err
	},
	"item": func(ctx context.Context, s *tenant) ([]any, error) {
		item, err := s.service.Item(ctx, s.actor, s.items[0])
		return []any{item}, err
	},
}

// readResult is the result of a full read.
type readResult struct {
	Got  []any
	Code problem.Code
}

// resultOf runs a full read.
func (s *tenant) resultOf(ctx context.Context, name string) readResult {
	got, err := fullReads[name](ctx, s)
	if err != nil {
		return readResult{Code: problem.CodeOf(err)}
	}
	return readResult{Got: got}
}

// newSmallTenants are n users with a project, a specification and an item each.
func newSmallTenants(w *fixture, n int) []*tenant {
	w.t.Helper()
	all := make([]*tenant, n)
	for n := range all {
		s := &tenant{fixture: w, actor: w.signUp()}
		s.live = w.project(s.actor).ID
		s.spec = s.specification()
		s.items = []requirements.ItemID{s.item()}
		all[n] = s
	}
	return all
}

// mixCallers makes callers of the tenants: every fourth has a revoked session, every
// fifth reads what another user owns, every seventh what does not exist.
func mixCallers(t *testing.T, all []*tenant) {
	t.Helper()
	for n, s := range all {
		switch other := all[(n+1)%len(all)]; {
		case n%4 == 1:
			s.spoil(connect(t, s.Super), "UPDATE sessions SET revoked_at = now() WHERE user_id = $1")
		case n%5 == 1:
			s.live, s.spec, s.items = other.live, other.spec, other.items
		case n%7 == 1:
			s.live, s.spec = id.New[requirements.Project](), id.New[requirements.Specification]()
			s.items = []requirements.ItemID{id.New[requirements.Item]()}
		}
	}
}

func TestBatch_ConcurrentUsersGetTheirOwnResults(t *testing.T) {
	t.Parallel()
	w := newFixture(t, withPoolSize(4))
	all := newSmallTenants(w, 120)
	mixCallers(t, all)
	names := slices.Sorted(maps.Keys(fullReads))
	want := make([]map[string]readResult, len(all))
	codes := map[problem.Code]int{}
	for n, s := range all {
		want[n] = map[string]readResult{}
		for _, name := range names {
			r := s.resultOf(t.Context(), name)
			want[n][name] = r
			codes[r.Code]++
			if name == "user" && r.Code == "" && r.Got[0].(auth.User).ID != s.actor.User {
				t.Errorf("a sequential read returned another user")
			}
		}
	}
	for _, code := range []problem.Code{"", problem.TokenRevoked, problem.ProjectNotFound, problem.SpecificationNotFound, problem.ItemNotFound} {
		if codes[code] < len(all)/10 {
			t.Fatalf("only %d results are %q: %v", codes[code], code, codes)
		}
	}
	random := newRandom(t)
	var calls atomic.Int64
	var running sync.WaitGroup
	for n, s := range all {
		seed := random.Uint64()
		running.Go(func() {
			random := seeded(seed)
			for range 4 {
				for _, at := range random.Perm(len(names)) {
					name := names[at]
					got := s.resultOf(t.Context(), name)
					for got.Code == problem.Unavailable && want[n][name].Code != got.Code && t.Context().Err() == nil { // no connection in time
						got = s.resultOf(t.Context(), name)
					}
					if diff := cmp.Diff(want[n][name], got); diff != "" {
						t.Errorf("%s of tenant %d (-want +got):\n%s", name, n, diff)
					}
					calls.Add(1)
					if random.IntN(20) == 0 {
						ctx, cancel := context.WithCancel(t.Context())
						cancel()
						_ = s.resultOf(ctx, name) // affects no other caller
					}
				}
			}
		})
	}
	within(t, 4*testTimeout, "all reads", running.Wait)
	t.Logf("%d reads", calls.Load())
	eventually(t, "no connection is acquired", func() bool { return w.store.PoolStats().Active == 0 })
	for range 4 {
		all[0].checkIdle()
	}
}

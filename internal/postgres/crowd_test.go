package postgres_test

import (
	"context"
	"math/rand/v2"
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

// questions are reads of all kinds that share connections, each with all that it
// answers.
var questions = map[string]func(ctx context.Context, s *stage) ([]any, error){
	"user": func(ctx context.Context, s *stage) ([]any, error) {
		user, err := s.store.User(ctx, s.actor)
		return []any{user}, err
	},
	"sessions": func(ctx context.Context, s *stage) ([]any, error) {
		sessions, err := s.store.Sessions(ctx, s.actor)
		return []any{sessions}, err
	},
	"project": func(ctx context.Context, s *stage) ([]any, error) {
		project, err := s.outline.Project(ctx, s.actor, s.live)
		return []any{project}, err
	},
	"projects": func(ctx context.Context, s *stage) ([]any, error) {
		rows, err := s.outline.Projects(ctx, s.actor, requirements.ListQuery{Query: page.Query{Order: page.Order{Column: page.ByTitle}, Limit: 20}})
		return []any{rows}, err
	},
	"specification": func(ctx context.Context, s *stage) ([]any, error) {
		spec, err := s.outline.Specification(ctx, s.actor, s.spec)
		return []any{spec}, err
	},
	"specifications": func(ctx context.Context, s *stage) ([]any, error) {
		rows, err := s.outline.Specifications(ctx, s.actor, s.live, requirements.ListQuery{Query: page.Query{Order: page.Order{Column: page.ByNumber}, Limit: 20}})
		return []any{rows}, err
	},
	"items": func(ctx context.Context, s *stage) ([]any, error) {
		spec, items, err := s.outline.Items(ctx, s.actor, s.spec)
		return []any{spec, items}, err
	},
	"item": func(ctx context.Context, s *stage) ([]any, error) {
		item, err := s.outline.Item(ctx, s.actor, s.items[0])
		return []any{item}, err
	},
}

// answer is what came of a question.
type answer struct {
	Got  []any
	Code problem.Code
}

// settlers are so many people with a project, a specification and an item each,
// who see no more of each other than that.
func settlers(w *world, n int) []*stage {
	w.t.Helper()
	all := make([]*stage, n)
	for n := range all {
		s := &stage{world: w, actor: w.signUp()}
		s.live = w.project(s.actor).ID
		s.spec = s.specification()
		s.items = []requirements.ItemID{s.item()}
		all[n] = s
	}
	return all
}

// crowd is the settlers, and as others see them: every fourth has a session that has
// ended, every fifth asks for what is somebody else's, every seventh for what is
// not there.
func crowd(t *testing.T, all []*stage) {
	t.Helper()
	for n, s := range all {
		switch other := all[(n+1)%len(all)]; {
		case n%4 == 1:
			s.spoil(connect(t, s.Super), "UPDATE sessions SET revoked_at = now() WHERE user_id = $1")
		case n%5 == 1:
			s.live, s.spec, s.items = other.live, other.spec, other.items
		case n%7 == 1:
			s.live, s.spec, s.items = id.New[requirements.Project](), id.New[requirements.Specification](), []requirements.ItemID{id.New[requirements.Item]()}
		}
	}
}

// expected is what a settler is answered by a quiet store, which must be their own.
func (s *stage) expected(t *testing.T) map[string]answer {
	t.Helper()
	all := map[string]answer{}
	for name, ask := range questions {
		got, err := ask(t.Context(), s)
		a := answer{Got: got}
		if err != nil {
			a = answer{Code: problem.CodeOf(err)}
		}
		all[name] = a
	}
	return all
}

func TestInACrowdEverybodyGetsTheirOwnAnswersAndNobodyElses(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	w := newWorld(t, pooled(4), tap.tap)
	all := settlers(w, 120)
	crowd(t, all)
	want := make([]map[string]answer, len(all))
	codes := map[problem.Code]int{}
	for n, s := range all {
		want[n] = s.expected(t)
		for name, a := range want[n] {
			codes[a.Code]++
			if user, ok := a.Got, name == "user" && a.Code == ""; ok && user[0].(auth.User).ID != s.actor.User {
				t.Errorf("a quiet store takes somebody for another")
			}
		}
	}
	for _, code := range []problem.Code{"", problem.TokenRevoked, problem.ProjectNotFound, problem.SpecificationNotFound, problem.ItemNotFound} {
		if codes[code] < len(all)/10 {
			t.Fatalf("only %d answers are %q: %v", codes[code], code, codes)
		}
	}
	var asked atomic.Int64
	var running sync.WaitGroup
	flights := tap.count(func() {
		for n, s := range all {
			running.Go(func() {
				for range 4 {
					for name, ask := range questions { // in any order
						got, err := ask(t.Context(), s)
						a := answer{Got: got}
						if err != nil {
							a = answer{Code: problem.CodeOf(err)}
						}
						if diff := cmp.Diff(want[n][name], a); diff != "" {
							t.Errorf("%s of %d: %v (-want +got):\n%s", name, n, err, diff)
						}
						asked.Add(1)
						if rand.IntN(20) == 0 {
							leaving, leave := context.WithCancel(t.Context())
							leave()
							_, _ = ask(leaving, s) // one who leaves is missed by nobody
						}
					}
				}
			})
		}
		within(t, 4*soon, "all reads", running.Wait)
	})
	t.Logf("%d reads took %d flights", asked.Load(), flights)
	if int64(flights)*4 > asked.Load() {
		t.Errorf("%d reads took %d flights, want at most a quarter", asked.Load(), flights)
	}
	all[0].settled()
	for range 4 {
		all[0].free()
	}
}

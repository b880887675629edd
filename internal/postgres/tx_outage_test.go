package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

func (s *tenant) projects() int {
	s.t.Helper()
	return value[int](s.t, connect(s.t, s.Super), "SELECT count(*) FROM projects")
}

func TestInTx_LostConnectionIsNotHalfDoneNorDoneTwice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		// first happens before the first round trip, second between the two.
		first, second func(s *tenant, p *proxy)
		rows          int
		// retried is true where nothing of the second round trip was sent: the store may
		// notice that and try again.
		retried bool
	}{
		"killed between the round trips":     {second: func(s *tenant, _ *proxy) { s.kill() }},
		"cut between the round trips":        {second: func(_ *tenant, p *proxy) { p.stop(); p.restart() }},
		"reset between the round trips":      {second: func(_ *tenant, p *proxy) { p.reset() }, retried: true},
		"the response to the lock is lost":   {first: func(_ *tenant, p *proxy) { p.setMode(cutNextResponse) }},
		"the response to the commit is lost": {second: func(_ *tenant, p *proxy) { p.setMode(cutNextResponse) }, rows: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := newProxiedTenant(t, 1)
			before, attempts := s.projects(), 0
			if tc.first != nil {
				tc.first(s, p)
			}
			err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error {
				attempts++
				if _, err := tx.LockOwner(t.Context()); err != nil {
					return err
				}
				if tc.second != nil {
					tc.second(s, p)
				}
				return tx.InsertProject(t.Context(), newProject(s.actor.User))
			})
			wantCode(t, "the write", err, problem.Unavailable)
			if attempts != 1 && !tc.retried {
				t.Errorf("%d attempts, want 1", attempts)
			}
			s.recovers("a read", reads["Project"])
			if got := s.projects() - before; got != tc.rows {
				t.Errorf("%d rows were written, want %d", got, tc.rows)
			}
		})
	}
}

// A write that is cancelled while the database works is complete or has no effect, and
// leaves no result for the next caller.
func TestInTx_CancelledAtAnyMomentIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t, withPoolSize(2)))
	super := connect(t, s.Super)
	for round := range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(round)*20*time.Microsecond)
		made, err := s.service.CreateProject(ctx, s.actor, requirements.IdempotentRequest{}, draft(t, canary))
		cancel()
		if err == nil {
			if _, err := s.service.Project(t.Context(), s.actor, made.Value.ID); err != nil {
				t.Errorf("an acknowledged project is missing: %v", err)
			}
		} else if problem.CodeOf(err) != problem.Unavailable {
			t.Errorf("after %d µs: %v, want %s", round*20, err, problem.Unavailable)
		}
		var got requirements.Project
		err = retryUnavailable(func() (err error) { got, err = s.service.Project(t.Context(), s.actor, s.live); return err })
		if err != nil || got.ID != s.live {
			t.Errorf("the next caller got %v, %v", got.ID, err)
		}
	}
	if counted, rows := value[int](t, super, "SELECT project_count FROM users WHERE id = $1", s.actor.User),
		value[int](t, super, "SELECT count(*) FROM projects WHERE owner_id = $1 AND deleted_at IS NULL", s.actor.User); counted != rows {
		t.Errorf("the counter says %d projects, there are %d", counted, rows)
	}
}

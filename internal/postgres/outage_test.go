package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// proxied is a stage whose store reaches PostgreSQL through a proxy.
func proxied(t *testing.T, size int) (*stage, *proxy) {
	t.Helper()
	w := newWorld(t)
	p := newProxy(t, w.Service)
	w.store = w.open(pooled(size), func(c *postgres.Config) { c.URL = p.URL })
	w.outline = requirements.NewService(w.store, generous)
	return newStage(w), p
}

// promptly fails the test unless do answers Unavailable within two seconds.
func promptly(t *testing.T, what string, do func() error) {
	t.Helper()
	began := time.Now()
	wantCode(t, what, do(), problem.Unavailable)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("%s took %v to be refused", what, took)
	}
}

// recovers fails the test unless op succeeds soon again, and until then is
// refused as Unavailable.
func (s *stage) recovers(what string, op operation) {
	s.t.Helper()
	began := time.Now()
	for {
		err := op.do(s.t.Context(), s)
		if err == nil {
			return
		}
		wantCode(s.t, what, err, problem.Unavailable)
		if time.Since(began) > 2*time.Second {
			s.t.Fatalf("%s: the store has not recovered: %v", what, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestADatabaseThatIsGoneIsUnavailableUntilItIsBack(t *testing.T) {
	t.Parallel()
	s, p := proxied(t, 3)
	p.stop()
	for round := range 3 {
		for _, table := range []map[string]operation{reads, changes} {
			for name, op := range table {
				promptly(t, fmt.Sprintf("%s (%d)", name, round), func() error { return op.do(t.Context(), s) })
			}
		}
		promptly(t, "a sign-in", func() error { _, err := signIn(t.Context(), s.store, profile()); return err })
		promptly(t, "a ping", func() error { return s.store.Ping(t.Context()) })
		promptly(t, "the check of the schema", func() error { return s.store.CheckSchema(t.Context()) })
		promptly(t, "the check of the role", func() error { return s.store.CheckRole(t.Context()) })
	}
	p.restart()
	s.recovers("a read", reads["Project"])
	s.recovers("a change", changes["CreateProject"])
}

func TestADatabaseThatWasNeverThereIsUnavailableUntilItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newStage(w)
	p := newProxy(t, w.Service)
	p.stop()
	s.store = w.open(pooled(3), func(c *postgres.Config) { c.URL = p.URL })
	s.outline = requirements.NewService(s.store, generous)
	promptly(t, "a read", func() error { return reads["Project"].do(t.Context(), s) })
	promptly(t, "a change", func() error { return changes["CreateProject"].do(t.Context(), s) })
	p.restart()
	s.recovers("a read", reads["Project"])
}

// A network that swallows packets is worse than one that refuses: nobody says
// that anything is wrong.
func TestADatabaseThatSaysNothingMoreIsUnavailableWhenTheCallersTimeIsUp(t *testing.T) {
	t.Parallel()
	s, p := proxied(t, 2)
	p.feel(silent)
	for name, op := range map[string]operation{"a read": reads["Project"], "a change": changes["CreateProject"], "a later read": reads["CheckSession"]} {
		promptly(t, name, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return op.do(ctx, s)
		})
	}
	p.feel(honest)
	p.stop() // as TCP does at some time
	p.restart()
	s.recovers("a read", reads["Project"])
	s.recovers("a change", changes["CreateProject"])
}

func TestAnExhaustedPoolIsUnavailableAfterHalfASecond(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	conn, err := s.store.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, op := range map[string]operation{"a read": reads["Project"], "a change": changes["CreateProject"]} {
		began := time.Now()
		wantCode(t, name, op.do(t.Context(), s), problem.Unavailable)
		if took := time.Since(began); took < 400*time.Millisecond || took > 1500*time.Millisecond {
			t.Errorf("%s waited %v, want half a second", name, took)
		}
	}
	conn.Release()
	wantCode(t, "a read afterwards", reads["Project"].do(t.Context(), s), "")
}

// kill ends the connections of the stage's store.
func (s *stage) kill() {
	s.t.Helper()
	super := connect(s.t, s.Super)
	if n := value[int](s.t, super, `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'codegenapp'`); n == 0 {
		s.t.Error("there was no connection to kill")
	}
}

func (s *stage) projects() int {
	s.t.Helper()
	return value[int](s.t, connect(s.t, s.Super), "SELECT count(*) FROM projects")
}

func TestAChangeWhoseConnectionFailsIsNeitherHalfDoneNorDoneTwice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		// first happens before the first flight, second between the flights.
		first, second func(s *stage, p *proxy)
		rows          int
		// again is true where nothing of the second flight left this machine:
		// the store may know that, and decide again.
		again bool
	}{
		"killed between the flights":       {second: func(s *stage, _ *proxy) { s.kill() }},
		"cut between the flights":          {second: func(_ *stage, p *proxy) { p.stop(); p.restart() }},
		"reset between the flights":        {second: func(_ *stage, p *proxy) { p.reset() }, again: true},
		"the answer of the lock is lost":   {first: func(_ *stage, p *proxy) { p.feel(cutting) }},
		"the answer of the commit is lost": {second: func(_ *stage, p *proxy) { p.feel(cutting) }, rows: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, p := proxied(t, 1)
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
			wantCode(t, "the change", err, problem.Unavailable)
			if attempts != 1 && !tc.again {
				t.Errorf("decided %d times, want 1", attempts)
			}
			s.recovers("a read", reads["Project"])
			if got := s.projects() - before; got != tc.rows {
				t.Errorf("%d rows were written, want %d", got, tc.rows)
			}
		})
	}
}

func TestASignInWhoseAnswerIsLostIsNotDoneTwice(t *testing.T) {
	t.Parallel()
	s, p := proxied(t, 1)
	super := connect(t, s.Super)
	person := profile()
	actor, err := signIn(t.Context(), s.store, person)
	wantCode(t, "the first sign-in", err, "")
	p.feel(cutting)
	_, err = signIn(t.Context(), s.store, again(person))
	wantCode(t, "the second one", err, problem.Unavailable)
	eventually(t, "it is rolled back", func() bool {
		return value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'") == 0
	})
	if n := value[int](t, super, "SELECT count(*) FROM sessions WHERE user_id = $1", actor.User); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

func TestAConnectionThatWasKilledInThePoolCostsNoMoreThanOneRefusal(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t))
	for range 5 {
		s.kill()
		if err := reads["Project"].do(t.Context(), s); err != nil {
			wantCode(t, "the first read", err, problem.Unavailable)
		}
		wantCode(t, "the second read", reads["Project"].do(t.Context(), s), "")
	}
}

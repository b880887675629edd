package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// failWithConflicts makes inserting a project fail that many times with 40001, as
// PostgreSQL does when another transaction conflicts.
func failWithConflicts(t *testing.T, super *pgx.Conn, times int) {
	t.Helper()
	mustExec(t, super, "CREATE SEQUENCE conflicts", fmt.Sprintf(`
CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	IF nextval('public.conflicts') <= %d THEN
		RAISE 'a conflict' USING ERRCODE = 'serialization_failure';
	END IF;
	RETURN NULL;
END $$`, times),
		"CREATE TRIGGER conflict AFTER INSERT ON projects EXECUTE FUNCTION conflict()")
	t.Cleanup(func() {
		_, _ = super.Exec(context.WithoutCancel(t.Context()), "DROP FUNCTION conflict CASCADE; DROP SEQUENCE conflicts")
	})
}

// lockBoth locks the owner and then the project, and calls meanwhile in between.
func (s *tenant) lockBoth(ctx context.Context, tx requirements.Tx, meanwhile func()) error {
	if _, err := tx.LockOwner(ctx); err != nil {
		return err
	}
	meanwhile()
	if _, _, err := tx.LockProject(ctx, s.live); err != nil {
		return err
	}
	return tx.InsertProject(ctx, newProject(s.actor.User))
}

func TestInTx_RetriesSerializationFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		conflicts, attempts, rows int
		code                      problem.Code
	}{
		"once":      {conflicts: 1, attempts: 2, rows: 1},
		"twice":     {conflicts: 2, attempts: 3, rows: 1},
		"too often": {conflicts: 3, attempts: 3, code: problem.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenant(newFixture(t))
			super := connect(t, s.Super)
			failWithConflicts(t, super, tc.conflicts)
			before := value[int](t, super, "SELECT count(*) FROM projects")
			attempts := 0
			err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error {
				return s.lockBoth(t.Context(), tx, func() { attempts++ })
			})
			wantCode(t, "the write", err, tc.code)
			if attempts != tc.attempts {
				t.Errorf("%d attempts, want %d", attempts, tc.attempts)
			}
			if got := value[int](t, super, "SELECT count(*) FROM projects") - before; got != tc.rows {
				t.Errorf("%d rows were written, want %d", got, tc.rows)
			}
			s.checkIdle()
		})
	}
}

// detectDeadlocksFast makes PostgreSQL find deadlocks before lock_timeout ends the wait.
func detectDeadlocksFast(t *testing.T, super *pgx.Conn, w *fixture) {
	t.Helper()
	mustExec(t, super, "SET deadlock_timeout = '10s'")
	name := value[string](t, super, "SELECT quote_ident(current_database())")
	mustExec(t, super, "ALTER DATABASE "+name+" SET deadlock_timeout = '20ms'")
	t.Cleanup(func() {
		_, _ = super.Exec(context.WithoutCancel(t.Context()), "ALTER DATABASE "+name+" RESET ALL") // the database is used by later tests
	})
	w.store = w.open(withPoolSize(4))
	w.service = requirements.NewService(w.store, highLimits)
}

func TestInTx_RetriesDeadlockVictim(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	super, other := connect(t, w.Super), connect(t, w.Super)
	detectDeadlocksFast(t, super, w)
	s := newTenant(w)
	mustExec(t, other, "SET deadlock_timeout = '10s'", "BEGIN")
	value[int](t, other, "SELECT 1 FROM projects WHERE id = $1 FOR UPDATE", s.live)
	otherPID := value[int](t, other, "SELECT pg_backend_pid()")
	ended := make(chan error, 1)
	attempts := 0
	err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error {
		return s.lockBoth(t.Context(), tx, func() {
			if attempts++; attempts > 1 {
				return
			}
			go func() {
				_, err := other.Exec(t.Context(), "UPDATE users SET name = name; COMMIT")
				ended <- err
			}()
			eventually(t, "the other transaction waits for the owner", func() bool {
				return value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'", otherPID) == 1
			})
		})
	})
	// The retry may be faster than the waiting transaction, and be the victim again.
	if err != nil {
		wantCode(t, "the write", err, problem.Unavailable)
	}
	if attempts < 2 {
		t.Errorf("%d attempts, want 2", attempts)
	}
	if err := <-ended; err != nil {
		t.Errorf("the other transaction, which is not the victim: %v", err)
	}
}

func TestInTx_InvertedLocksSucceedOrAreUnavailable(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	detectDeadlocksFast(t, connect(t, w.Super), w)
	s := newTenant(w)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for range 10 {
				err := s.store.InTx(t.Context(), s.actor, func(tx requirements.Tx) error {
					if n%2 == 0 {
						return s.lockBoth(t.Context(), tx, func() {})
					}
					_, _, err := tx.LockProject(t.Context(), s.live)
					if err != nil {
						return err
					}
					_, err = tx.LockOwner(t.Context())
					return err
				})
				if err != nil && problem.CodeOf(err) != problem.Unavailable {
					t.Errorf("%v, want success or %s", err, problem.Unavailable)
				}
			}
		})
	}
	wg.Wait()
}

func TestInTx_LockTimeoutIsOneSecond(t *testing.T) {
	t.Parallel()
	signInAgain := func(ctx context.Context, s *tenant) error {
		_, err := signIn(ctx, s.store, withNewToken(s.profile))
		return err
	}
	var waiting sync.WaitGroup
	for name, tc := range map[string]struct {
		lock string
		// cold statements are new to the connection.
		cold bool
		do   func(ctx context.Context, s *tenant) error
	}{
		"a write, for a row":         {lock: "SELECT FROM users FOR UPDATE", do: writes["CreateProject"].do},
		"a write, for a table":       {lock: "LOCK TABLE projects IN EXCLUSIVE MODE", do: writes["CreateProject"].do},
		"a sign-in":                  {lock: "SELECT FROM users FOR UPDATE", do: signInAgain},
		"a read":                     {lock: "LOCK TABLE projects", do: reads["Project"].do},
		"a read, for the first time": {lock: "LOCK TABLE projects", do: reads["Project"].do, cold: true},
		"the check of the session":   {lock: "LOCK TABLE sessions", do: reads["CheckSession"].do},
	} {
		s := newTenant(newFixture(t))
		if !tc.cold {
			wantCode(t, name+" before", tc.do(t.Context(), s), "")
		}
		other := connect(t, s.Super)
		mustExec(t, other, "BEGIN", tc.lock)
		waiting.Go(func() { // concurrently: they only wait
			ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
			defer cancel()
			began := time.Now()
			wantCode(t, name, tc.do(ctx, s), problem.Unavailable)
			if took := time.Since(began); took < 900*time.Millisecond || took > testTimeout {
				t.Errorf("%s took %v, want a second", name, took)
			}
			_ = other.Close(t.Context()) // and the lock is gone
			wantCode(t, name+" afterwards", tc.do(t.Context(), s), "")
		})
	}
	waiting.Wait()
}

func TestInTx_StatementTimeoutIsThreeSeconds(t *testing.T) {
	t.Parallel()
	db := migrated(t)
	w := &fixture{Database: db, t: t}
	w.store = w.open()
	w.service = requirements.NewService(w.store, highLimits)
	s := newTenant(w)
	mustExec(t, connect(t, db.Owner), `
		CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
		CREATE TRIGGER dawdle BEFORE INSERT ON projects FOR EACH ROW EXECUTE FUNCTION dawdle()`)
	began := time.Now()
	wantCode(t, "a slow write", writes["CreateProject"].do(t.Context(), s), problem.Unavailable)
	if took := time.Since(began); took < 2500*time.Millisecond || took > 2*testTimeout {
		t.Errorf("it took %v, want 3 s", took)
	}
	s.checkIdle()
}

func TestInTx_CancelledLockWaitIsNotInternal(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	other := connect(t, s.Super)
	mustExec(t, other, "BEGIN", "SELECT FROM users FOR UPDATE", "LOCK TABLE projects")
	for name, op := range map[string]operation{"a write": writes["CreateProject"], "a read": reads["Project"]} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		err := op.do(ctx, s)
		if problem.CodeOf(err) == problem.Internal && !errors.Is(err, context.Canceled) {
			t.Errorf("%s of a cancelled caller: %v", name, err)
		}
	}
	mustExec(t, other, "ROLLBACK")
	s.checkIdle()
}

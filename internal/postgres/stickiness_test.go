package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

var errOnPurpose = errors.New("refused on purpose")

// leftBehind is what a caller of the store may leave: each tells how it ended.
var leftBehind = map[string]func(ctx context.Context, s *stage) error{
	"a read": reads["Project"].do,
	"a read of what is not there": func(ctx context.Context, s *stage) error {
		_, err := s.outline.Project(ctx, s.actor, id.New[requirements.Project]())
		return wanted(err, problem.ProjectNotFound)
	},
	"a list":   reads["Projects by title, first page"].do,
	"a change": changes["CreateProject"].do,
	"a sign-in": func(ctx context.Context, s *stage) error {
		_, err := signIn(ctx, s.store, profile())
		return err
	},
	"a sign-in that is refused": func(ctx context.Context, s *stage) error {
		_, _, err := s.store.SignIn(ctx, profile(), id.New[auth.User](), 20, func(*auth.User, time.Time) (auth.SignInResult, error) {
			return auth.SignInResult{}, errOnPurpose
		})
		return wantedError(err, errOnPurpose)
	},
	"a change that is refused": func(ctx context.Context, s *stage) error {
		return wantedError(s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			if _, err := tx.LockOwner(ctx); err != nil {
				return err
			}
			if err := tx.InsertProject(ctx, newProject(s.actor.User)); err != nil {
				return err
			}
			return errOnPurpose
		}), errOnPurpose)
	},
	"a change that breaks a constraint": func(ctx context.Context, s *stage) error {
		return wanted(s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			p := newProject(s.actor.User)
			p.ID = s.live
			return tx.InsertProject(ctx, p)
		}), problem.Internal)
	},
	"a change that goes on after an error": func(ctx context.Context, s *stage) error {
		return wanted(s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			p := newProject(auth.UserID(id.New[stage]()))
			_ = tx.InsertProject(ctx, p) // of somebody else
			_, _ = tx.LockOwner(ctx)
			return tx.InsertProject(ctx, newProject(s.actor.User))
		}), problem.Internal)
	},
	"a change that panics": func(ctx context.Context, s *stage) (err error) {
		defer func() { err = wantedError(recover().(error), errOnPurpose) }()
		return s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			_, _ = tx.LockOwner(ctx)
			_ = tx.InsertProject(ctx, newProject(s.actor.User))
			panic(errOnPurpose)
		})
	},
	"a change that is left between its flights": func(ctx context.Context, s *stage) error {
		ctx, cancel := context.WithCancel(ctx)
		err := s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			_, err := tx.LockOwner(ctx)
			cancel()
			return errors.Join(err, tx.InsertProject(ctx, newProject(s.actor.User)))
		})
		return someError(err)
	},
	"a change that is left before it begins": func(ctx context.Context, s *stage) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return someError(changes["CreateProject"].do(ctx, s))
	},
	"a read that is left before it begins": func(ctx context.Context, s *stage) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return someError(reads["Project"].do(ctx, s))
	},
	"a read for a dead session": func(ctx context.Context, s *stage) error {
		return wanted(s.store.CheckSession(ctx, auth.Actor{User: s.actor.User}), problem.TokenRevoked)
	},
	"a change for a dead session": func(ctx context.Context, s *stage) error {
		dead := *s
		dead.actor.Session = id.New[auth.Session]()
		return wanted(changes["CreateProject"].do(ctx, &dead), problem.TokenRevoked)
	},
}

func newProject(owner auth.UserID) requirements.Project {
	return requirements.Project{ID: id.New[requirements.Project](), Owner: owner, Title: canary, CreatedAt: time.Now(), UpdatedAt: time.Now()}
}

func wanted(err error, code problem.Code) error {
	if err == nil || problem.CodeOf(err) != code {
		return errors.Join(errors.New("not "+string(code)), err)
	}
	return nil
}

func wantedError(err, want error) error {
	if !errors.Is(err, want) {
		return errors.Join(errors.New("another error than the wanted one"), err)
	}
	return nil
}

func someError(err error) error {
	if err == nil {
		return errors.New("there is no error")
	}
	return nil
}

// What a caller leaves on the pool's one connection. The setting may be known
// and empty: that is how PostgreSQL takes back what a transaction had set.
const stuck = `SELECT concat_ws(' ', current_setting('role'), nullif(current_user::text, session_user::text),
       nullif(current_setting('app.user_id', true), ''), nullif(current_setting('statement_timeout'), '3s'),
       nullif(current_setting('lock_timeout'), '1s'), nullif(current_setting('search_path'), '"$user", public'),
       nullif(current_setting('default_transaction_isolation'), 'repeatable read'))`

func TestNothingOfTheLastCallerSticksToTheConnection(t *testing.T) {
	t.Parallel()
	for name, leave := range leftBehind {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(newWorld(t))
			super := connect(t, s.Super)
			rows := fingerprint(t, super, readTables(t, super), "")
			if err := leave(t.Context(), s); err != nil {
				t.Error(err)
			}
			if what := name; strings.HasPrefix(what, "a change that") || strings.HasPrefix(what, "a change for") {
				if diff := cmp.Diff(rows, fingerprint(t, super, readTables(t, super), "")); diff != "" {
					t.Errorf("it wrote something:\n%s", diff)
				}
			}
			s.free()
		})
	}
}

// free fails the test unless the pool's connection is idle and nobody's.
func (s *stage) free() {
	s.t.Helper()
	conn, err := s.store.Pool().Acquire(s.t.Context())
	if err != nil {
		s.t.Fatalf("the pool's connection is not given back: %v", err)
	}
	defer conn.Release()
	if status := conn.Conn().PgConn().TxStatus(); status != 'I' {
		s.t.Errorf("the connection is in a transaction: %c", status)
	}
	if got := value[string](s.t, conn.Conn(), stuck); got != "none" {
		s.t.Errorf("this sticks to the connection: %s", got)
	}
}

func TestThePoolLosesNoConnectionsOver500Callers(t *testing.T) {
	t.Parallel()
	const size = 3
	s := newStage(newWorld(t, pooled(size)))
	super := connect(t, s.Super)
	for round := 0; round < 500; {
		for name, leave := range leftBehind {
			if err := leave(t.Context(), s); err != nil {
				t.Fatalf("round %d, %s: %v", round, name, err)
			}
			round++
		}
	}
	eventually(t, "no connection is lent", func() bool { return s.store.Pool().Stat().AcquiredConns() == 0 })
	eventually(t, "no more connections than the pool has", func() bool {
		open := value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp'")
		return open <= size
	})
	if n := value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp' AND state <> 'idle'"); n > 0 {
		t.Errorf("%d connections are not idle", n)
	}
	s.free()
}

// A caller who leaves while the database works must not leave a row, nor an
// answer for the next one.
func TestACallerWhoLeavesAtAnyMomentLeavesAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newStage(newWorld(t, pooled(2)))
	super := connect(t, s.Super)
	for round := range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(round)*20*time.Microsecond)
		made, err := s.outline.CreateProject(ctx, s.actor, requirements.IdempotentRequest{}, draft(t, canary))
		cancel()
		if err == nil {
			if _, err := s.outline.Project(t.Context(), s.actor, made.Value.ID); err != nil {
				t.Errorf("an acknowledged project is gone: %v", err)
			}
		} else if problem.CodeOf(err) != problem.Unavailable {
			t.Errorf("after %d µs: %v, want %s", round*20, err, problem.Unavailable)
		}
		var got requirements.Project
		err = patiently(func() (err error) { got, err = s.outline.Project(t.Context(), s.actor, s.live); return err })
		if err != nil || got.ID != s.live {
			t.Errorf("the next caller got %v, %v", got.ID, err)
		}
	}
	if counted, rows := value[int](t, super, "SELECT project_count FROM users WHERE id = $1", s.actor.User),
		value[int](t, super, "SELECT count(*) FROM projects WHERE owner_id = $1 AND deleted_at IS NULL", s.actor.User); counted != rows {
		t.Errorf("%d projects are counted, %d are there", counted, rows)
	}
}

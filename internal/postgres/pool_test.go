package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

var errOnPurpose = errors.New("rejected on purpose")

// callers are uses of the store that might leave something on a connection. Each
// returns an error if it did not end as it should.
var callers = map[string]func(ctx context.Context, s *tenant) error{
	"a read": reads["Project"].do,
	"a read of a missing project": func(ctx context.Context, s *tenant) error {
		_, err := s.service.Project(ctx, s.actor, id.New[requirements.Project]())
		return wanted(err, problem.ProjectNotFound)
	},
	"a read that fails": func(ctx context.Context, s *tenant) error {
		return wanted(s.store.ReadTexts(ctx, s.actor, ignore, "SELECT '1'", "SELECT (1 / (random() * 0)::int)::text", "SELECT '2'"), problem.Internal)
	},
	"a read with a statement that cannot be prepared": func(ctx context.Context, s *tenant) error {
		return wanted(s.store.ReadTexts(ctx, s.actor, ignore, "SELECT 'one'", "SELECT nonsense"), problem.Unavailable)
	},
	"a read that panics over its result": func(ctx context.Context, s *tenant) (err error) {
		defer func() { err = wantedError(recover().(error), errOnPurpose) }()
		return s.store.ReadTexts(ctx, s.actor, func(string) { panic(errOnPurpose) }, "SELECT 'panic'")
	},
	"a list":  reads["Projects by title, first page"].do,
	"a write": writes["CreateProject"].do,
	"a sign-in": func(ctx context.Context, s *tenant) error {
		_, err := signIn(ctx, s.store, newProfile())
		return err
	},
	"a rejected sign-in": func(ctx context.Context, s *tenant) error {
		_, _, err := s.store.SignIn(ctx, newProfile(), id.New[auth.User](), 20, func(*auth.User, time.Time) (auth.SignInResult, error) {
			return auth.SignInResult{}, errOnPurpose
		})
		return wantedError(err, errOnPurpose)
	},
	"a rejected write": func(ctx context.Context, s *tenant) error {
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
	"a write that violates a constraint": func(ctx context.Context, s *tenant) error {
		return wanted(s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			p := newProject(s.actor.User)
			p.ID = s.live
			return tx.InsertProject(ctx, p)
		}), problem.Internal)
	},
	"a write that goes on after an error": func(ctx context.Context, s *tenant) error {
		return wanted(s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			p := newProject(auth.UserID(id.New[tenant]()))
			_ = tx.InsertProject(ctx, p) // of another user
			_, _ = tx.LockOwner(ctx)
			return tx.InsertProject(ctx, newProject(s.actor.User))
		}), problem.Internal)
	},
	"a write that panics": func(ctx context.Context, s *tenant) (err error) {
		defer func() { err = wantedError(recover().(error), errOnPurpose) }()
		return s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			_, _ = tx.LockOwner(ctx)
			_ = tx.InsertProject(ctx, newProject(s.actor.User))
			panic(errOnPurpose)
		})
	},
	"a write that is cancelled between its round trips": func(ctx context.Context, s *tenant) error {
		ctx, cancel := context.WithCancel(ctx)
		err := s.store.InTx(ctx, s.actor, func(tx requirements.Tx) error {
			_, err := tx.LockOwner(ctx)
			cancel()
			return errors.Join(err, tx.InsertProject(ctx, newProject(s.actor.User)))
		})
		return someError(err)
	},
	"a write that is cancelled before it begins": func(ctx context.Context, s *tenant) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return someError(writes["CreateProject"].do(ctx, s))
	},
	"a read that is cancelled before it begins": func(ctx context.Context, s *tenant) error {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return someError(reads["Project"].do(ctx, s))
	},
	"a read for a dead session": func(ctx context.Context, s *tenant) error {
		return wanted(s.store.CheckSession(ctx, auth.Actor{User: s.actor.User}), problem.TokenRevoked)
	},
	"a write for a dead session": func(ctx context.Context, s *tenant) error {
		dead := *s
		dead.actor.Session = id.New[auth.Session]()
		return wanted(writes["CreateProject"].do(ctx, &dead), problem.TokenRevoked)
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
		return errors.Join(errors.New("not the error that was wanted"), err)
	}
	return nil
}

func someError(err error) error {
	if err == nil {
		return errors.New("there is no error")
	}
	return nil
}

// leftoverSettings selects what a caller has left on the pool's one connection. A
// setting may exist and be empty: so PostgreSQL resets what a transaction had set.
const leftoverSettings = `SELECT concat_ws(' ', current_setting('role'), nullif(current_user::text, session_user::text),
       nullif(current_setting('app.user_id', true), ''), nullif(current_setting('statement_timeout'), '3s'),
       nullif(current_setting('lock_timeout'), '1s'), nullif(current_setting('search_path'), 'public'),
       nullif(current_setting('default_transaction_isolation'), 'repeatable read'))`

func TestPool_ConnectionKeepsNothingOfTheLastCaller(t *testing.T) {
	t.Parallel()
	for name, leave := range callers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenant(newFixture(t))
			super := connect(t, s.Super)
			rows := fingerprint(t, super, readTables(t, super), "")
			if err := leave(t.Context(), s); err != nil {
				t.Error(err)
			}
			if strings.HasPrefix(name, "a write ") || strings.HasPrefix(name, "a rejected write") {
				if diff := cmp.Diff(rows, fingerprint(t, super, readTables(t, super), "")); diff != "" {
					t.Errorf("rows were written:\n%s", diff)
				}
			}
			s.checkIdle()
		})
	}
}

// checkIdle fails the test unless the pool's connection is idle and keeps nothing of a
// caller.
func (s *tenant) checkIdle() {
	s.t.Helper()
	conn, err := s.store.Pool().Acquire(s.t.Context())
	if err != nil {
		s.t.Fatalf("the pool's connection was not released: %v", err)
	}
	defer conn.Release()
	if status := conn.Conn().PgConn().TxStatus(); status != 'I' {
		s.t.Errorf("the connection is in a transaction: %c", status)
	}
	if got := value[string](s.t, conn.Conn(), leftoverSettings); got != "none" {
		s.t.Errorf("the connection keeps %s", got)
	}
}

func TestPool_500CallersLeakNoConnection(t *testing.T) {
	t.Parallel()
	const size = 3
	s := newTenant(newFixture(t, withPoolSize(size)))
	super := connect(t, s.Super)
	for round := 0; round < 500; {
		for name, leave := range callers {
			if err := leave(t.Context(), s); err != nil {
				t.Fatalf("round %d, %s: %v", round, name, err)
			}
			round++
		}
	}
	eventually(t, "no connection is acquired", func() bool { return s.store.Pool().Stat().AcquiredConns() == 0 })
	eventually(t, "no more connections are open than the pool may have", func() bool {
		open := value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp'")
		return open <= size
	})
	if n := value[int](t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'codegenapp' AND state <> 'idle'"); n > 0 {
		t.Errorf("%d connections are not idle", n)
	}
	s.checkIdle()
}

func TestPool_ExhaustedIsUnavailableAfterHalfASecond(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	conn, err := s.store.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, op := range map[string]operation{"a read": reads["Project"], "a write": writes["CreateProject"]} {
		began := time.Now()
		wantCode(t, name, op.do(t.Context(), s), problem.Unavailable)
		if took := time.Since(began); took < 400*time.Millisecond || took > testTimeout {
			t.Errorf("%s waited %v, want half a second", name, took)
		}
	}
	conn.Release()
	wantCode(t, "a read afterwards", reads["Project"].do(t.Context(), s), "")
}

func TestPool_KilledConnectionFailsNoRead(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t))
	for range 5 {
		s.kill()
		wantCode(t, "the first read", reads["Project"].do(t.Context(), s), "")
		wantCode(t, "the second read", reads["Project"].do(t.Context(), s), "")
	}
}

func TestPool_CancelledWaitRunsNothing(t *testing.T) {
	t.Parallel()
	traffic := &sniffer{}
	s := newTenant(newFixture(t, traffic.attach))
	before := s.store.PoolStats()
	release := s.holdConnection()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	roundTrips := traffic.count(func() {
		for range 3 {
			running.Go(func() {
				err := s.store.ReadTexts(ctx, s.actor, func(string) { t.Error("a cancelled read returned a result") }, "SELECT 'three'")
				wantCode(t, "a cancelled read", err, problem.Unavailable)
			})
		}
		time.Sleep(50 * time.Millisecond) // so that they wait; one that does not is cancelled too
		cancel()
		within(t, testTimeout, "the cancelled reads", running.Wait)
	})
	if roundTrips > 0 {
		t.Errorf("cancelled reads took %d round trips", roundTrips)
	}
	if timeouts := s.store.PoolStats().Failures - before.Failures; timeouts != 3 {
		t.Errorf("%d waits ended without a connection, want 3", timeouts)
	}
	release()
	s.readText("afterwards")
	s.checkIdle()
}

func TestPool_RandomCancellationsLeakNothing(t *testing.T) {
	t.Parallel()
	s := newTenant(newFixture(t, withPoolSize(5)))
	statements := []string{"SELECT 'one'", "SELECT 'two'", "SELECT (1 / (random() * 0)::int)::text", "SELECT 'slept' || pg_sleep(0.001)::text"}
	random := newRandom(t)
	until := time.Now().Add(2 * time.Second)
	var running sync.WaitGroup
	for range 100 {
		seed := random.Uint64()
		running.Go(func() {
			random := seeded(seed)
			for time.Now().Before(until) {
				ctx, cancel := context.WithCancel(t.Context())
				if random.IntN(3) == 0 {
					time.AfterFunc(time.Duration(random.IntN(2000))*time.Microsecond, cancel)
				}
				n := random.IntN(len(statements))
				err := s.store.ReadTexts(ctx, s.actor, ignore, statements[n])
				if code := problem.CodeOf(err); err != nil && code != problem.Unavailable && (n != 2 || code != problem.Internal) {
					t.Errorf("%s: %v", statements[n], err)
				}
				cancel()
			}
		})
	}
	within(t, testTimeout, "all reads", running.Wait)
	eventually(t, "no connection is acquired", func() bool { return s.store.PoolStats().Active == 0 })
	wantCode(t, "a read afterwards", retryUnavailable(func() error { return reads["Project"].do(t.Context(), s) }), "")
}

// The pool pings a connection that was idle for a second: the server may have closed it.
func TestPool_IdleConnectionCostsOnePing(t *testing.T) {
	t.Parallel()
	traffic := &sniffer{}
	s := newTenant(newFixture(t, traffic.attach))
	read := func() { wantCode(t, "a read", reads["Project"].do(t.Context(), s), "") }
	read()
	time.Sleep(1200 * time.Millisecond)
	if got := traffic.count(read); got != 2 {
		t.Errorf("a read on a connection that was idle for 1.2 s takes %d round trips, want 2", got)
	}
}

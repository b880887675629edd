package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// ignore is a function for results that do not matter.
func ignore(string) {}

// readText reads a constant text.
func (s *tenant) readText(text string) {
	s.t.Helper()
	var got string
	err := s.store.ReadTexts(s.t.Context(), s.actor, func(text string) { got = text }, "SELECT '"+text+"'")
	if err != nil || got != text {
		s.t.Errorf("read %q: %q, %v", text, got, err)
	}
}

// runs returns a condition: a statement of the test's database waits for that event.
func (s *tenant) runs(event string) func() bool {
	super := connect(s.t, s.Super)
	return func() bool {
		return value[int](s.t, super, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = $1", event) > 0
	}
}

// wantRoundTrips fails the test unless op takes that many round trips once the
// connection has prepared its statements.
func wantRoundTrips(t *testing.T, traffic *sniffer, s *tenant, name string, op operation, want int) {
	t.Helper()
	roundTrips := 0
	for range 3 {
		if op.before != nil {
			if err := op.before(t.Context(), s); err != nil {
				t.Errorf("before %s: %v", name, err)
			}
		}
		var err error
		roundTrips = traffic.count(func() { err = op.do(t.Context(), s) })
		if err != nil {
			t.Errorf("%s: %.120v", name, err)
			return
		}
	}
	if roundTrips != want {
		t.Errorf("%s takes %d round trips, want %d", name, roundTrips, want)
	}
}

func TestBatch_ReadIsOneRoundTripAndWriteOneOrTwo(t *testing.T) {
	t.Parallel()
	for _, mode := range postgres.ExecModes() {
		t.Run("exec mode "+mode, func(t *testing.T) {
			t.Parallel()
			traffic := &sniffer{}
			s := newTenant(newFixture(t)).over(traffic.attach, func(c *postgres.Config) { c.ExecMode = mode })
			for name, op := range reads {
				wantRoundTrips(t, traffic, s, name, op, 1)
			}
			for name, op := range writes {
				want := 2
				if op.once {
					want = 1
				}
				wantRoundTrips(t, traffic, s, name, op, want)
			}
			for name, op := range withoutSession {
				wantRoundTrips(t, traffic, s, name, op.operation, op.roundTrips)
			}
		})
	}
}

func TestBatch_RejectedWriteIsTwoRoundTrips(t *testing.T) {
	t.Parallel()
	traffic := &sniffer{}
	s := newTenant(newFixture(t, traffic.attach))
	reject := func(context.Context, *tenant) error {
		_, err := s.service.RestoreProject(t.Context(), s.actor, id.New[requirements.Project](), requirements.Precondition{})
		if problem.CodeOf(err) != problem.ProjectNotFound {
			return errors.New("a missing project was restored")
		}
		return nil
	}
	wantRoundTrips(t, traffic, s, "a rejected write", operation{do: reject}, 2)
}

func TestBatch_TransactionWithoutStatementsSendsNothing(t *testing.T) {
	t.Parallel()
	traffic := &sniffer{}
	s := newTenant(newFixture(t, traffic.attach))
	wantRoundTrips(t, traffic, s, "an empty transaction", operation{do: func(ctx context.Context, s *tenant) error {
		return s.store.InTx(ctx, s.actor, func(requirements.Tx) error { return nil })
	}}, 0)
}

// poolerStores are stores behind a pooler or with an exec mode for poolers.
func poolerStores() map[string]func(*testing.T, *fixture) func(*postgres.Config) {
	all := map[string]func(*testing.T, *fixture) func(*postgres.Config){
		// This works with any version of PgBouncer, in exec mode cache_statement too.
		"behind a pooler in session mode": func(t *testing.T, w *fixture) func(*postgres.Config) {
			t.Helper()
			url := pooler(t, w.Service, map[string]string{"pool_mode": "session", "default_pool_size": "8"}).URL
			return func(c *postgres.Config) { c.URL = url }
		},
	}
	for mode := range poolers {
		all["behind a pooler, in exec mode "+mode] = func(t *testing.T, w *fixture) func(*postgres.Config) {
			t.Helper()
			return behindPooler(t, w, mode)
		}
		if mode != "cache_statement" {
			all["in exec mode "+mode] = func(*testing.T, *fixture) func(*postgres.Config) {
				return func(c *postgres.Config) { c.ExecMode = mode }
			}
		}
	}
	return all
}

// wantOneSnapshot changes a row while a read of several queries is in its middle.
func (s *tenant) wantOneSnapshot() {
	s.t.Helper()
	const title = "SELECT (SELECT title FROM projects WHERE deleted_at IS NULL ORDER BY id LIMIT 1)"
	asleep := s.runs("PgSleep")
	var texts []string
	var running sync.WaitGroup
	running.Go(func() {
		err := s.store.ReadTexts(s.t.Context(), s.actor, func(text string) { texts = append(texts, text) }, title, "SELECT 'slept' || pg_sleep(1.5)::text", title)
		if err != nil {
			s.t.Error(err)
		}
	})
	eventually(s.t, "the read is in its middle", asleep)
	mustExec(s.t, connect(s.t, s.Super), "UPDATE projects SET title = 'changed'")
	running.Wait()
	if len(texts) != 3 || texts[0] == "changed" || texts[2] != texts[0] {
		s.t.Errorf("it saw %q", texts)
	}
}

func TestBatch_ReadOfSeveralQueriesSeesOneSnapshot(t *testing.T) {
	t.Parallel()
	t.Run("directly", func(t *testing.T) {
		t.Parallel()
		newTenant(newFixture(t)).wantOneSnapshot()
	})
	for name, through := range poolerStores() {
		t.Run("first read "+name, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			newTenant(w).over(through(t, w), withPoolSize(4)).wantOneSnapshot()
		})
	}
}

func TestBatch_ReadsOfAPoolerStoreDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	for name, through := range poolerStores() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			s := newTenant(w).over(through(t, w), withPoolSize(4))
			release := s.holdConnection()
			within(t, testTimeout, "reads during another read", func() {
				for name, op := range reads {
					if op.before == nil {
						wantCode(t, name, op.do(t.Context(), s), "")
					}
				}
			})
			release()
		})
	}
}

// holdConnection holds one of the store's connections by a read, until release is
// called.
func (s *tenant) holdConnection() (release func()) {
	s.t.Helper()
	begun, released, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.store.ReadTexts(s.t.Context(), s.actor, func(string) { close(begun); <-released }, "SELECT 'held'")
	}()
	within(s.t, testTimeout, "acquiring the connection", func() { <-begun })
	return sync.OnceFunc(func() {
		close(released)
		if err := <-ended; err != nil {
			s.t.Errorf("the read that held the connection: %v", err)
		}
	})
}

// The result of each tenant scope names its user. If that is another user, no result
// of the connection can be trusted.
func TestBatch_ResultInWrongScopeClosesConnection(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	s, other := newTenant(w), newTenant(w)
	for name, do := range map[string]func() error{
		"a read":  func() error { return s.store.ReadInWrongScope(t.Context(), s.actor, other.actor) },
		"a write": func() error { return s.store.WriteInWrongScope(t.Context(), s.actor, other.actor) },
	} {
		opened := s.store.PoolStats().Opened
		wantCode(t, name, do(), problem.Internal)
		s.readText("afterwards")
		if opened = s.store.PoolStats().Opened - opened; opened != 1 {
			t.Errorf("%s: %d connections were opened, want 1 to replace that one", name, opened)
		}
	}
	s.checkIdle()
}

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

// newProxiedTenant is a tenant whose store reaches PostgreSQL through a proxy.
func newProxiedTenant(t *testing.T, size int) (*tenant, *proxy) {
	t.Helper()
	w := newFixture(t)
	p := newProxy(t, w.Service)
	w.store = w.open(withPoolSize(size), func(c *postgres.Config) { c.URL = p.URL })
	w.service = requirements.NewService(w.store, highLimits)
	return newTenant(w), p
}

// failsFast fails the test unless do returns Unavailable within testTimeout.
func failsFast(t *testing.T, what string, do func() error) {
	t.Helper()
	began := time.Now()
	wantCode(t, what, do(), problem.Unavailable)
	if took := time.Since(began); took > testTimeout {
		t.Errorf("%s took %v to fail", what, took)
	}
}

// recovers fails the test unless op succeeds within testTimeout. Until then it may only
// be Unavailable.
func (s *tenant) recovers(what string, op operation) {
	s.t.Helper()
	began := time.Now()
	for {
		err := op.do(s.t.Context(), s)
		if err == nil {
			return
		}
		wantCode(s.t, what, err, problem.Unavailable)
		if time.Since(began) > testTimeout {
			s.t.Fatalf("%s: the store has not recovered: %v", what, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestOutage_DatabaseIsUnavailableUntilItIsBack(t *testing.T) {
	t.Parallel()
	s, p := newProxiedTenant(t, 3)
	p.stop()
	for round := range 3 {
		for _, table := range []map[string]operation{reads, writes} {
			for name, op := range table {
				failsFast(t, fmt.Sprintf("%s (%d)", name, round), func() error { return op.do(t.Context(), s) })
			}
		}
		failsFast(t, "a sign-in", func() error { _, err := signIn(t.Context(), s.store, newProfile()); return err })
		failsFast(t, "a ping", func() error { return s.store.Ping(t.Context()) })
		failsFast(t, "the check of the schema", func() error { return s.store.CheckSchema(t.Context()) })
		failsFast(t, "the check of the role", func() error { return s.store.CheckRole(t.Context()) })
	}
	p.restart()
	s.recovers("a read", reads["Project"])
	s.recovers("a write", writes["CreateProject"])
}

func TestOutage_StoreOpensBeforeTheDatabase(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	s := newTenant(w)
	p := newProxy(t, w.Service)
	p.stop()
	s.store = w.open(withPoolSize(3), func(c *postgres.Config) { c.URL = p.URL })
	s.service = requirements.NewService(s.store, highLimits)
	failsFast(t, "a read", func() error { return reads["Project"].do(t.Context(), s) })
	failsFast(t, "a write", func() error { return writes["CreateProject"].do(t.Context(), s) })
	p.restart()
	s.recovers("a read", reads["Project"])
}

// A network that drops packets is worse than one that rejects them: no error arrives.
func TestOutage_SilentDatabaseFailsAtTheCallersDeadline(t *testing.T) {
	t.Parallel()
	s, p := newProxiedTenant(t, 2)
	p.setMode(blackHole)
	for name, op := range map[string]operation{"a read": reads["Project"], "a write": writes["CreateProject"], "a later read": reads["CheckSession"]} {
		failsFast(t, name, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return op.do(ctx, s)
		})
	}
	p.setMode(passThrough)
	p.stop() // as TCP does in the end
	p.restart()
	s.recovers("a read", reads["Project"])
	s.recovers("a write", writes["CreateProject"])
}

// kill terminates the connections of the tenant's store.
func (s *tenant) kill() {
	s.t.Helper()
	super := connect(s.t, s.Super)
	if n := value[int](s.t, super, `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'codegenapp'`); n == 0 {
		s.t.Error("there was no connection to kill")
	}
}

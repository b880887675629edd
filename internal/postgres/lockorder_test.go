package postgres_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// pause stops a write that holds its locks and is about to write and commit.
type pause struct {
	sniffer
	armed           atomic.Bool
	reached, resume chan struct{}
}

// attach makes the writes of a store pause.
func (p *pause) attach(c *postgres.Config) {
	c.Dial = func(config *pgx.ConnConfig) { config.Tracer = p }
}

// arm makes the next write pause.
func (p *pause) arm() {
	p.reached, p.resume = make(chan struct{}), make(chan struct{})
	p.armed.Store(true)
}

// TraceBatchStart implements pgx.BatchTracer.
func (p *pause) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	sent := data.Batch.QueuedQueries
	if sent[len(sent)-1].SQL == "commit" && !strings.HasPrefix(sent[0].SQL, "begin") && p.armed.Swap(false) {
		close(p.reached)
		<-p.resume
	}
	return ctx
}

// Locks are taken in one order, so of two transactions that meet, the waiting one never
// holds what the other needs.
func TestLockOrder_NoTwoWritesDeadlock(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	p := &pause{}
	watcher := connect(t, w.Super)
	stores := [2]*postgres.Store{w.open(p.attach), w.open()}
	all := maps.Clone(writes)
	for name, op := range withoutSession {
		all[name] = op.operation
	}
	delete(all, "DeleteAccount")
	const deletion = "DeleteAccount of the tenant"
	all[deletion] = operation{do: func(ctx context.Context, s *tenant) error {
		return s.store.DeleteAccount(ctx, s.actor, eventBy(s.actor), alwaysDelete)
	}}
	for one, a := range all {
		for other, b := range all {
			if one != deletion && other != deletion && !testkit.Long() {
				continue // a deletion locks everything, so it meets most
			}
			if err := meet(t, w, p, stores, [2]operation{a, b}, watcher); err != nil {
				t.Errorf("%s, then %s: %v", one, other, err)
			}
		}
	}
}

// meet runs a write while another one holds its locks, and returns what failed of the
// two. What fails only once was slow, not deadlocked.
func meet(t *testing.T, w *fixture, p *pause, stores [2]*postgres.Store, both [2]operation, watcher *pgx.Conn) (err error) {
	t.Helper()
	for range 3 {
		if err = tryMeet(t, newTenant(w), p, stores, both, watcher); err == nil {
			break
		}
	}
	return err
}

func tryMeet(t *testing.T, s *tenant, p *pause, stores [2]*postgres.Store, both [2]operation, watcher *pgx.Conn) (err error) {
	t.Helper()
	var tenants [2]*tenant
	for n, store := range slices.Backward(stores[:]) { // so that the first finds its resources
		mine, f := *s, *s.fixture
		f.store, f.service = store, requirements.NewService(store, highLimits)
		mine.fixture, mine.spare = &f, auth.Actor{}
		tenants[n] = &mine
		if before := both[n].before; before != nil {
			if err := before(t.Context(), &mine); err != nil {
				t.Fatalf("prepare the tenant: %v", err)
			}
		}
	}
	ends := [2]chan error{make(chan error, 1), make(chan error, 1)}
	p.arm()
	go func() { ends[0] <- both[0].do(t.Context(), tenants[0]) }()
	select {
	case <-p.reached:
	case err := <-ends[0]: // a write without effect, or one that the other's preparation rules out
		p.armed.Store(false)
		ends[0] <- err
	}
	go func() { ends[1] <- both[1].do(t.Context(), tenants[1]) }()
	eventually(t, "the second write waits or has ended", func() bool {
		return len(ends[1]) > 0 || value[bool](t, watcher, `
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
	})
	close(p.resume)
	for _, end := range ends {
		if failed := <-end; failed != nil && slices.Contains([]problem.Code{problem.Unavailable, problem.Internal}, problem.CodeOf(failed)) {
			err = failed
		}
	}
	return err
}

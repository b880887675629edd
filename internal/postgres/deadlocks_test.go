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

// pause stops a change that has its locks and is about to write and commit.
type pause struct {
	wiretap
	armed           atomic.Bool
	reached, resume chan struct{}
}

// tap makes the changes of a store pause.
func (p *pause) tap(c *postgres.Config) {
	c.Dial = func(config *pgx.ConnConfig) { config.Tracer = p }
}

// arm makes the next change pause.
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

// Locks go in one order, so whoever waits for another never holds what that one
// needs: PostgreSQL would find that out after a second at the earliest.
func TestNoTwoChangesWaitForEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := &pause{}
	watcher := connect(t, w.Super)
	stores := [2]*postgres.Store{w.open(p.tap), w.open()}
	all := maps.Clone(changes)
	for name, op := range unconfined {
		all[name] = op.operation
	}
	delete(all, "DeleteAccount")
	const deletion = "DeleteAccount of oneself"
	all[deletion] = operation{do: func(ctx context.Context, s *stage) error {
		return s.store.DeleteAccount(ctx, s.actor, eventOf(s.actor))
	}}
	for one, a := range all {
		for other, b := range all {
			if one != deletion && other != deletion && !testkit.Long() {
				continue // what takes everything is in the way of most
			}
			if err := meet(t, w, p, stores, [2]operation{a, b}, watcher); err != nil {
				t.Errorf("%s, then %s: %v", one, other, err)
			}
		}
	}
}

// meet lets a change come while another one has its locks, and returns what
// failed of the two. What fails only once was slow, and not in the other's way.
func meet(t *testing.T, w *world, p *pause, stores [2]*postgres.Store, both [2]operation, watcher *pgx.Conn) (err error) {
	t.Helper()
	for range 3 {
		if err = tryMeet(t, newStage(w), p, stores, both, watcher); err == nil {
			break
		}
	}
	return err
}

func tryMeet(t *testing.T, s *stage, p *pause, stores [2]*postgres.Store, both [2]operation, watcher *pgx.Conn) (err error) {
	t.Helper()
	var stages [2]*stage
	for n, store := range slices.Backward(stores[:]) { // so that the first finds what it wants
		mine, hers := *s, *s.world
		hers.store, hers.outline = store, requirements.NewService(store, generous)
		mine.world, mine.spare = &hers, auth.Actor{}
		stages[n] = &mine
		if before := both[n].before; before != nil {
			if err := before(t.Context(), &mine); err != nil {
				t.Fatalf("set the stage: %v", err)
			}
		}
	}
	ends := [2]chan error{make(chan error, 1), make(chan error, 1)}
	p.arm()
	go func() { ends[0] <- both[0].do(t.Context(), stages[0]) }()
	select {
	case <-p.reached:
	case err := <-ends[0]: // a change of nothing, or one that the other's stage does not let be
		p.armed.Store(false)
		ends[0] <- err
	}
	go func() { ends[1] <- both[1].do(t.Context(), stages[1]) }()
	eventually(t, "the second one waits or has ended", func() bool {
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

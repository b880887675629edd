package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// wantFlights fails the test unless op takes so many flights once its statements
// are known to the connection.
func wantFlights(t *testing.T, tap *wiretap, s *stage, name string, op operation, want int) {
	t.Helper()
	flights := 0
	for range 3 {
		if op.before != nil {
			if err := op.before(t.Context(), s); err != nil {
				t.Errorf("before %s: %v", name, err)
			}
		}
		var err error
		flights = tap.count(func() { err = op.do(t.Context(), s) })
		if err != nil {
			t.Errorf("%s: %.120v", name, err)
			return
		}
	}
	if flights != want {
		t.Errorf("%s takes %d flights, want %d", name, flights, want)
	}
}

func TestAReadIsOneFlightAndAChangeTwo(t *testing.T) {
	t.Parallel()
	for _, mode := range postgres.ExecModes() {
		t.Run("exec mode "+mode, func(t *testing.T) {
			t.Parallel()
			tap := &wiretap{}
			s := newStage(newWorld(t)).over(tap.tap, func(c *postgres.Config) { c.ExecMode = mode })
			for name, op := range reads {
				wantFlights(t, tap, s, name, op, 1)
			}
			for name, op := range changes {
				wantFlights(t, tap, s, name, op, 2)
			}
			for name, op := range unconfined {
				wantFlights(t, tap, s, name, op.operation, op.flights)
			}
		})
	}
}

func TestARefusedChangeIsTwoFlights(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	refuse := func(context.Context, *stage) error {
		_, err := s.outline.RestoreProject(t.Context(), s.actor, id.New[requirements.Project]())
		if problem.CodeOf(err) != problem.ProjectNotFound {
			return errors.New("a missing project was restored")
		}
		return nil
	}
	wantFlights(t, tap, s, "a refused change", operation{do: refuse}, 2)
}

func TestAChangeThatAsksForNothingSendsNothing(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	wantFlights(t, tap, s, "a change of nothing", operation{do: func(ctx context.Context, s *stage) error {
		return s.store.InTx(ctx, s.actor, func(requirements.Tx) error { return nil })
	}}, 0)
}

// A caller who comes after a quiet second pays no more than one in a crowd.
func TestAReadIsOneFlightAlsoOnAConnectionThatWasIdle(t *testing.T) {
	t.Parallel()
	tap := &wiretap{}
	s := newStage(newWorld(t, tap.tap))
	read := reads["Project"]
	if err := read.do(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond)
	got := tap.count(func() {
		if err := read.do(t.Context(), s); err != nil {
			t.Error(err)
		}
	})
	if got != 1 {
		t.Errorf("a read on a connection that was idle for 1.2 s takes %d flights, want 1", got)
	}
}

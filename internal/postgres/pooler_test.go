package postgres_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit/pgbouncer"
)

// poolers are the exec modes that work behind a pooler in transaction mode, with
// what it has to be set to.
var poolers = map[string]map[string]string{
	"exec":            nil,
	"cache_describe":  nil,
	"cache_statement": {"max_prepared_statements": "200"},
}

// behindPooler lets a store be behind a pooler with a few connections for many.
func behindPooler(t *testing.T, w *world, mode string) func(*postgres.Config) {
	t.Helper()
	settings := map[string]string{"default_pool_size": "4"}
	for key, value := range poolers[mode] {
		major, minor, err := pgbouncer.Version(t.Context())
		if err == nil && major == 1 && minor < 21 {
			t.Skipf("PgBouncer 1.%d does not know %s, which is needed in exec mode %s", minor, key, mode)
		}
		settings[key] = value
	}
	url := pooler(t, w.Service, settings).URL
	return func(c *postgres.Config) { c.URL, c.ExecMode = url, mode }
}

func TestManyUsersShareAPooler(t *testing.T) {
	t.Parallel()
	for mode := range poolers {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			through := behindPooler(t, w, mode)
			stages := make([]*stage, 5)
			for n := range stages {
				stages[n] = newStage(w).over(through, pooled(16))
			}
			super := connect(t, w.Super)
			before := value[int](t, super, "SELECT count(*) FROM projects")
			var calls, made atomic.Int64
			var running sync.WaitGroup
			until := time.Now().Add(2 * time.Second)
			for n := range 16 {
				running.Go(func() {
					for round := 0; time.Now().Before(until) && !t.Failed(); round++ {
						s, other := stages[(n+round)%len(stages)], stages[(n+round+1)%len(stages)]
						if err := s.shares(t.Context(), other, &made); err != nil {
							t.Errorf("call %d: %v", calls.Load(), err)
						}
						calls.Add(1)
					}
				})
			}
			running.Wait()
			t.Logf("%d rounds", calls.Load())
			if got := value[int](t, super, "SELECT count(*) FROM projects") - before; got != int(made.Load()) {
				t.Errorf("%d projects were made, %d are there", made.Load(), got)
			}
		})
	}
}

// shares reads and changes what is the actor's, and looks for what is another's.
func (s *stage) shares(ctx context.Context, other *stage, made *atomic.Int64) error {
	project, err := s.outline.CreateProject(ctx, s.actor, requirements.IdempotentRequest{}, draft(s.t, canary))
	if err != nil {
		return fmt.Errorf("create a project: %w", err)
	}
	made.Add(1)
	got, err := s.outline.Project(ctx, s.actor, project.Value.ID)
	if err != nil {
		return fmt.Errorf("read a project: %w", err)
	}
	if got.ID != project.Value.ID || got.Owner != s.actor.User {
		return fmt.Errorf("project %s of %s was read as %s of %s", project.Value.ID, s.actor.User, got.ID, got.Owner)
	}
	if _, err := s.outline.Project(ctx, s.actor, other.live); problem.CodeOf(err) != problem.ProjectNotFound {
		return fmt.Errorf("read a project of another: %w", err)
	}
	for _, of := range []*stage{s, other} {
		_, items, err := of.outline.Items(ctx, of.actor, of.spec)
		if err != nil || len(items) != len(of.items) || items[0].ID != of.items[0] {
			return fmt.Errorf("read items: %d, %w", len(items), err)
		}
	}
	user, err := s.store.User(ctx, s.actor)
	if err != nil || user.ID != s.actor.User {
		return fmt.Errorf("read user %s: %s, %w", s.actor.User, user.ID, err)
	}
	if rand.IntN(4) == 0 { // one who leaves in the middle of anything
		leaving, leave := context.WithTimeout(ctx, time.Duration(rand.IntN(3000))*time.Microsecond)
		defer leave()
		_, _ = s.outline.Project(leaving, s.actor, project.Value.ID) // however far it came
	}
	return nil
}

// A setting of ours on a pooler's connection would hold for whoever gets it next.
func TestNothingOfOursStaysOnAPoolersConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := pooler(t, w.Service, map[string]string{"default_pool_size": "4"}).URL
	s := newStage(w).over(pooled(8), func(c *postgres.Config) { c.URL, c.ExecMode = url, "exec" })
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for range 20 {
				if err := reads["Project"].do(t.Context(), s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	config, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	seen := map[int]bool{}
	for range 4 { // each transaction holds another of the pooler's connections
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
		must(t, conn, "begin")
		seen[value[int](t, conn, "SELECT pg_backend_pid()")] = true
		for _, name := range column[string](t, conn, `SELECT name || ' = ' || setting FROM pg_settings
WHERE source = 'session' AND name IN ('statement_timeout', 'lock_timeout', 'plan_cache_mode', 'role')
OR name = 'app.user_id' AND setting <> ''`) {
			t.Errorf("this stays: %s", name)
		}
	}
	if len(seen) < 2 {
		t.Errorf("%d connections were looked at", len(seen))
	}
}

func TestATransactionIsBoundedAlsoThroughAPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := pooler(t, w.Service, nil).URL
	s := newStage(w)
	for name, store := range map[string]*postgres.Store{"directly": w.store, "through a pooler": w.open(func(c *postgres.Config) { c.URL, c.ExecMode = url, "exec" })} {
		got, err := store.Confined(t.Context(), s.actor)
		if want := "codegenapp_app 3s 1s force_generic_plan"; err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestAReadIsOneFlightAlsoThroughAPooler(t *testing.T) {
	t.Parallel()
	for mode := range poolers {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w, tap := newWorld(t), &wiretap{}
			s := newStage(w).over(behindPooler(t, w, mode), tap.tap)
			for name, op := range reads {
				wantFlights(t, tap, s, name, op, 1)
			}
			for name, op := range changes {
				wantFlights(t, tap, s, name, op, 2)
			}
			if err := s.store.Walk(t.Context(), s.actor, newShown()); err != nil {
				t.Errorf("an export: %v", err)
			}
		})
	}
}

package postgres_test

import (
	"context"
	"fmt"
	mathrand "math/rand/v2"
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

// poolers are the exec modes that work behind a pooler in transaction mode, with the
// settings that the pooler needs.
var poolers = map[string]map[string]string{
	"exec":            nil,
	"cache_describe":  nil,
	"cache_statement": {"max_prepared_statements": "200"},
}

// behindPooler puts a store behind a pooler with fewer connections than the store.
func behindPooler(t *testing.T, w *fixture, mode string) func(*postgres.Config) {
	t.Helper()
	settings := map[string]string{"default_pool_size": "4"}
	for key, value := range poolers[mode] {
		major, minor, err := pgbouncer.Version(t.Context())
		if err == nil && major == 1 && minor < 21 {
			t.Skipf("PgBouncer 1.%d does not support %s, which exec mode %s needs", minor, key, mode)
		}
		settings[key] = value
	}
	url := pooler(t, w.Service, settings).URL
	return func(c *postgres.Config) { c.URL, c.ExecMode = url, mode }
}

func TestPooler_ConcurrentUsersAreIsolated(t *testing.T) {
	t.Parallel()
	for mode := range poolers {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			through := behindPooler(t, w, mode)
			tenants := make([]*tenant, 5)
			for n := range tenants {
				tenants[n] = newTenant(w).over(through, withPoolSize(16))
			}
			super := connect(t, w.Super)
			before := value[int](t, super, "SELECT count(*) FROM projects")
			var calls, made atomic.Int64
			var running sync.WaitGroup
			random := newRandom(t)
			until := time.Now().Add(2 * time.Second)
			for n := range 16 {
				seed := random.Uint64()
				running.Go(func() {
					random := seeded(seed)
					for round := 0; time.Now().Before(until) && !t.Failed(); round++ {
						s, other := tenants[(n+round)%len(tenants)], tenants[(n+round+1)%len(tenants)]
						if err := s.readAndWrite(t.Context(), other, &made, random); err != nil {
							t.Errorf("call %d: %v", calls.Load(), err)
						}
						calls.Add(1)
					}
				})
			}
			running.Wait()
			t.Logf("%d rounds", calls.Load())
			if got := value[int](t, super, "SELECT count(*) FROM projects") - before; got != int(made.Load()) {
				t.Errorf("%d projects were created, there are %d", made.Load(), got)
			}
		})
	}
}

// readAndWrite reads and writes what the actor owns, and reads what another user owns.
func (s *tenant) readAndWrite(ctx context.Context, other *tenant, made *atomic.Int64, random *mathrand.Rand) error {
	project, err := s.service.CreateProject(ctx, s.actor, requirements.IdempotentRequest{}, draft(s.t, canary))
	if err != nil {
		return fmt.Errorf("create a project: %w", err)
	}
	made.Add(1)
	got, err := s.service.Project(ctx, s.actor, project.Value.ID)
	if err != nil {
		return fmt.Errorf("read a project: %w", err)
	}
	if got.ID != project.Value.ID || got.Owner != s.actor.User {
		return fmt.Errorf("project %s of %s was read as %s of %s", project.Value.ID, s.actor.User, got.ID, got.Owner)
	}
	if _, err := s.service.Project(ctx, s.actor, other.live); problem.CodeOf(err) != problem.ProjectNotFound {
		return fmt.Errorf("read a project of another: %w", err)
	}
	for _, of := range []*tenant{s, other} {
		_, items, err := of.service.Items(ctx, of.actor, of.spec)
		if err != nil || len(items) != len(of.items) || items[0].ID != of.items[0] {
			return fmt.Errorf("read items: %d, %w", len(items), err)
		}
	}
	user, err := s.store.User(ctx, s.actor)
	if err != nil || user.ID != s.actor.User {
		return fmt.Errorf("read user %s: %s, %w", s.actor.User, user.ID, err)
	}
	if random.IntN(4) == 0 { // cancelled at any moment
		ctx, cancel := context.WithTimeout(ctx, time.Duration(random.IntN(3000))*time.Microsecond)
		defer cancel()
		_, _ = s.service.Project(ctx, s.actor, project.Value.ID) // either result is right
	}
	return nil
}

// A setting on a pooler's connection would apply to the next client.
func TestPooler_ConnectionsKeepNoSettings(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	url := pooler(t, w.Service, map[string]string{"default_pool_size": "4"}).URL
	s := newTenant(w).over(withPoolSize(8), func(c *postgres.Config) { c.URL, c.ExecMode = url, "exec" })
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
		mustExec(t, conn, "begin")
		seen[value[int](t, conn, "SELECT pg_backend_pid()")] = true
		for _, name := range column[string](t, conn, `SELECT name || ' = ' || setting FROM pg_settings
WHERE source = 'session' AND name IN ('statement_timeout', 'lock_timeout', 'plan_cache_mode', 'default_transaction_isolation', 'role')
OR name = 'app.user_id' AND setting <> ''`) {
			t.Errorf("the connection keeps %s", name)
		}
	}
	if len(seen) < 2 {
		t.Errorf("%d connections were checked", len(seen))
	}
}

func TestPooler_TransactionHasRoleAndTimeouts(t *testing.T) {
	t.Parallel()
	w := newFixture(t)
	url := pooler(t, w.Service, nil).URL
	s := newTenant(w)
	for name, store := range map[string]*postgres.Store{"directly": w.store, "through a pooler": w.open(func(c *postgres.Config) { c.URL, c.ExecMode = url, "exec" })} {
		got, err := store.ScopeSettings(t.Context(), s.actor)
		if want := "codegenapp_app 3s 1s force_generic_plan"; err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestPooler_ReadIsOneRoundTripAndWriteOneOrTwo(t *testing.T) {
	t.Parallel()
	for mode := range poolers {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w, traffic := newFixture(t), &sniffer{}
			s := newTenant(w).over(behindPooler(t, w, mode), traffic.attach)
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
			if err := s.store.Walk(t.Context(), s.actor, newRecordingVisitor()); err != nil {
				t.Errorf("an export: %v", err)
			}
		})
	}
}

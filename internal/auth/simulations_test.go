package auth_test

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// limitOf returns the limit of sessions for a seed: a small one that is reached
// often, or the real one.
func limitOf(seed uint64) int {
	if seed%5 == 0 {
		return 20
	}
	return 2 + int(seed%3)
}

// overRows returns a scene over rows with an exact clock.
func overRows(seed uint64) *scene {
	rules := auth.SessionPolicy{Idle: time.Hour, MaxAge: 150 * time.Minute, ReuseGrace: 10 * time.Second, PerUser: limitOf(seed), Admins: []string{theAdmin}}
	const access = 15 * time.Minute
	r := &rows{at: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	keys := ring(nil, newSecret)
	tokens := auth.NewAccessTokens(auth.AccessConfig{
		Keys: keys, Issuer: "issuer", Audience: "audience", Lifetime: access, Now: func() time.Time { return r.at },
	})
	return &scene{
		rules: auth.NewService(r, fakeProvider{seed: seed}, tokens, keys.Refresh(), nil, rules, slog.New(slog.DiscardHandler)), keys: keys,
		model:   newModel(rules, access, r.at),
		advance: func(d time.Duration) { r.at = r.at.Add(d) },
		auditCount: func(action auth.Action) (n int) {
			for _, e := range r.events {
				if e.Action == action {
					n++
				}
			}
			return n
		},
		kept: func(users ...auth.UserID) (all []auth.Session) {
			for _, s := range r.sessions {
				if slices.Contains(users, s.User) {
					all = append(all, *s)
				}
			}
			return all
		},
		waits: []time.Duration{
			0, 1, time.Second, 5 * time.Second, rules.ReuseGrace - 1, rules.ReuseGrace, rules.ReuseGrace + 1, 11 * time.Second,
			access, access + 5*time.Second - 1, access + 5*time.Second, 20 * time.Minute,
			rules.Idle - 1, rules.Idle, rules.Idle - 20*time.Minute,
		},
	}
}

func TestSessions_FollowModel(t *testing.T) {
	t.Parallel()
	seeds, workers := uint64(300), 1
	if long() {
		seeds, workers = 20_000, runtime.NumCPU()
	}
	var next atomic.Uint64
	var all endings
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for seed := next.Add(1); seed <= seeds && !t.Failed(); seed = next.Add(1) {
				counts, _ := simulate(t, seed, 80, overRows(seed))
				all.add(counts)
			}
		})
	}
	running.Wait()
	all.want(t, everyEnding...)
}

// endings counts the results of many scripts.
type endings struct {
	mu     sync.Mutex
	counts map[string]int
}

func (e *endings) add(counts map[string]int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.counts == nil {
		e.counts = map[string]int{}
	}
	for name, n := range counts {
		e.counts[name] += n
	}
}

// everyEnding lists every possible result, so that each part of the rules is
// tested.
var everyEnding = []string{
	"the sign-in", "the sign-in account_suspended", "past the limit", "past the limit of 20",
	"the refresh", "the refresh, by the predecessor", "the refresh refresh_token_reused", "the refresh refresh_token_expired", "the refresh refresh_token_invalid",
	"the refresh, of a session at its greatest age",
	"the guess refresh_token_invalid", "the guess of a rotation to come refresh_token_invalid",
	"the request", "the request token_expired", "the request token_revoked",
	"the logout", "the logout token_missing", "the logout token_expired", "the logout refresh_token_reused",
	"the end of a session", "the end of a session session_not_found", "the end of a session token_revoked", "the list", "the list token_revoked",
}

// want fails the test unless the scripts have reached all of these results.
func (e *endings) want(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if e.counts[name] == 0 && !t.Failed() {
			t.Errorf("no script came to this: %s", name)
		}
		t.Logf("%7d × %s", e.counts[name], name)
	}
}

// overPostgres returns a scene over a database. The clock is the database's, so time
// passes by making the stored rows older. All waits are multiples of seven minutes,
// and no sum of them is within minutes of a limit of the rules.
func overPostgres(t *testing.T, store *postgres.Store, super *pgx.Conn, seed uint64) *scene {
	t.Helper()
	rules := auth.SessionPolicy{Idle: 1440 * time.Minute, MaxAge: 3610 * time.Minute, ReuseGrace: 10 * time.Minute, PerUser: limitOf(seed), Admins: []string{theAdmin}}
	const access = time.Hour
	var passed time.Duration
	run := func(statement string, args ...any) {
		t.Helper()
		if _, err := super.Exec(t.Context(), statement, args...); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	keys := ring(nil, newSecret)
	tokens := auth.NewAccessTokens(auth.AccessConfig{
		Keys: keys, Issuer: "issuer", Audience: "audience", Lifetime: access, Now: func() time.Time { return time.Now().Add(passed) },
	})
	return &scene{
		rules: auth.NewService(store, fakeProvider{seed: seed}, tokens, keys.Refresh(), nil, rules, slog.New(slog.DiscardHandler)), keys: keys,
		model: newModel(rules, access, time.Now()),
		advance: func(d time.Duration) {
			passed += d
			run(`UPDATE sessions SET created_at = created_at - $1::interval, last_used_at = last_used_at - $1, expires_at = expires_at - $1,
				ends_at = ends_at - $1, revoked_at = revoked_at - $1`, d)
		},
		auditCount: func(action auth.Action) (n int) {
			if err := super.QueryRow(t.Context(), "SELECT count(*) FROM audit_events WHERE action = $1", action).Scan(&n); err != nil {
				t.Error(err)
			}
			return n
		},
		kept: func(users ...auth.UserID) []auth.Session {
			rows, err := super.Query(t.Context(), "SELECT id, user_id, salt, counter, created_at, last_used_at, expires_at, ends_at, revoked_at FROM sessions WHERE user_id = ANY($1)", users)
			if err != nil {
				t.Fatal(err)
			}
			all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s auth.Session, err error) {
				return s, row.Scan(&s.ID, &s.User, &s.Salt, &s.Counter, &s.CreatedAt, &s.LastUsedAt, &s.ExpiresAt, &s.EndsAt, &s.RevokedAt)
			})
			if err != nil {
				t.Fatal(err)
			}
			return all
		},
		waits: []time.Duration{0, 7 * time.Minute, 7 * time.Minute, 14 * time.Minute, 56 * time.Minute, 63 * time.Minute, 700 * time.Minute, 1435 * time.Minute, 1442 * time.Minute},
	}
}

// openDatabase opens a store over a new database, and a connection that bypasses
// row-level security.
func openDatabase(t *testing.T) (*postgres.Store, *pgx.Conn) {
	t.Helper()
	db := testkit.NewDatabase(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: db.Service, PoolSize: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	super, err := pgx.Connect(t.Context(), db.Super)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = super.Close(context.WithoutCancel(t.Context())) })
	return store, super
}

func TestSessions_FollowModelInPostgreSQL(t *testing.T) {
	t.Parallel()
	seeds, steps := uint64(50), 30
	if long() {
		seeds, steps = 500, 80
	}
	store, super := openDatabase(t)
	var all endings
	broken := uint64(0)
	for seed := range seeds {
		counts, ok := simulate(t, seed, steps, overPostgres(t, store, super, seed))
		if t.Failed() {
			return
		}
		if all.add(counts); !ok {
			broken++
		}
		if _, err := super.Exec(t.Context(), "DELETE FROM users; DELETE FROM audit_events"); err != nil {
			t.Fatal(err)
		}
	}
	if broken > seeds/5 {
		t.Errorf("%d of %d scripts broke off because the database could not be reached", broken, seeds)
	}
	all.want(t, "past the limit", "the refresh, by the predecessor", "the refresh refresh_token_reused", "the refresh refresh_token_expired")
}

package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// canary is part of every text that these tests store. It must never appear in an
// error, nor in what another user reads.
const canary = "canary-5e7a"

// appRole is the role of the service.
const appRole = "codegenapp_app"

// testTimeout bounds what has to happen at once, on a busy machine too.
const testTimeout = 15 * time.Second

// fixture is a database of one test, a store over it and the rules over the store.
type fixture struct {
	testkit.Database
	t       testing.TB
	store   *postgres.Store
	service *requirements.Service
}

// newFixture opens a store with one connection, so what a caller leaves on it
// affects the next.
func newFixture(t testing.TB, change ...func(*postgres.Config)) *fixture {
	t.Helper()
	f := &fixture{Database: testkit.NewDatabase(t), t: t}
	f.store = f.open(change...)
	f.service = requirements.NewService(f.store, highLimits)
	return f
}

var highLimits = requirements.Limits{ProjectsPerUser: 10_000, SpecificationsPerProject: 10_000, ItemsPerSpecification: 10_000}

// open opens another store over the fixture's database.
func (f *fixture) open(change ...func(*postgres.Config)) *postgres.Store {
	f.t.Helper()
	config := postgres.Config{URL: f.Service, PoolSize: 1}
	for _, c := range change {
		c(&config)
	}
	store, err := postgres.Open(f.t.Context(), config)
	if err != nil {
		f.t.Fatalf("open a store: %v", err)
	}
	f.t.Cleanup(func() { within(f.t, testTimeout, "close the store", store.Close) })
	return store
}

// within fails the test if run takes longer.
func within(t testing.TB, limit time.Duration, what string, run func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); run() }()
	select {
	case <-done:
	case <-time.After(limit):
		t.Errorf("%s took more than %v", what, limit)
	}
}

// eventually waits until ready is true.
func eventually(t testing.TB, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("this never became true: %s", what)
		}
	}
}

// retryUnavailable repeats do while the database is unavailable, as the contract asks
// of callers.
func retryUnavailable(do func() error) error {
	for deadline := time.Now().Add(testTimeout); ; {
		if err := do(); problem.CodeOf(err) != problem.Unavailable || time.Now().After(deadline) {
			return err
		}
	}
}

// withPoolSize sets the size of a store's pool.
func withPoolSize(n int) func(*postgres.Config) {
	return func(c *postgres.Config) { c.PoolSize = n }
}

// newProfile is a profile that no other test uses.
func newProfile() auth.Profile {
	p := auth.Profile{
		Issuer: "https://issuer.test", Subject: canary + rand.Text(), Email: canary + "@people.test", Name: canary,
		Expires: time.Now().Add(time.Hour),
	}
	return withNewToken(p)
}

// withNewToken is the profile with a new ID token.
func withNewToken(p auth.Profile) auth.Profile {
	_, _ = rand.Read(p.Token[:]) // never fails
	return p
}

// acceptAll accepts every sign-in.
func acceptAll(p auth.Profile, newUser auth.UserID) auth.SignInDecision {
	return func(known *auth.User, at time.Time) (auth.SignInResult, error) {
		if known == nil {
			known = &auth.User{ID: newUser, Issuer: p.Issuer, Subject: p.Subject, Name: p.Name, CreatedAt: at}
		}
		user := *known
		user.Email, user.LastLoginAt = p.Email, at
		session := auth.Session{
			ID: id.New[auth.Session](), User: user.ID, Salt: make([]byte, 16),
			CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(time.Hour), EndsAt: at.Add(time.Hour),
			UserAgent: canary, IP: "192.0.2.1",
		}
		return auth.SignInResult{User: user, Session: session, Events: []auth.Event{eventBy(auth.Actor{User: user.ID})}}, nil
	}
}

// eventBy is an audit event of the actor.
func eventBy(actor auth.Actor) auth.Event {
	return auth.Event{ID: id.New[auth.Event](), Actor: &actor.User, Action: auth.SessionCreated, ResourceType: "session"}
}

// eventsBy makes audit events of the actor about ended sessions.
func eventsBy(actor auth.Actor) func(auth.SessionID) auth.Event {
	return func(auth.SessionID) auth.Event { return eventBy(actor) }
}

func signIn(ctx context.Context, s *postgres.Store, p auth.Profile) (auth.Actor, error) {
	newUser := id.New[auth.User]()
	user, session, err := s.SignIn(ctx, p, newUser, 20, acceptAll(p, newUser))
	return auth.Actor{User: user.ID, Session: session.ID}, err
}

// signUp returns a new user with a live session.
func (f *fixture) signUp() auth.Actor {
	f.t.Helper()
	actor, err := signIn(f.t.Context(), f.store, newProfile())
	if err != nil {
		f.t.Fatalf("sign up: %v", err)
	}
	return actor
}

func draft(t testing.TB, title string) requirements.NewProject {
	t.Helper()
	d, violations := requirements.ParseNewProject(title, canary)
	if len(violations) > 0 {
		t.Fatalf("a draft titled %q: %v", title, violations)
	}
	return d
}

// project creates a live project of the actor.
func (f *fixture) project(actor auth.Actor) requirements.Project {
	f.t.Helper()
	p, err := f.service.CreateProject(f.t.Context(), actor, requirements.IdempotentRequest{}, draft(f.t, canary+" "+rand.Text()))
	if err != nil {
		f.t.Fatalf("create a project: %v", err)
	}
	return p.Value
}

// connect opens a connection that belongs to no store.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// newRandom is a random source. Its seed is logged, and TEST_SEED repeats it.
func newRandom(t testing.TB) *mathrand.Rand {
	t.Helper()
	seed := mathrand.Uint64()
	if text := os.Getenv("TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("TEST_SEED: %v", err)
		}
	}
	t.Logf("TEST_SEED=%d", seed)
	return seeded(seed)
}

func seeded(seed uint64) *mathrand.Rand { return mathrand.New(mathrand.NewPCG(seed, 0)) }

// mustExec runs statements, one after the other.
func mustExec(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// column is the first column of all rows that sql returns.
func column[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

// value is the only value that sql returns.
func value[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	all := column[T](t, conn, sql, args...)
	if len(all) != 1 {
		t.Fatalf("%s: %d rows", sql, len(all))
	}
	return all[0]
}

// wantCode fails the test unless err is the problem with the code; an empty code means
// no error.
func wantCode(t testing.TB, what string, err error, want problem.Code) {
	t.Helper()
	if err == nil && want == "" {
		return
	}
	if err == nil || problem.CodeOf(err) != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

var scratchDatabases atomic.Int64

// newScratchDatabase creates an empty database without the schema, dropped when the
// test ends.
func newScratchDatabase(t testing.TB) testkit.Database {
	t.Helper()
	db := testkit.NewDatabase(t)
	super := connect(t, db.Super)
	name := fmt.Sprintf("codegenapp_scratch_%d_%d", os.Getpid(), scratchDatabases.Add(1))
	owner := value[string](t, super, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()")
	mustExec(t, super, "DROP DATABASE IF EXISTS "+name+" (FORCE)", "CREATE DATABASE "+name+" OWNER "+owner)
	t.Cleanup(func() {
		if _, err := super.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" (FORCE)"); err != nil {
			t.Logf("drop a scratch database: %v", err)
		}
	})
	return testkit.Database{Owner: inDatabase(t, db.Owner, name), Service: inDatabase(t, db.Service, name), Super: inDatabase(t, db.Super, name)}
}

// inDatabase is the URL of another database of the same server and role.
func inDatabase(t testing.TB, u, database string) string {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatalf("parse a URL of testkit: %v", err)
	}
	parsed.Path = "/" + database
	return strings.TrimSpace(parsed.String())
}

package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
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

// canary is in every text that these tests keep; it must never turn up in an
// error, nor in what somebody else reads.
const canary = "canary-5e7a"

// appRole is the role that the service works as.
const appRole = "codegenapp_app"

// soon bounds what has to happen at once, on a machine with much else to do.
const soon = 15 * time.Second

// world is a database of one test's own, a store over it and the rules over
// that.
type world struct {
	testkit.Database
	t       testing.TB
	store   *postgres.Store
	outline *requirements.Service
}

// newWorld opens a store with one connection, so that whatever sticks to it is
// met by the next caller.
func newWorld(t testing.TB, change ...func(*postgres.Config)) *world {
	t.Helper()
	w := &world{Database: testkit.NewDatabase(t), t: t}
	w.store = w.open(change...)
	w.outline = requirements.NewService(w.store, generous)
	return w
}

var generous = requirements.Limits{ProjectsPerUser: 10_000, SpecificationsPerProject: 10_000, ItemsPerSpecification: 10_000}

// open opens one more store over the world's database.
func (w *world) open(change ...func(*postgres.Config)) *postgres.Store {
	w.t.Helper()
	config := postgres.Config{URL: w.Service, PoolSize: 1}
	for _, c := range change {
		c(&config)
	}
	store, err := postgres.Open(w.t.Context(), config)
	if err != nil {
		w.t.Fatalf("open a store: %v", err)
	}
	w.t.Cleanup(func() { within(w.t, soon, "close the store", store.Close) })
	return store
}

// within fails the test if f takes longer.
func within(t testing.TB, limit time.Duration, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(limit):
		t.Errorf("%s took more than %v", what, limit)
	}
}

// eventually waits until ready is true.
func eventually(t testing.TB, what string, ready func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !ready(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

// patiently repeats what finds the database away, as the contract tells callers
// to.
func patiently(do func() error) error {
	for deadline := time.Now().Add(soon); ; {
		if err := do(); problem.CodeOf(err) != problem.Unavailable || time.Now().After(deadline) {
			return err
		}
	}
}

// pooled sets the size of a store's pool.
func pooled(n int) func(*postgres.Config) {
	return func(c *postgres.Config) { c.PoolSize = n }
}

// profile is a person whom nobody else in any test is.
func profile() auth.Profile {
	p := auth.Profile{
		Issuer: "https://issuer.test", Subject: canary + rand.Text(), Email: canary + "@people.test", Name: canary,
		Expires: time.Now().Add(time.Hour),
	}
	return again(p)
}

// again is the person with a new ID token.
func again(p auth.Profile) auth.Profile {
	_, _ = rand.Read(p.Token[:]) // never fails
	return p
}

// admit takes everybody in.
func admit(p auth.Profile, newcomer auth.UserID) auth.SignInDecision {
	return func(known *auth.User, at time.Time) (auth.SignInResult, error) {
		if known == nil {
			known = &auth.User{ID: newcomer, Issuer: p.Issuer, Subject: p.Subject, Name: p.Name, CreatedAt: at}
		}
		user := *known
		user.Email, user.LastLoginAt = p.Email, at
		session := auth.Session{
			ID: id.New[auth.Session](), User: user.ID, Salt: make([]byte, 16),
			CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(time.Hour), EndsAt: at.Add(time.Hour),
			UserAgent: canary, IP: "192.0.2.1",
		}
		return auth.SignInResult{User: user, Session: session, Events: []auth.Event{eventOf(auth.Actor{User: user.ID})}}, nil
	}
}

// eventOf is an event of the actor's.
func eventOf(actor auth.Actor) auth.Event {
	return auth.Event{ID: id.New[auth.Event](), Actor: &actor.User, Action: auth.SessionCreated, ResourceType: "session"}
}

// endOf makes events of the actor's about sessions that end.
func endOf(actor auth.Actor) func(auth.SessionID) auth.Event {
	return func(auth.SessionID) auth.Event { return eventOf(actor) }
}

func signIn(ctx context.Context, s *postgres.Store, p auth.Profile) (auth.Actor, error) {
	newcomer := id.New[auth.User]()
	user, session, err := s.SignIn(ctx, p, newcomer, 20, admit(p, newcomer))
	return auth.Actor{User: user.ID, Session: session.ID}, err
}

// signUp is somebody new with a live session.
func (w *world) signUp() auth.Actor {
	w.t.Helper()
	actor, err := signIn(w.t.Context(), w.store, profile())
	if err != nil {
		w.t.Fatalf("sign up: %v", err)
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

// project is a new live project of the actor.
func (w *world) project(actor auth.Actor) requirements.Project {
	w.t.Helper()
	p, err := w.outline.CreateProject(w.t.Context(), actor, requirements.IdempotentRequest{}, draft(w.t, canary+" "+rand.Text()))
	if err != nil {
		w.t.Fatalf("create a project: %v", err)
	}
	return p.Value
}

// connect is a connection of its own, beside every store.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// must runs statements, one after the other.
func must(t testing.TB, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// column is the first column of all rows that sql answers.
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

// value is the only value that sql answers.
func value[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	all := column[T](t, conn, sql, args...)
	if len(all) != 1 {
		t.Fatalf("%s: %d rows", sql, len(all))
	}
	return all[0]
}

// wantCode fails the test unless err is the fault with the code.
func wantCode(t testing.TB, what string, err error, want problem.Code) {
	t.Helper()
	if err == nil && want == "" {
		return
	}
	if err == nil || problem.CodeOf(err) != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

var scratches atomic.Int64

// scratch is an empty database without the schema, dropped when the test ends.
func scratch(t testing.TB) testkit.Database {
	t.Helper()
	db := testkit.NewDatabase(t)
	super := connect(t, db.Super)
	name := fmt.Sprintf("codegenapp_scratch_%d_%d", os.Getpid(), scratches.Add(1))
	owner := value[string](t, super, "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = current_database()")
	must(t, super, "DROP DATABASE IF EXISTS "+name+" (FORCE)", "CREATE DATABASE "+name+" OWNER "+owner)
	t.Cleanup(func() {
		if _, err := super.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" (FORCE)"); err != nil {
			t.Logf("a scratch database stays: %v", err)
		}
	})
	return testkit.Database{Owner: inDatabase(t, db.Owner, name), Service: inDatabase(t, db.Service, name), Super: inDatabase(t, db.Super, name)}
}

// inDatabase is the URL of another database of the same server and role.
func inDatabase(t testing.TB, u, database string) string {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatalf("a URL of testkit's: %v", err)
	}
	parsed.Path = "/" + database
	return strings.TrimSpace(parsed.String())
}

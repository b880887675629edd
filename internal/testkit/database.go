// Package testkit has the fixtures of tests: a private database in a real PostgreSQL, a
// server with a sign-in issuer, and signed-in clients that check every response against
// the contract. Only tests import it.
package testkit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/devkit/pgserver"
	"github.com/codegenapp/codegenapp/internal/postgres"
)

// Database is a migrated database for one test. As in production, the owner of the tables
// is not a superuser, and the service's role owns nothing.
type Database struct {
	// Owner, Service and Super are URLs for the three kinds of role.
	Owner, Service, Super string
}

const (
	ownerRole   = "codegenapp_test_owner"
	serviceRole = "codegenapp_test_service"
	password    = "only-on-loopback-in-tests"
)

// NewDatabase returns a migrated database without rows. At the end of the test it is
// truncated and reused, which is faster than a new clone.
func NewDatabase(t testing.TB) Database {
	t.Helper()
	s := sharedServer(t)
	name, err := s.acquire(t.Context())
	if err != nil {
		t.Fatalf("create a database: %v", err)
	}
	db := Database{Owner: s.roleURL(ownerRole, name), Service: s.roleURL(serviceRole, name), Super: s.superURL(name)}
	t.Cleanup(func() { s.release(t, name, db.Super) })
	return db
}

// databaseServer is the PostgreSQL of all tests of a process, with a pool of databases.
type databaseServer struct {
	super    string
	template string

	mu      sync.Mutex
	idle    []string
	created int
}

var (
	shared     *databaseServer
	errShared  error
	sharedOnce sync.Once
)

// sharedServer connects to TEST_DATABASE_URL, which `make test` sets; without
// it, as under a plain `go test`, it starts a server that ends with this process.
func sharedServer(t testing.TB) *databaseServer {
	t.Helper()
	sharedOnce.Do(func() { shared, errShared = connect() })
	if errShared != nil {
		t.Fatalf("no PostgreSQL for tests: %v", errShared)
	}
	return shared
}

func connect() (*databaseServer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute) // for a busy machine
	defer cancel()
	s := &databaseServer{super: os.Getenv("TEST_DATABASE_URL")}
	if s.super == "" {
		pg, err := startServer(ctx)
		if err != nil {
			return nil, err
		}
		s.super = pg.URL("postgres")
	}
	hash, err := migrationsHash()
	if err != nil {
		return nil, err
	}
	s.template = "codegenapp_template_" + hash
	return s, s.buildTemplate(ctx)
}

// startServer starts a server that ends with this process. Its directory is kept
// between runs, so that the next run starts at once; a concurrent run takes the next
// directory.
func startServer(ctx context.Context) (pg *pgserver.Server, err error) {
	for n := range 10 {
		pg, err = pgserver.Start(ctx, pgserver.Config{
			Dir: filepath.Join(os.TempDir(), "codegenapp-tests", fmt.Sprintf("%s-%d", filepath.Base(os.Args[0]), n)),
			Log: slog.New(slog.DiscardHandler),
			Settings: map[string]string{
				"fsync": "off", "synchronous_commit": "off", "max_connections": "900", "timezone": "Pacific/Chatham",
			},
		})
		if !errors.Is(err, pgserver.ErrInUse) {
			break
		}
	}
	return pg, err
}

// migrationsHash names the template, so that changed migrations get a new one.
func migrationsHash() (string, error) {
	files := postgres.Migrations()
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", fmt.Errorf("list migrations: %w", err)
	}
	sum := sha256.New()
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return "", fmt.Errorf("read migration: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// buildTemplate creates the roles and the template once, under a lock between processes.
func (s *databaseServer) buildTemplate(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.super)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(hashtext('codegenapp test template'))"); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var done bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)", s.template).Scan(&done); err != nil || done {
		return err
	}
	for _, statement := range []string{
		`DO $$ BEGIN
			IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '` + ownerRole + `') THEN
				CREATE ROLE ` + ownerRole + ` LOGIN CREATEROLE PASSWORD '` + password + `';
				CREATE ROLE ` + serviceRole + ` LOGIN PASSWORD '` + password + `';
			END IF;
		END $$`,
		"DROP DATABASE IF EXISTS " + s.template,
		"CREATE DATABASE " + s.template + " OWNER " + ownerRole,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := s.migrate(ctx, s.template); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "ALTER DATABASE "+s.template+" IS_TEMPLATE true ALLOW_CONNECTIONS false")
	return err
}

func (s *databaseServer) migrate(ctx context.Context, database string) (err error) {
	// PostgreSQL before 16 lets only members with the admin option grant a role of another
	// creator; the first database of a server creates the role.
	m, err := postgres.NewMigrator(s.roleURL(ownerRole, database))
	if err != nil {
		return err
	}
	defer m.Close()
	_, err = m.Up(ctx, s.roleURL(serviceRole, database))
	return err
}

// acquire returns an empty database: a released one, or a new clone.
func (s *databaseServer) acquire(ctx context.Context) (string, error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		name := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return name, nil
	}
	s.created++
	name := fmt.Sprintf("codegenapp_test_%d_%d", os.Getpid(), s.created)
	s.mu.Unlock()
	conn, err := pgx.Connect(ctx, s.super)
	if err != nil {
		return "", fmt.Errorf("connect: %w", err)
	}
	defer conn.Close(ctx)
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + name + " (FORCE)",
		"CREATE DATABASE " + name + " TEMPLATE " + s.template + " STRATEGY WAL_LOG OWNER " + ownerRole,
		// A clone does not take over what is granted on the database itself.
		"REVOKE TEMPORARY ON DATABASE " + name + " FROM PUBLIC",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return "", fmt.Errorf("%s: %w", statement, err)
		}
	}
	return name, nil
}

// release truncates a database for the next test. A database with an error is not reused.
func (s *databaseServer) release(t testing.TB, name, super string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, super)
	if err != nil {
		t.Logf("a database is not reused: %v", err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "TRUNCATE users, audit_events, used_id_tokens, changes CASCADE"); err != nil {
		t.Logf("a database is not reused: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle = append(s.idle, name)
}

// superURL is the superuser's URL of a database.
func (s *databaseServer) superURL(database string) string {
	u, err := url.Parse(s.super)
	if err != nil {
		panic("TEST_DATABASE_URL is not a URL") // it has connected before
	}
	u.Path = "/" + database
	return u.String()
}

// roleURL is a role's URL of a database.
func (s *databaseServer) roleURL(role, database string) string {
	u, _ := url.Parse(s.superURL(database))
	u.User = url.UserPassword(role, password)
	return strings.TrimSpace(u.String())
}

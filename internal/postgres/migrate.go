package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/codegenapp/codegenapp/internal/problem"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrator changes the schema. It works as the owner of the tables.
type Migrator struct {
	goose *goose.Provider
	close func() error
	owner *pgx.ConnConfig
}

// Whoever meets another migration asks again each second, for five minutes.
const (
	lockPeriod = 1
	lockTries  = 300
)

// NewMigrator returns a migrator over the owner's connection. Several may run
// at once: an advisory lock lets one after the other through.
func NewMigrator(ownerURL string) (*Migrator, error) {
	config, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return nil, errors.New("MIGRATION_DATABASE_URL is not a PostgreSQL connection URL")
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriod, lockTries))
	if err != nil {
		return nil, fmt.Errorf("make the migration lock: %w", err)
	}
	pool := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, Migrations(), goose.WithSessionLocker(locker))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the migrations: %w", err), pool.Close())
	}
	return &Migrator{goose: provider, close: pool.Close, owner: config}, nil
}

// Close ends the connections.
func (m *Migrator) Close() error { return m.close() }

// Applied is one step that was taken.
type Applied struct {
	Name string
	Took time.Duration
}

// Up applies every step that is missing, each in its own transaction, and lets
// the role of serviceURL take on the service's rights.
func (m *Migrator) Up(ctx context.Context, serviceURL string) ([]Applied, error) {
	results, err := m.goose.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate up: %w", err)
	}
	applied := make([]Applied, len(results))
	for i, r := range results {
		applied[i] = Applied{Name: r.Source.Path, Took: r.Duration}
	}
	return applied, m.grant(ctx, serviceURL)
}

// grant lets the service's login role take on codegenapp_app.
func (m *Migrator) grant(ctx context.Context, serviceURL string) (err error) {
	service, err := pgx.ParseConfig(serviceURL)
	if err != nil {
		return errors.New("DATABASE_URL is not a PostgreSQL connection URL")
	}
	if service.User == m.owner.User {
		return nil
	}
	conn, err := pgx.ConnectConfig(ctx, m.owner)
	if err != nil {
		return fmt.Errorf("connect as the owner: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, "GRANT codegenapp_app TO "+pgx.Identifier{service.User}.Sanitize()); err != nil {
		return fmt.Errorf("grant codegenapp_app to the role of DATABASE_URL: %w", err)
	}
	return nil
}

// Down takes back the newest step. It returns its name.
func (m *Migrator) Down(ctx context.Context) (string, error) {
	result, err := m.goose.Down(ctx)
	if errors.Is(err, goose.ErrNoNextVersion) {
		return "", errors.New("no migration is applied, so none can be taken back")
	}
	if err != nil {
		return "", fmt.Errorf("migrate down: %w", err)
	}
	return result.Source.Path, nil
}

// Step is one migration and when it was applied; At is zero where it was not.
type Step struct {
	Name string
	At   time.Time
}

// Status lists every step.
func (m *Migrator) Status(ctx context.Context) ([]Step, error) {
	found, err := m.goose.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the migrations' status: %w", err)
	}
	steps := make([]Step, len(found))
	for i, s := range found {
		steps[i] = Step{Name: s.Source.Path, At: s.AppliedAt}
	}
	return steps, nil
}

// ErrSchemaTooOld is the answer of CheckSchema before migrate up has run.
var ErrSchemaTooOld = errors.New("the database's schema is older than this program: run codegenapp migrate up")

// ErrRoleNotGranted is the answer of CheckSchema where the service's role may not
// take on the rights that it needs.
var ErrRoleNotGranted = errors.New("the role of DATABASE_URL may not take on codegenapp_app: " +
	"run codegenapp migrate up with DATABASE_URL and MIGRATION_DATABASE_URL set")

// CheckSchema is nil if the schema is the one this program was built for, or a
// newer one: changes of the schema keep the program before them working.
func (s *Store) CheckSchema(ctx context.Context) error {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list the embedded migrations: %w", err)
	}
	var version int
	err = s.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if state := sqlState(err); state == "42P01" || state == "42501" { // no such table, no right to read it
		return ErrSchemaTooOld
	}
	if err != nil {
		return translate(err)
	}
	if version < len(files) {
		return ErrSchemaTooOld
	}
	_, err = s.pool.Exec(ctx, `SELECT set_config('role', 'codegenapp_app', true)`)
	if state := sqlState(err); state == "42501" || state == "22023" { // may not, or there is none
		return ErrRoleNotGranted
	}
	return translate(err)
}

// CheckRole is nil if the connection's own role has no power beyond what the
// service needs; production refuses to run with more.
func (s *Store) CheckRole(ctx context.Context) error {
	var super, bypass, owner bool
	err := s.pool.QueryRow(ctx, `
SELECT EXISTS (SELECT FROM pg_roles AS m WHERE m.rolsuper AND pg_has_role(r.oid, m.oid, 'MEMBER')),
       EXISTS (SELECT FROM pg_roles AS m WHERE m.rolbypassrls AND pg_has_role(r.oid, m.oid, 'MEMBER')),
       EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
               WHERE  n.nspname = 'public' AND c.relkind = 'r' AND pg_has_role(r.oid, c.relowner, 'MEMBER'))
FROM   pg_roles AS r
WHERE  r.rolname = session_user`).Scan(&super, &bypass, &owner)
	switch {
	case err != nil:
		return translate(err)
	case super:
		return errPower("is a superuser or may become one")
	case bypass:
		return errPower("has BYPASSRLS or may take it on")
	case owner:
		return errPower("owns the tables or may become their owner")
	}
	return nil
}

// PowerError says that the service's role could pass by row-level security.
type PowerError struct{ Why string }

func errPower(why string) error { return &PowerError{Why: why} }

func (e *PowerError) Error() string {
	return "DATABASE_URL: its role " + e.Why + ", so row-level security would not confine it; give the service a role of its own"
}

// IsUnavailable reports whether err means that the database cannot be reached now.
func IsUnavailable(err error) bool { return problem.CodeOf(err) == problem.Unavailable }

// Migrations are the embedded steps, by file name.
func Migrations() fs.FS {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return files
}

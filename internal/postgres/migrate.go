package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrator migrates the schema, as the role that owns the tables.
type Migrator struct {
	goose *goose.Provider
	close func() error
	owner *pgx.ConnConfig
}

// A migrator that finds another one running tries the lock every lockInterval
// seconds, maxLockAttempts times: for five minutes.
const (
	lockInterval    = 1
	maxLockAttempts = 300
)

// NewMigrator returns a migrator over the owner's connection. Several may run at
// once: an advisory lock serializes them.
func NewMigrator(ownerURL string) (*Migrator, error) {
	config, err := pgx.ParseConfig(ownerURL)
	if err != nil {
		return nil, errors.New("MIGRATION_DATABASE_URL is not a PostgreSQL connection URL")
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockInterval, maxLockAttempts))
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

// Close closes the connections.
func (m *Migrator) Close() error { return m.close() }

// Applied is a migration that was applied.
type Applied struct {
	Name string
	Took time.Duration
}

// Up applies every migration that is missing, each in its own transaction. It grants
// the service's rights to the role of serviceURL.
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

// grant grants codegenapp_app to the service's login role.
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

// Down rolls back the newest migration and returns its name.
func (m *Migrator) Down(ctx context.Context) (string, error) {
	result, err := m.goose.Down(ctx)
	if errors.Is(err, goose.ErrNoNextVersion) {
		return "", errors.New("no migration is applied, so none can be rolled back")
	}
	if err != nil {
		return "", fmt.Errorf("migrate down: %w", err)
	}
	return result.Source.Path, nil
}

// MigrationStatus says when a migration was applied; At is zero if it was not.
type MigrationStatus struct {
	Name string
	At   time.Time
}

// Status lists every migration.
func (m *Migrator) Status(ctx context.Context) ([]MigrationStatus, error) {
	found, err := m.goose.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the status of the migrations: %w", err)
	}
	all := make([]MigrationStatus, len(found))
	for i, s := range found {
		all[i] = MigrationStatus{Name: s.Source.Path, At: s.AppliedAt}
	}
	return all, nil
}

package postgres

import (
	"context"
	"database/sql"
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
	pool  *sql.DB
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
		return nil, fmt.Errorf("MIGRATION_DATABASE_URL %w", urlFault(err))
	}
	setParameters(config, "codegenapp migrate")
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockInterval, maxLockAttempts))
	if err != nil {
		return nil, fmt.Errorf("make the migration lock: %w", err)
	}
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := setDirect(ctx, conn, map[string]string{"idle_in_transaction_session_timeout": "60s"})
		return err
	}))
	provider, err := goose.NewProvider(goose.DialectPostgres, pool, Migrations(), goose.WithSessionLocker(locker))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the migrations: %w", err), pool.Close())
	}
	return &Migrator{goose: provider, pool: pool, owner: config}, nil
}

// Close closes the connections.
func (m *Migrator) Close() error { return m.pool.Close() }

// Applied is a migration that was applied.
type Applied struct {
	Name string
	Took time.Duration
}

// Changes are what Up has done.
type Changes struct {
	Applied []Applied
	// Database is the name of the database. Excluded are the login roles that could
	// connect to it only because every role could.
	Database string
	Excluded []string
}

// Up applies every migration that is missing, each in its own transaction. Then it
// grants the service's rights to the role of serviceURL.
func (m *Migrator) Up(ctx context.Context, serviceURL string) (Changes, error) {
	state, err := m.inspect(ctx)
	if err == nil {
		err = state.canMigrate()
	}
	if err != nil {
		return Changes{}, err
	}
	results, err := m.goose.Up(ctx)
	if err != nil {
		return Changes{}, fmt.Errorf("migrate up: %w", state.explain(err))
	}
	changes := Changes{Database: state.Database}
	for _, r := range results {
		changes.Applied = append(changes.Applied, Applied{Name: r.Source.Path, Took: r.Duration})
	}
	changes.Excluded, err = m.grant(ctx, state, serviceURL)
	return changes, err
}

// Down rolls back the newest migration and returns its name.
func (m *Migrator) Down(ctx context.Context) (string, error) {
	state, err := m.inspect(ctx)
	if err != nil {
		return "", err
	}
	result, err := m.goose.Down(ctx)
	if errors.Is(err, goose.ErrNoNextVersion) {
		return "", errors.New("no migration is applied, so none can be rolled back")
	}
	if err != nil {
		return "", fmt.Errorf("migrate down: %w", state.explain(err))
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
	state, err := m.inspect(ctx)
	if err != nil {
		return nil, err
	}
	found, err := m.goose.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the status of the migrations: %w", state.explain(err))
	}
	all := make([]MigrationStatus, len(found))
	for i, s := range found {
		all[i] = MigrationStatus{Name: s.Source.Path, At: s.AppliedAt}
	}
	return all, nil
}

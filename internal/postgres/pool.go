// Package postgres stores data: it implements the Store interfaces of packages
// requirements and auth over PostgreSQL 14 or newer.
//
// Every statement for a caller runs in a tenant scope (rls.go). In the same round
// trip the transaction takes on the service's role and the caller's id, for
// row-level security, and checks that the session is live. A read takes one round
// trip, a write two. The package contains no business rule and nothing of HTTP.
package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

const (
	// connectTimeout bounds the opening of a connection.
	connectTimeout = 2 * time.Second
	// acquireTimeout bounds the wait for a connection. Package admission lets no more
	// requests work than there are connections, and reserves some for ends of sessions
	// and health checks. So a request waits only while connections are opened.
	acquireTimeout = 500 * time.Millisecond
)

// Config holds the settings of a Store.
type Config struct {
	// URL is a connection URL or DSN; several hosts are allowed.
	URL string
	// PoolSize connections stay open; up to MaxOverflow more are opened under load.
	PoolSize, MaxOverflow int
	// ExecMode is cache_statement, or cache_describe or exec behind a pooler that
	// does not support prepared statements. Empty means cache_statement.
	ExecMode string
	// Trace, if not nil, is called before statements are sent together, with their
	// names. The function that it returns is called with how they failed: an SQLSTATE
	// or a word, empty for success.
	Trace func(ctx context.Context, statements []string) (context.Context, func(failure string))
	// Hold, if not nil, is called with the size of each row before it is read. Its error
	// ends the query.
	Hold func(ctx context.Context, bytes int) error
	// Dial, if not nil, changes how connections are made.
	Dial func(*pgx.ConnConfig)
}

// Store implements the Store interfaces of packages requirements and auth.
type Store struct {
	pool *pgxpool.Pool
	// pooled is true behind a pooler in transaction mode: connections have no
	// settings of their own.
	pooled atomic.Bool
	// acquireFailures counts the requests that got no connection.
	acquireFailures atomic.Int64
	hold            holdFunc
}

var (
	_ requirements.Store = (*Store)(nil)
	_ auth.Store         = (*Store)(nil)
)

// Open returns a store. It does not wait for the database: until the database can
// be reached, calls fail with Unavailable.
func Open(ctx context.Context, c Config) (*Store, error) {
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL %w", urlFault(err))
	}
	mode, ok := execModes[c.ExecMode]
	if !ok {
		return nil, fmt.Errorf("unknown exec mode %q", c.ExecMode)
	}
	config.ConnConfig.DefaultQueryExecMode = mode
	setParameters(config.ConnConfig, "codegenapp")
	config.MaxConns = int32(c.PoolSize + c.MaxOverflow) //nolint:gosec // settings bound both
	config.MinConns = int32(c.PoolSize)                 //nolint:gosec // settings bound both
	config.MaxConnIdleTime = time.Minute
	config.HealthCheckPeriod = 5 * time.Second
	s := &Store{hold: c.Hold}
	if s.hold == nil {
		s.hold = func(context.Context, int) error { return nil }
	}
	config.BeforeConnect = reloadTLS(c.URL)
	config.AfterConnect = s.prepareConn
	if c.Trace != nil {
		config.ConnConfig.Tracer = tracer{c.Trace}
	}
	if c.Dial != nil {
		c.Dial(config.ConnConfig)
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open the connection pool: %w", err)
	}
	return s, nil
}

// prepareConn sets up a new connection.
//
//   - Ids are known as uuid in exec mode too, which does not query PostgreSQL for
//     the types of parameters.
//   - The timeouts also bound the preparation of a statement. An idle connection has
//     none: the pool closes it itself.
//   - Each statement is planned once, for any values: the plan depends on the
//     indexes, never on whose rows they are, and planning costs more than running.
//   - A read without BEGIN is repeatable read, so all its queries see one snapshot.
//   - Defaults of the role or the database, of which the service knows nothing, do not
//     apply to schemas and row-level security.
//
// Behind a pooler nothing is set (setDirect). What a transaction needs it sets itself
// (rls.go).
func (s *Store) prepareConn(ctx context.Context, conn *pgx.Conn) error {
	types := conn.TypeMap()
	types.RegisterDefaultPgType([16]byte{}, "uuid")
	types.RegisterDefaultPgType(db.ItemIDs{}, "_uuid")
	direct, err := setDirect(ctx, conn, map[string]string{
		"statement_timeout": "3s", "lock_timeout": "1s", "idle_in_transaction_session_timeout": "10s",
		"plan_cache_mode": "force_generic_plan", "default_transaction_isolation": "repeatable read",
	})
	if err == nil && !direct {
		s.pooled.Store(true)
	}
	return err
}

var execModes = map[string]pgx.QueryExecMode{
	"":                pgx.QueryExecModeCacheStatement,
	"cache_statement": pgx.QueryExecModeCacheStatement,
	"cache_describe":  pgx.QueryExecModeCacheDescribe,
	"exec":            pgx.QueryExecModeExec,
}

// Close waits for connections in use and closes the pool.
func (s *Store) Close() { s.pool.Close() }

// Ping returns nil if the database responds.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return translate(err)
	}
	return nil
}

// acquire takes a connection from the pool. A pool that is exhausted or cannot connect
// is Unavailable.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		s.acquireFailures.Add(1)
		if sqlState(err) != "" {
			err = connectFailure(err)
		}
		return nil, unavailable(fmt.Errorf("acquire a connection: %w", err))
	}
	return conn, nil
}

// PoolStats describes the connections, and the waits for one.
type PoolStats struct {
	Active, Open, Max int32
	// Waits counts the times that no connection was idle, Waited is how long they took
	// in all, Failures counts those without a connection in the end, Opened the
	// connections that were opened.
	Waits, Failures, Opened int64
	Waited                  time.Duration
}

// PoolStats describes the connections now.
func (s *Store) PoolStats() PoolStats {
	now := s.pool.Stat()
	return PoolStats{
		Active: now.AcquiredConns(), Open: now.TotalConns(), Max: now.MaxConns(), Opened: now.NewConnsCount(),
		Waits: now.EmptyAcquireCount(), Waited: now.EmptyAcquireWaitTime(), Failures: s.acquireFailures.Load(),
	}
}

// Package postgres keeps data: it implements the stores of packages outline and
// identity over PostgreSQL 14 or newer.
//
// Every statement it sends for a caller is confined: in the same round trip the
// transaction takes on the service's role and the caller's id, for row-level
// security, and checks that the session is live (confine.go). A read costs one
// round trip, a change two. It knows no HTTP and no business rule.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// connectTimeout is how long a connection may take.
const connectTimeout = 2 * time.Second

// Config says how to reach the database.
type Config struct {
	// URL is a connection URL or DSN; several hosts are allowed.
	URL string
	// PoolSize connections are kept, MaxOverflow more are opened under load.
	PoolSize, MaxOverflow int
	// ExecMode is cache_statement, or cache_describe or exec where a pooler
	// stands between that does not know prepared statements.
	ExecMode string
	// Trace, where set, is told of statements that are sent together, by their names,
	// and what it returns of how they failed: an SQLSTATE or a word, empty for
	// success.
	Trace func(ctx context.Context, statements []string) (context.Context, func(failure string))
	// Dial replaces the way connections are made; nil for the usual one.
	Dial func(*pgx.ConnConfig)
}

// Store is the stores of packages outline and identity.
type Store struct {
	pool    *pgxpool.Pool
	sharing sharing
	// acquireFailures counts the requests that got no connection.
	acquireFailures atomic.Int64
	// tracer is told of flights that are shared; pgx tells it of all others.
	tracer pgx.BatchTracer
}

var (
	_ requirements.Store = (*Store)(nil)
	_ auth.Store         = (*Store)(nil)
)

// Open returns a store. It does not wait for the database: a store that cannot
// reach it yet answers Unavailable until it can.
func Open(ctx context.Context, c Config) (*Store, error) {
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		// The parser's error may repeat the URL, which holds the password.
		return nil, errors.New("DATABASE_URL is not a PostgreSQL connection URL")
	}
	mode, ok := execModes[c.ExecMode]
	if !ok {
		return nil, fmt.Errorf("unknown exec mode %q", c.ExecMode)
	}
	config.ConnConfig.DefaultQueryExecMode = mode
	config.ConnConfig.RuntimeParams["application_name"] = "codegenapp"
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.MaxConns = int32(c.PoolSize + c.MaxOverflow) //nolint:gosec // settings bound both
	config.MinConns = int32(c.PoolSize)                 //nolint:gosec // settings bound both
	config.MaxConnIdleTime = time.Minute
	config.HealthCheckPeriod = 5 * time.Second
	config.ShouldPing = shouldPing
	s := &Store{sharing: sharing{most: max(1, c.PoolSize/2)}}
	s.sharing.off.Store(mode != pgx.QueryExecModeCacheStatement)
	config.AfterConnect = s.prepareConn
	if c.Trace != nil {
		config.ConnConfig.Tracer = tracer{c.Trace}
	}
	if c.Dial != nil {
		c.Dial(config.ConnConfig)
	}
	s.tracer, _ = config.ConnConfig.Tracer.(pgx.BatchTracer)
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("open the connection pool: %w", err)
	}
	return s, nil
}

// prepareConn makes a new connection ready: what a statement waits for is bounded
// also while it is prepared, and our ids are known as uuid where PostgreSQL is
// not asked for the types first (exec mode). Each statement is planned once, for
// any values: what it takes is a matter of indexes, never of whose rows they are,
// and planning costs more than running it. And a read that is a transaction without
// a begin shows one moment, however many queries it has.
//
// A pooler would keep these settings on one of its connections, which it lends to
// others next. It shows by the process id, which is not that of the connection's
// server: nothing is set, and reads do not share connections any more. What a
// transaction needs it sets for itself (confine.go).
func (s *Store) prepareConn(ctx context.Context, conn *pgx.Conn) error {
	types := conn.TypeMap()
	types.RegisterDefaultPgType([16]byte{}, "uuid")
	types.RegisterDefaultPgType([]requirements.ItemID{}, "_uuid")
	set, err := conn.Exec(ctx, `
SELECT set_config('statement_timeout', '3s', false), set_config('lock_timeout', '1s', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('default_transaction_isolation', 'repeatable read', false)
WHERE  pg_backend_pid() = $1`, pgx.QueryExecModeExec, int32(conn.PgConn().PID())) //nolint:gosec // a pooler's may be any number
	if err == nil && set.RowsAffected() == 0 {
		s.sharing.off.Store(true)
	}
	return err
}

var execModes = map[string]pgx.QueryExecMode{
	"":                pgx.QueryExecModeCacheStatement,
	"cache_statement": pgx.QueryExecModeCacheStatement,
	"cache_describe":  pgx.QueryExecModeCacheDescribe,
	"exec":            pgx.QueryExecModeExec,
}

// ValidURL reports whether u is a connection URL that can be read.
func ValidURL(u string) bool {
	_, err := pgxpool.ParseConfig(u)
	return err == nil && (strings.HasPrefix(u, "postgres://") || strings.HasPrefix(u, "postgresql://"))
}

// Close waits for connections in use and closes all.
func (s *Store) Close() { s.pool.Close() }

// Ping is nil if the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.pool.Ping(ctx); err != nil {
		return translate(err)
	}
	return nil
}

// unavailable is the fault of a database that cannot be reached.
func unavailable(cause error) error {
	f := problem.New(problem.Unavailable, "The database cannot be reached at the moment. Repeat the request shortly.")
	f.RetryAfter = time.Second
	return f.Because(cause)
}

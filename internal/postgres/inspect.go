package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ServerInfo describes a database server, for operators.
type ServerInfo struct {
	// Version is 150018 for 15.18; VersionText is as PostgreSQL writes it.
	Version     int
	VersionText string
	// MaxConnections does not count those reserved for superusers.
	MaxConnections int
	// Durable is false if a crash may lose what was committed.
	Durable bool
	// Standby is true for a read-only server.
	Standby bool
	// Encrypted is true if this connection uses TLS.
	Encrypted bool
	// ClockAhead is how far the server's clock is ahead of the local one.
	ClockAhead time.Duration
	// TablesWithoutRLS are the tables with an owner for which row-level security is
	// not both enabled and forced.
	TablesWithoutRLS []string
}

const inspect = `
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off', pg_is_in_recovery(),
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), clock_timestamp(),
       coalesce((SELECT array_agg(c.relname::text ORDER BY c.relname)
                 FROM   pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 JOIN   pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'owner_id' AND NOT a.attisdropped
                 WHERE  n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)), '{}')`

// Inspect describes the database server at a URL, over a connection of its own. Its
// error says in words why there is no connection, without anything of the URL.
func Inspect(ctx context.Context, url string) (info ServerInfo, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return info, errors.New("it is not a PostgreSQL connection URL")
	}
	config.ConnectTimeout = connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler may not support prepared statements
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return info, connectFailure(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // all results are read
	sent := time.Now()
	var now time.Time
	err = conn.QueryRow(ctx, inspect).Scan(&info.Version, &info.VersionText, &info.MaxConnections, &info.Durable, &info.Standby, &info.Encrypted, &now, &info.TablesWithoutRLS)
	info.ClockAhead = now.Sub(sent.Add(time.Since(sent) / 2))
	return info, hideDetail(err)
}

// CheckRole returns nil if row-level security applies to the role of the
// connection. Otherwise its error is a PowerError.
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
		return &PowerError{"is a superuser or may become one"}
	case bypass:
		return &PowerError{"has BYPASSRLS or may take it on"}
	case owner:
		return &PowerError{"owns the tables or may become their owner"}
	}
	return nil
}

// PowerError reports that the service's role could bypass row-level security.
type PowerError struct{ Why string }

func (e *PowerError) Error() string {
	return "DATABASE_URL: its role " + e.Why + ", so row-level security would not apply to it; give the service a role of its own"
}

// connectFailure describes why the connection failed.
func connectFailure(err error) error {
	switch state := sqlState(err); state {
	case "28P01", "28000":
		return errors.New("it rejects the user or the password")
	case "3D000":
		return errors.New("it has no such database")
	case "53300":
		return errors.New("it has no connections left: max_connections is reached")
	case "57P03":
		return errors.New("it is starting up or shutting down")
	case "":
	default:
		return hideDetail(err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("the host %s does not exist", dns.Name)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", op.Addr, op.Err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no response within %s", connectTimeout)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok { // its text contains user and database
		if inner := errors.Unwrap(err); inner != nil {
			return inner
		}
	}
	return err
}

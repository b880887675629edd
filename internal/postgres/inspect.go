package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServerInfo describes a database server, for operators.
type ServerInfo struct {
	// Version is 150018 for 15.18; VersionText is as PostgreSQL writes it.
	Version     int
	VersionText string
	// Encoding is that of the database, such as UTF8.
	Encoding string
	// MaxConnections does not count those reserved for superusers.
	MaxConnections int
	// Durable is false if a crash may lose what was committed.
	Durable bool
	// Standby is true for a read-only server.
	Standby bool
	// Encrypted is true if this connection uses TLS.
	Encrypted bool
	// Pooled is true behind a pooler.
	Pooled bool
	// RowSecurity is the default of row_security, and Schema the schema that names
	// without one lead to. Direct connections of the service do not depend on either.
	RowSecurity bool
	Schema      string
	// EveryRoleConnects is true if PUBLIC has the right to connect to the database.
	EveryRoleConnects bool
	// ClockAhead is how far the server's clock is ahead of the local one.
	ClockAhead time.Duration
	// TablesWithoutRLS are the tables with an owner for which row-level security is
	// not both enabled and forced.
	TablesWithoutRLS []string
}

const inspect = `
SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_setting('server_encoding'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off', pg_is_in_recovery(),
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), pg_backend_pid(),
       current_setting('row_security') = 'on', coalesce(current_schema()::text, ''),
       EXISTS (SELECT FROM pg_database AS d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
               WHERE  d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT'), clock_timestamp(),
       coalesce((SELECT array_agg(c.relname::text ORDER BY c.relname)
                 FROM   pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 JOIN   pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'owner_id' AND NOT a.attisdropped
                 WHERE  n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)), '{}')`

// Inspect describes the database server at a URL, over a connection of its own. Its
// error says in words why there is no connection, without anything of the URL.
func Inspect(ctx context.Context, url string) (info ServerInfo, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return info, fmt.Errorf("the setting %w", urlFault(err))
	}
	setParameters(config, "codegenapp doctor")
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // a pooler may not support prepared statements
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return info, connectFailure(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // all results are read
	sent := time.Now()
	var now time.Time
	var process uint32
	err = conn.QueryRow(ctx, inspect).Scan(&info.Version, &info.VersionText, &info.Encoding, &info.MaxConnections, &info.Durable, &info.Standby, &info.Encrypted,
		&process, &info.RowSecurity, &info.Schema, &info.EveryRoleConnects, &now, &info.TablesWithoutRLS)
	info.Pooled = process != conn.PgConn().PID()
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

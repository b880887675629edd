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

// ServerInfo is how a database is, for whoever looks after it.
type ServerInfo struct {
	// Version is 150018 for 15.18, Text as PostgreSQL writes it.
	Version int
	Text    string
	// MostConnections is how many others than superusers may have.
	MostConnections int
	// Durable is false if what was committed may be lost with the machine.
	Durable bool
	// Standby is true of a server that takes no changes.
	Standby bool
	// Encrypted is whether this connection is.
	Encrypted bool
	// Ahead is how far its clock is ahead of ours.
	Ahead time.Duration
	// Unwalled are the tables with an owner for which row-level security is not
	// enabled and forced.
	Unwalled []string
}

const examine = `
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off', pg_is_in_recovery(),
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), clock_timestamp(),
       coalesce((SELECT array_agg(c.relname::text ORDER BY c.relname)
                 FROM   pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                 JOIN   pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'owner_id' AND NOT a.attisdropped
                 WHERE  n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity)), '{}')`

// Inspect tells how the database is that a URL names, over a connection of its own.
// Its error says in words why there is none, without what the URL holds.
func Inspect(ctx context.Context, url string) (c ServerInfo, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return c, errors.New("it is not a PostgreSQL connection URL")
	}
	config.ConnectTimeout = connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // what stands between may know no prepared statements
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return c, inWords(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // all was asked
	asked := time.Now()
	var now time.Time
	err = conn.QueryRow(ctx, examine).Scan(&c.Version, &c.Text, &c.MostConnections, &c.Durable, &c.Standby, &c.Encrypted, &now, &c.Unwalled)
	answered := time.Now()
	c.Ahead = now.Sub(asked.Add(answered.Sub(asked) / 2))
	return c, hideDetail(err)
}

// inWords says why there is no connection.
func inWords(err error) error {
	switch state := sqlState(err); state {
	case "28P01", "28000":
		return errors.New("it refuses the user or the password")
	case "3D000":
		return errors.New("it has no such database")
	case "53300":
		return errors.New("it has no connection left: max_connections is used up")
	case "57P03":
		return errors.New("it is starting up or shutting down")
	case "":
	default:
		return hideDetail(err)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fmt.Errorf("there is no host %s", dns.Name)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", op.Addr, op.Err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", connectTimeout)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok { // its own words hold user and database
		if inner := errors.Unwrap(err); inner != nil {
			return inner
		}
	}
	return err
}

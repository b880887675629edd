package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// CheckURL returns nil if u is a valid connection URL. Its error is the rest of a
// sentence that begins with the name of the setting. It contains no password.
func CheckURL(u string) error {
	if !strings.HasPrefix(u, "postgres://") && !strings.HasPrefix(u, "postgresql://") {
		return errURL
	}
	if _, err := pgxpool.ParseConfig(u); err != nil {
		return urlFault(err)
	}
	return nil
}

var errURL = errors.New("is not a PostgreSQL connection URL: postgres://user:password@host:5432/database")

// urlFault describes an error of the parser, whose own text may repeat the password.
func urlFault(err error) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("names the file %s, which cannot be read: %w", file.Path, file.Err)
	}
	// The parser has no errors of its own for these; without a match the text is only
	// less specific.
	for words, fault := range map[string]string{
		"unable to add CA to cert pool": "names an sslrootcert that contains no certificate in PEM",
		"sslmode is invalid":            "has an sslmode other than disable, allow, prefer, require, verify-ca and verify-full",
		`both "sslcert" and "sslkey"`:   "has only one of sslcert and sslkey, which are needed together",
	} {
		if strings.Contains(err.Error(), words) {
			return errors.New(fault)
		}
	}
	return errURL
}

// reloadTLS returns a function that reads the files which a connection URL names for
// TLS again: authorities, and a certificate and key of the client. While they cannot be
// used, because they are being written, the connection uses what was read last.
func reloadTLS(u string) func(context.Context, *pgx.ConnConfig) error {
	var last atomic.Pointer[pgxpool.Config]
	return func(_ context.Context, conn *pgx.ConnConfig) error {
		if now, err := pgxpool.ParseConfig(u); err == nil {
			last.Store(now)
		}
		if now := last.Load(); now != nil {
			conn.TLSConfig, conn.Fallbacks = now.ConnConfig.TLSConfig, now.ConnConfig.Fallbacks
		}
		return nil
	}
}

// setParameters sets what a connection begins with, whatever the defaults of its
// role, its database or the server: how texts and times are written, in which the
// driver expects these forms. Every pooler knows these parameters.
func setParameters(config *pgx.ConnConfig, application string) {
	maps.Copy(config.RuntimeParams, map[string]string{
		"application_name": application, "client_encoding": "UTF8", "datestyle": "ISO, MDY", "timezone": "UTC",
	})
	config.ConnectTimeout = connectTimeout
}

// directSettings are the settings of every direct connection.
//
// The first ones make the server notice within a minute that the machine at the other
// end is gone, and release its locks. By default that takes more than two hours.
var directSettings = map[string]string{
	"tcp_keepalives_idle": "30s", "tcp_keepalives_interval": "10s", "tcp_keepalives_count": "3",
	"idle_session_timeout": "0", "row_security": "on", "search_path": "public",
}

// linuxSettings are further ones, which servers on other systems reject: how long
// sent data may stay without acknowledgement, and how often a running statement looks
// whether its client is still connected.
var linuxSettings = map[string]string{"tcp_user_timeout": "60s", "client_connection_check_interval": "5s"}

// setDirect sets directSettings and more on a connection. Behind a pooler they would
// stay on a connection that other clients use next. A pooler is recognized by its
// process id, which is not that of the server's process: then nothing is set, and
// direct is false.
func setDirect(ctx context.Context, conn *pgx.Conn, more map[string]string) (direct bool, err error) {
	all := maps.Clone(directSettings)
	maps.Copy(all, more)
	var calls, onLinux []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		calls = append(calls, fmt.Sprintf("set_config('%s', '%s', false)", name, all[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(linuxSettings)) {
		onLinux = append(onLinux, fmt.Sprintf("CASE WHEN version() LIKE '%%linux%%' THEN set_config('%s', '%s', false) END", name, linuxSettings[name]))
	}
	direct, err = callDirect(ctx, conn, slices.Concat(calls, onLinux))
	if sqlState(err) != "" { // some managed services do not allow the last ones
		direct, err = callDirect(ctx, conn, calls)
	}
	return direct, err
}

// callDirect calls functions on a direct connection, and nothing behind a pooler.
func callDirect(ctx context.Context, conn *pgx.Conn, calls []string) (direct bool, err error) {
	sql := "SELECT " + strings.Join(calls, ", ") + " WHERE pg_backend_pid() = $1"
	set, err := conn.Exec(ctx, sql, pgx.QueryExecModeExec, int32(conn.PgConn().PID())) //nolint:gosec // a pooler's may be any number
	return err == nil && set.RowsAffected() == 1, err
}

// connectFailures describe the SQLSTATEs with which a server rejects a connection.
var connectFailures = map[string]string{
	"28P01": "it rejects the user or the password",
	"28000": "it rejects the user, or its pg_hba.conf has no entry for this client",
	"3D000": "it has no such database",
	"42501": "its role may not connect to the database: run codegenapp migrate up with DATABASE_URL and MIGRATION_DATABASE_URL set, or GRANT CONNECT ON DATABASE",
	"53300": "it has no connections left: max_connections, or the connection limit of the role or the database, is reached",
	"57P03": "it is starting up or shutting down",
}

// connectFailure describes why the connection failed.
func connectFailure(err error) error {
	if state := sqlState(err); connectFailures[state] != "" {
		return errors.New(connectFailures[state])
	} else if state != "" {
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

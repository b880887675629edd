// Package pgserver starts and stops a private PostgreSQL from binaries found on the
// machine, for `codegenapp dev` and for tests.
//
// It knows nothing about the schema: the caller gets the URL of an empty cluster. It
// needs no service manager and no privileges. As root it runs the server as another
// user, because PostgreSQL refuses to run as root. A server ends with the process that
// started it: on Linux also after kill -9; on other systems the next start ends it.
package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Config configures a server.
type Config struct {
	// Dir contains the lock, the password, the port, the server's log and the data. The
	// port stays the same from start to start, unless another process has it. Dir is created
	// if missing, and never removed. As root, if the account of PostgreSQL cannot reach
	// Dir, the data are in /var/lib/codegenapp, and Dir/postgres is a link to them.
	Dir string
	// Settings are those of postgresql.conf, such as "fsync": "off". Address, port and
	// log destination cannot be set.
	Settings map[string]string
	// Log may be nil. PostgreSQL's own log is Dir/postgres.log.
	Log *slog.Logger
}

// Server is a running PostgreSQL, a child of this process.
type Server struct {
	log      *slog.Logger
	port     int
	password string
	version  string
	child    *child
	stopping atomic.Bool
	done     chan struct{}
}

// machine is what Start assumes about the computer. Tests replace it.
type machine struct {
	binaries finder
	// stash is the directory for data that PostgreSQL could not reach in Dir.
	stash    string
	freePort func() (int, error)
	// grace is how long a leftover server has to exit after each signal.
	grace time.Duration
}

func defaultMachine() machine {
	return machine{
		binaries: knownDirectories(),
		stash:    "/var/lib/codegenapp",
		freePort: freePort,
		grace:    10 * time.Second,
	}
}

// Start starts a server and returns once it accepts connections. ctx limits the start,
// not the lifetime of the server. Start first stops a server that a dead process has
// left running in c.Dir. It returns ErrInUse if a live process uses c.Dir.
func Start(ctx context.Context, c Config) (*Server, error) {
	return start(ctx, c, defaultMachine())
}

func start(ctx context.Context, c Config, m machine) (*Server, error) {
	if c.Dir == "" {
		return nil, errors.New("start PostgreSQL: no directory given")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h, err := openDataDir(ctx, c.Dir, m.stash, c.Log)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	s, err := h.start(ctx, c.Settings, m)
	if err != nil {
		h.release()
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	go s.watch(context.WithoutCancel(ctx), h)
	return s, nil
}

// start creates the cluster if it does not exist, and runs a server on it.
func (h *dataDir) start(ctx context.Context, settings map[string]string, m machine) (*Server, error) {
	if err := h.takeOver(ctx, m.grace); err != nil {
		return nil, fmt.Errorf("stop an earlier server: %w", err)
	}
	major, err := h.clusterVersion()
	if err != nil {
		return nil, err
	}
	bin, err := m.binaries.find(ctx, h, major)
	if err != nil {
		return nil, err
	}
	password, err := h.password(major != 0)
	if err != nil {
		return nil, err
	}
	if major == 0 {
		if err := h.initCluster(ctx, bin, password); err != nil {
			return nil, fmt.Errorf("create a database cluster: %w", err)
		}
	}
	c, port, err := h.launch(ctx, bin, settings, m.freePort)
	if err != nil {
		return nil, err
	}
	h.log.DebugContext(ctx, "PostgreSQL is ready", "version", bin.version.text, "port", port, "data", h.data())
	return &Server{
		log: h.log, port: port, password: password, version: bin.version.text,
		child: c, done: make(chan struct{}),
	}, nil
}

// watch unlocks the directory once the server has ended, so that a new one can start
// there, also after a crash.
func (s *Server) watch(ctx context.Context, h *dataDir) {
	<-s.child.done
	h.release()
	if !s.stopping.Load() {
		s.log.ErrorContext(ctx, "PostgreSQL has stopped by itself", "error", s.child.err, "server_log", h.logPath())
	}
	close(s.done)
}

// URL returns the URL of a database for the superuser "postgres", including the
// password. The database need not exist.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort(loopback, strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Version returns the version that the server reports, such as "17.2".
func (s *Server) Version() string { return s.version }

// Done returns a channel that is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop shuts the server down in order and waits until it has ended. When ctx is done
// before, the server stops at once and Stop returns an error; the next start then
// recovers, and nothing committed is lost. Further calls wait and return nil.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Store(true)
	err := s.child.stop(ctx)
	<-s.done
	if err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// Provision creates the database and an unprivileged login role if they are missing, and
// returns the URL of the database for that role. The role gets a new password each time,
// so its password is stored nowhere.
func (s *Server) Provision(ctx context.Context, database, role string) (roleURL string, err error) {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", fmt.Errorf("connect to the private PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if err := createMissing(ctx, conn, "SELECT FROM pg_database WHERE datname = $1", "CREATE DATABASE", database); err != nil {
		return "", err
	}
	if err := createMissing(ctx, conn, "SELECT FROM pg_roles WHERE rolname = $1", "CREATE ROLE", role); err != nil {
		return "", err
	}
	password := rand.Text() // letters and digits, which need no quoting
	alter := fmt.Sprintf("ALTER ROLE %s LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '%s'", pgx.Identifier{role}.Sanitize(), password)
	if _, err := conn.Exec(ctx, alter); err != nil {
		return "", fmt.Errorf("set the password of role %s: %w", role, err)
	}
	u, err := url.Parse(s.URL(database))
	if err != nil {
		return "", fmt.Errorf("parse the server's own URL: %w", err)
	}
	u.User = url.UserPassword(role, password)
	return u.String(), nil
}

func createMissing(ctx context.Context, conn *pgx.Conn, query, create, name string) error {
	tag, err := conn.Exec(ctx, query, name)
	if err == nil && tag.RowsAffected() == 0 {
		_, err = conn.Exec(ctx, create+" "+pgx.Identifier{name}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", create, name, err)
	}
	return nil
}

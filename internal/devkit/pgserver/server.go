// Package pgserver starts a private, real PostgreSQL from binaries found on the
// machine, and stops it again. `codegenapp dev` keeps its data in one; tests
// throw theirs away.
//
// It knows nothing of the schema: whoever starts a server gets the address of a
// cluster and puts into it what he likes. It needs no service manager and no
// rights; as root it runs the server as somebody else, because PostgreSQL refuses
// root. A server ends with the process that started it, also by kill -9 where
// the system is Linux; elsewhere the next start ends it.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// Config says where a server keeps its things and how it is set.
type Config struct {
	// Dir holds the lock, the password, the server's log and the data. It is
	// made if it is missing, and kept. As root the data are in
	// /var/lib/codegenapp, behind the symbolic link Dir/postgres, when the
	// user that runs PostgreSQL cannot reach Dir.
	Dir string
	// Settings are those of postgresql.conf, such as "fsync": "off". Address,
	// port and the destination of the log are not the caller's to set.
	Settings map[string]string
	// Log may be nil. PostgreSQL's own log is Dir/postgres.log.
	Log *slog.Logger
}

// Server is a running PostgreSQL that belongs to this process.
type Server struct {
	log      *slog.Logger
	port     int
	password string
	version  string
	child    *child
	stopping atomic.Bool
	done     chan struct{}
}

// machine is what Start assumes of the computer. Tests assume otherwise.
type machine struct {
	binaries finder
	// stash is where root keeps data that PostgreSQL could not reach in Dir.
	stash    string
	freePort func() (int, error)
	// grace is how long a leftover server gets to follow each signal.
	grace time.Duration
}

func thisMachine() machine {
	return machine{
		binaries: usualPlaces(),
		stash:    "/var/lib/codegenapp",
		freePort: freePort,
		grace:    10 * time.Second,
	}
}

// Start returns when the server answers. ctx limits the start, not the life of
// the server. A server that an earlier process left running in c.Dir is stopped
// first; one that another living process holds is an error.
func Start(ctx context.Context, c Config) (*Server, error) {
	return start(ctx, c, thisMachine())
}

func start(ctx context.Context, c Config, m machine) (*Server, error) {
	if c.Dir == "" {
		return nil, errors.New("start PostgreSQL: no directory given")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	h, err := openHome(ctx, c.Dir, m.stash, c.Log)
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

// start makes the cluster if there is none, and runs a server on it.
func (h *home) start(ctx context.Context, settings map[string]string, m machine) (*Server, error) {
	if err := h.takeOver(ctx, m.grace); err != nil {
		return nil, fmt.Errorf("take over from an earlier server: %w", err)
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
			return nil, fmt.Errorf("make a database cluster: %w", err)
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

// watch gives the directory back as soon as nothing runs in it, so that a new
// server can start there whether or not this one was stopped by its owner.
func (s *Server) watch(ctx context.Context, h *home) {
	<-s.child.done
	h.release()
	if !s.stopping.Load() {
		s.log.ErrorContext(ctx, "PostgreSQL ended by itself", "error", s.child.err, "server_log", h.logPath())
	}
	close(s.done)
}

// URL is the address of a database for the superuser "postgres", with the
// password in it. The database need not exist.
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

// Version is the version of the server as it tells it, such as "17.2".
func (s *Server) Version() string { return s.version }

// Done is closed when the server has ended, by Stop or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// Stop ends connections, writes everything to disk and waits for the end. When
// ctx is done before that, the server stops at once: it then recovers at its
// next start, nothing committed is lost, and Stop returns an error. Further
// calls wait and return nil.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Store(true)
	err := s.child.stop(ctx)
	<-s.done
	if err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// Package harness starts and stops the processes of a benchmark: a private PostgreSQL
// and Redis, a sign-in issuer, and the measured servers. Everything listens on loopback,
// and the child processes end with the process that started them.
//
// It does not know the scenarios.
package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/devkit/pgserver"
)

// stopTimeout bounds the stop of all parts.
const stopTimeout = 30 * time.Second

// ClientID is the OAuth client of the issuer.
const ClientID = "codegenapp-bench"

// role is the login of servers; it has no rights of its own.
const role = "codegenapp_service"

// settings are those of PostgreSQL. Commits are durable: fsync and synchronous_commit
// keep their defaults. Memory and WAL are large enough that no checkpoint happens during
// a measurement.
func settings(sharedBuffers string) map[string]string {
	return map[string]string{
		"shared_buffers":               sharedBuffers,
		"max_wal_size":                 "8GB",
		"checkpoint_completion_target": "0.9",
		"max_connections":              "400",
		"jit":                          "off",
	}
}

// Harness holds the processes that all servers share.
type Harness struct {
	// Dir is a directory that is removed with the harness.
	Dir          string
	Issuer       *issuer.Issuer
	database     *pgserver.Server
	redis        *Redis
	issuerServer *http.Server
	address      string
	started      []*Process
	// postmaster is the parent of all processes of PostgreSQL.
	postmaster int
}

// Start starts the parts. PostgreSQL keeps its data below dir, which must exist;
// the database may have the given amount of memory, such as 1GB.
func Start(ctx context.Context, dir, sharedBuffers string) (s *Harness, err error) {
	s = &Harness{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if s.Dir, err = os.MkdirTemp(dir, "codegenapp-bench-"); err != nil {
		return s, fmt.Errorf("make a directory: %w", err)
	}
	// As root, PostgreSQL runs as another user, which needs access to its directory.
	if err := os.Chmod(s.Dir, 0o711); err != nil { //nolint:gosec // see above
		return s, fmt.Errorf("open the directory: %w", err)
	}
	home := filepath.Join(s.Dir, "postgres")
	if s.database, err = pgserver.Start(ctx, pgserver.Config{Dir: home, Settings: settings(sharedBuffers)}); err != nil {
		return s, err
	}
	if s.postmaster, err = postmaster(home); err != nil {
		return s, err
	}
	if s.redis, err = startRedis(ctx, filepath.Join(s.Dir, "redis")); err != nil {
		return s, err
	}
	return s, s.openIssuer(ctx)
}

// postmaster reads the process id from the postmaster's file.
func postmaster(home string) (int, error) {
	file, err := os.ReadFile(filepath.Join(home, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	line, _, _ := strings.Cut(string(file), "\n")
	return strconv.Atoi(line)
}

func (s *Harness) openIssuer(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for sign-ins: %w", err)
	}
	s.address = "http://" + listener.Addr().String()
	s.Issuer, err = issuer.New(issuer.Config{
		URL:     s.address,
		Clients: []issuer.Client{{ID: ClientID, RedirectURIs: []string{s.address}}},
		Users:   []issuer.User{{Email: "user@example.com"}},
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.issuerServer = &http.Server{Handler: s.Issuer, ReadHeaderTimeout: stopTimeout}
	go func() { _ = s.issuerServer.Serve(listener) }() // it ends when the harness is closed
	return nil
}

// Close stops everything, in reverse order of the start.
func (s *Harness) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	for _, p := range slices.Backward(s.started) {
		p.Stop()
	}
	var errs []error
	if s.issuerServer != nil {
		errs = append(errs, s.issuerServer.Close())
	}
	if s.redis != nil {
		s.redis.process.Stop()
	}
	if s.database != nil {
		errs = append(errs, s.database.Stop(ctx))
	}
	return errors.Join(append(errs, s.removeDir())...)
}

// removeDir removes the directory, and the data behind the link in it that pgserver makes
// if PostgreSQL has no access to the directory.
func (s *Harness) removeDir() error {
	if s.Dir == "" {
		return nil
	}
	var behind error
	if target, err := os.Readlink(filepath.Join(s.Dir, "postgres", "postgres")); err == nil {
		behind = os.RemoveAll(target)
	}
	return errors.Join(behind, os.RemoveAll(s.Dir))
}

// IssuerURL is the URL of the issuer.
func (s *Harness) IssuerURL() string { return s.address }

// Redis is the private Redis.
func (s *Harness) Redis() *Redis { return s.redis }

// Postmaster is the id of the parent of all processes of PostgreSQL.
func (s *Harness) Postmaster() int { return s.postmaster }

// Versions is the version of PostgreSQL.
func (s *Harness) Versions() string { return "PostgreSQL " + s.database.Version() }

// Database is a database with its URLs.
type Database struct {
	Name string
	// Superuser is for the benchmark itself, Service for servers.
	Superuser, Service string
}

// Provision creates databases and the login of servers. The login gets a new password
// each time, so create all databases before the first server starts.
func (s *Harness) Provision(ctx context.Context, names ...string) ([]Database, error) {
	var made []Database
	for _, name := range names {
		if _, err := s.database.Provision(ctx, name, role); err != nil {
			return nil, err
		}
		made = append(made, Database{Name: name, Superuser: s.database.URL(name)})
	}
	service, err := s.database.Provision(ctx, names[0], role)
	if err != nil {
		return nil, err
	}
	for n := range made {
		made[n].Service = strings.Replace(service, "/"+names[0]+"?", "/"+names[n]+"?", 1)
	}
	return made, nil
}

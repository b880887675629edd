// Package stage starts what a benchmark needs, and ends all of it again: a
// PostgreSQL and a Redis of its own, a sign-in issuer, and the servers that are
// to be measured. Everything listens on loopback, and what is started dies with
// the process that started it.
//
// It knows how things are started, not what they are measured for.
package stage

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

// stopWithin is how long each part may take to stop in order.
const stopWithin = 30 * time.Second

// ClientID is whom the issuer signs in for.
const ClientID = "codegenapp-bench"

// role is the login of servers; it has no power of its own.
const role = "codegenapp_service"

// settings are those of PostgreSQL. What is answered is on disk: fsync and
// synchronous_commit are on, as they are by default. Memory and WAL are enough
// that nothing has to be written in the middle of a turn.
func settings(sharedBuffers string) map[string]string {
	return map[string]string{
		"shared_buffers":               sharedBuffers,
		"max_wal_size":                 "8GB",
		"checkpoint_completion_target": "0.9",
		"max_connections":              "400",
		"jit":                          "off",
	}
}

// Stage is the parts that all servers share.
type Stage struct {
	// Dir is a directory that ends with the stage.
	Dir      string
	Issuer   *issuer.Issuer
	database *pgserver.Server
	redis    *Redis
	signIns  *http.Server
	address  string
	started  []*Process
	// postmaster is the process that all of PostgreSQL descends from.
	postmaster int
}

// Open starts the parts. PostgreSQL keeps its data below dir, which must exist;
// the database may have the given amount of memory, such as 1GB.
func Open(ctx context.Context, dir, sharedBuffers string) (s *Stage, err error) {
	s = &Stage{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close(context.WithoutCancel(ctx)))
		}
	}()
	if s.Dir, err = os.MkdirTemp(dir, "codegenapp-bench-"); err != nil {
		return s, fmt.Errorf("make a directory: %w", err)
	}
	// PostgreSQL runs as somebody else where we are root, and has to pass.
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

// postmaster reads the process that a private server has written down.
func postmaster(home string) (int, error) {
	file, err := os.ReadFile(filepath.Join(home, "postgres", "data", "postmaster.pid"))
	if err != nil {
		return 0, fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	line, _, _ := strings.Cut(string(file), "\n")
	return strconv.Atoi(line)
}

func (s *Stage) openIssuer(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for sign-ins: %w", err)
	}
	s.address = "http://" + listener.Addr().String()
	s.Issuer, err = issuer.New(issuer.Config{
		URL:     s.address,
		Clients: []issuer.Client{{ID: ClientID, RedirectURIs: []string{s.address}}},
		Users:   []issuer.User{{Email: "nobody@example.com"}},
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.signIns = &http.Server{Handler: s.Issuer, ReadHeaderTimeout: stopWithin}
	go func() { _ = s.signIns.Serve(listener) }() // it ends when the stage is closed
	return nil
}

// Close ends everything, what was started last first.
func (s *Stage) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	for _, p := range slices.Backward(s.started) {
		p.Stop()
	}
	var errs []error
	if s.signIns != nil {
		errs = append(errs, s.signIns.Close())
	}
	if s.redis != nil {
		s.redis.process.Stop()
	}
	if s.database != nil {
		errs = append(errs, s.database.Stop(ctx))
	}
	return errors.Join(append(errs, s.sweep())...)
}

// sweep removes the directory, and the data behind the link in it that
// PostgreSQL makes where it cannot reach the directory.
func (s *Stage) sweep() error {
	if s.Dir == "" {
		return nil
	}
	var behind error
	if target, err := os.Readlink(filepath.Join(s.Dir, "postgres", "postgres")); err == nil {
		behind = os.RemoveAll(target)
	}
	return errors.Join(behind, os.RemoveAll(s.Dir))
}

// IssuerURL is how the issuer calls itself.
func (s *Stage) IssuerURL() string { return s.address }

// Redis is the Redis of the stage.
func (s *Stage) Redis() *Redis { return s.redis }

// Postmaster is the process that all of PostgreSQL descends from.
func (s *Stage) Postmaster() int { return s.postmaster }

// Versions is which PostgreSQL this is.
func (s *Stage) Versions() string { return "PostgreSQL " + s.database.Version() }

// Database is a database with what servers need to reach it.
type Database struct {
	Name string
	// Superuser is for the benchmark itself, Service for servers.
	Superuser, Service string
}

// Provision makes a database and the login of servers. The login gets a new
// password each time, so make all databases before the first server.
func (s *Stage) Provision(ctx context.Context, names ...string) ([]Database, error) {
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

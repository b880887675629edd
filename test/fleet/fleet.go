// Package fleet starts codegenapp as it runs in production, on loopback: replicas of
// the built program over PostgreSQL with a synchronous standby, Redis, and a sign-in
// issuer. Proxies in between can break connections. test/chaos and test/overload use it.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

const (
	clientID    = "codegenapp-fleet"
	stopTimeout = 10 * time.Second
	// drainTimeout is how long a replica may take to serve what it has begun.
	drainTimeout = 40 * time.Second
)

// Fleet is a set of replicas with their databases.
type Fleet struct {
	// Standby replicates Primary. A failover swaps them.
	Primary, Standby *Node
	Redis            *redisserver.Server
	// Database and Cache are the proxies to PostgreSQL and Redis that replicas use.
	Database, Cache *Proxy
	Issuer          *issuer.Issuer
	Replicas        []*Replica

	dir, program string
	issuerServer *http.Server
	issuerURL    string
}

// Config describes a fleet.
type Config struct {
	Replicas int
	// Alone leaves out the standby.
	Alone bool
	// Before is the program of an older release. It migrates the database, and the first
	// OldReplicas run it. The others are not started: they need the newer schema.
	Before      string
	OldReplicas int
	// Settings are additional settings of the replicas, as NAME=value.
	Settings []string
}

// Start starts a fleet. The caller closes it, also after an error.
func Start(ctx context.Context, c Config) (w *Fleet, err error) {
	w = &Fleet{}
	if w.dir, err = os.MkdirTemp("", "codegenapp-fleet-"); err != nil {
		return w, err
	}
	if err := os.Chmod(w.dir, 0o711); err != nil { //nolint:gosec // as root, PostgreSQL runs as another user
		return w, err
	}
	w.program = filepath.Join(w.dir, "codegenapp")
	build := exec.CommandContext(ctx, "go", "build", "-o", w.program, "github.com/codegenapp/codegenapp/cmd/codegenapp") //nolint:gosec // our own program
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := output(build); err != nil {
		return w, err
	}
	if err := w.startDatabase(ctx, c); err != nil {
		return w, err
	}
	if w.Redis, err = redisserver.Start(ctx, w.dir, "--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru"); err != nil {
		return w, err
	}
	if w.Cache, err = NewProxy(ctx, w.Redis.Address); err != nil {
		return w, err
	}
	if err := w.startIssuer(ctx); err != nil {
		return w, err
	}
	for n := range c.Replicas {
		r, err := w.newReplica(ctx, n, c.Settings)
		if err != nil {
			return w, err
		}
		w.Replicas = append(w.Replicas, r)
		if c.Before != "" && n >= c.OldReplicas {
			continue
		}
		r.program = cmp.Or(c.Before, w.program)
		if err := r.Start(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

// startDatabase starts a primary, creates the database, and starts the standby.
func (w *Fleet) startDatabase(ctx context.Context, c Config) error {
	programs, err := findPrograms()
	if err != nil {
		return err
	}
	nodes := []**Node{&w.Primary, &w.Standby}
	if c.Alone {
		nodes = nodes[:1]
	}
	for n, of := range nodes {
		if *of, err = w.newNode(ctx, programs, "postgres-"+strconv.Itoa(n)); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Primary.init(ctx), w.Primary.Start(ctx)); err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE ROLE owner LOGIN CREATEROLE", "CREATE ROLE service LOGIN", "CREATE DATABASE codegenapp OWNER owner",
	} {
		if err := w.Primary.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if err := w.migrate(ctx, cmp.Or(c.Before, w.program)); err != nil {
		return err
	}
	if !c.Alone {
		if err := w.StartStandby(ctx); err != nil {
			return err
		}
	}
	w.Database, err = NewProxy(ctx, w.Primary.Address())
	return err
}

// Migrate brings the database to the schema of this build.
func (w *Fleet) Migrate(ctx context.Context) error { return w.migrate(ctx, w.program) }

func (w *Fleet) migrate(ctx context.Context, program string) error {
	migrate := exec.CommandContext(ctx, program, "migrate", "up")
	migrate.Env = []string{
		"APP_ENV=development", "DATABASE_URL=" + w.Primary.URL("service", "codegenapp"),
		"MIGRATION_DATABASE_URL=" + w.Primary.URL("owner", "codegenapp"),
	}
	return output(migrate)
}

// IssuerURL is where users of the fleet come from.
func (w *Fleet) IssuerURL() string { return w.issuerURL }

// newNode is a node in a directory that PostgreSQL's user owns.
func (w *Fleet) newNode(ctx context.Context, p programs, name string) (*Node, error) {
	dir := filepath.Join(w.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if p.cred != nil {
		if err := os.Chown(dir, int(p.cred.Uid), int(p.cred.Gid)); err != nil {
			return nil, err
		}
	}
	return newNode(ctx, p, filepath.Join(dir, "data"))
}

// StartStandby clones the primary into a new standby, and makes commits wait for it.
func (w *Fleet) StartStandby(ctx context.Context) error {
	if err := w.Standby.cloneFrom(ctx, w.Primary); err != nil {
		return err
	}
	if err := w.Standby.Start(ctx); err != nil {
		return err
	}
	if err := w.Primary.waitForStandby(ctx); err != nil {
		return err
	}
	return w.Primary.RequireStandby(ctx, true)
}

func (w *Fleet) startIssuer(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.issuerURL = "http://" + listener.Addr().String()
	w.Issuer, err = issuer.New(issuer.Config{
		URL: w.issuerURL, Clients: []issuer.Client{{ID: clientID, RedirectURIs: []string{w.issuerURL}}},
		Users: []issuer.User{{Email: "user@example.com"}},
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	w.issuerServer = &http.Server{Handler: w.Issuer, ReadHeaderTimeout: stopTimeout}
	go func() { _ = w.issuerServer.Serve(listener) }() // it ends when the fleet is closed
	return nil
}

// Close stops everything.
func (w *Fleet) Close() error {
	for _, r := range w.Replicas {
		if r.running != nil {
			r.running.Stop(syscall.SIGTERM, stopTimeout)
		}
	}
	if w.issuerServer != nil {
		_ = w.issuerServer.Close()
	}
	if w.Redis != nil {
		w.Redis.Stop()
	}
	for _, n := range []*Node{w.Standby, w.Primary} {
		if n != nil && n.running != nil {
			n.running.Stop(syscall.SIGQUIT, stopTimeout)
		}
	}
	return os.RemoveAll(w.dir)
}

// Replica is one `codegenapp serve`, always at the same address.
type Replica struct {
	URL string

	program, log string
	env          []string
	running      *Process
}

func (w *Fleet) newReplica(ctx context.Context, n int, settings []string) (*Replica, error) {
	port, err := redisserver.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	return &Replica{
		URL: "http://" + address, log: filepath.Join(w.dir, "replica-"+strconv.Itoa(n)+".log"), program: w.program,
		env: append([]string{
			"APP_ENV=development", "HTTP_ADDR=" + address, "LOG_LEVEL=WARNING",
			"DATABASE_URL=postgres://service@" + w.Database.Address() + "/codegenapp?sslmode=disable",
			"REDIS_URL=redis://" + w.Cache.Address() + "/0",
			"SECRET_KEY=fleets-secret-key-of-thirty-two-bytes-or-more", "JWT_SECRET_KEY=another-fleets-key-of-thirty-two-bytes-or-more",
			"JWT_ACCESS_TOKEN_EXPIRES=24h", "JWT_REFRESH_TOKEN_EXPIRES=48h",
			"GOOGLE_CLIENT_ID=" + clientID, "GOOGLE_ISSUER_URL=" + w.issuerURL,
			"RATELIMIT_DEFAULT=1000000/minute", "RATELIMIT_AUTH=1000000/minute", "RATELIMIT_REFRESH=1000000/minute",
		}, settings...),
	}, nil
}

// Start starts it without waiting until it is ready.
func (r *Replica) Start(ctx context.Context) (err error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), r.program, "serve") //nolint:gosec // our own program
	cmd.Env = r.env
	r.running, err = launch(cmd, r.log)
	return err
}

// Stop ends it with SIGTERM.
func (r *Replica) Stop() {
	r.running.Stop(syscall.SIGTERM, drainTimeout)
	r.running = nil
}

// PID is the number of its process.
func (r *Replica) PID() int { return r.running.cmd.Process.Pid }

// Kill ends it with SIGKILL.
func (r *Replica) Kill() { r.running.Kill() }

// LogTail is the end of its log.
func (r *Replica) LogTail() string { return r.running.LogTail() }

package main

import (
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
	replicas = 3
	clientID = "codegenapp-chaos"
	stop     = 10 * time.Second
)

// world is what the replicas stand on, and they.
type world struct {
	dir, program string

	// primary serves, standby follows. They change places at a failover.
	primary, standby *node
	redis            *redisserver.Server
	// database and cache are where replicas reach them.
	database, cache *proxy
	issuer          *issuer.Issuer
	issuerURL       string
	signIns         *http.Server
	replicas        [replicas]*replica
}

func openWorld(ctx context.Context) (w *world, err error) {
	w = &world{}
	if w.dir, err = os.MkdirTemp("", "codegenapp-chaos-"); err != nil {
		return w, err
	}
	if err := os.Chmod(w.dir, 0o711); err != nil { //nolint:gosec // PostgreSQL runs as somebody else where we are root
		return w, err
	}
	w.program = filepath.Join(w.dir, "codegenapp")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", w.program, "github.com/codegenapp/codegenapp/cmd/codegenapp") //nolint:gosec // our own program
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if err := output(build); err != nil {
		return w, err
	}
	if err := w.openDatabase(ctx); err != nil {
		return w, err
	}
	if w.redis, err = redisserver.Start(ctx, w.dir, "--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru"); err != nil {
		return w, err
	}
	if w.cache, err = newProxy(ctx, w.redis.Address); err != nil {
		return w, err
	}
	if err := w.openIssuer(ctx); err != nil {
		return w, err
	}
	for n := range w.replicas {
		if w.replicas[n], err = w.newReplica(ctx, n); err != nil {
			return w, err
		}
		if err := w.replicas[n].start(ctx); err != nil {
			return w, err
		}
	}
	return w, nil
}

// openDatabase starts a server with a standby, and makes the database.
func (w *world) openDatabase(ctx context.Context) error {
	programs, err := findPrograms()
	if err != nil {
		return err
	}
	for n, of := range []**node{&w.primary, &w.standby} {
		if *of, err = w.newNode(ctx, programs, "postgres-"+strconv.Itoa(n)); err != nil {
			return err
		}
	}
	if err := errors.Join(w.primary.init(ctx), w.primary.start(ctx)); err != nil {
		return err
	}
	for _, statement := range []string{
		"CREATE ROLE owner LOGIN CREATEROLE", "CREATE ROLE service LOGIN", "CREATE DATABASE codegenapp OWNER owner",
	} {
		if err := w.primary.exec(ctx, statement); err != nil {
			return err
		}
	}
	migrate := exec.CommandContext(ctx, w.program, "migrate", "up") //nolint:gosec // our own program
	migrate.Env = []string{
		"APP_ENV=development", "DATABASE_URL=" + w.primary.url("service", "codegenapp"),
		"MIGRATION_DATABASE_URL=" + w.primary.url("owner", "codegenapp"),
	}
	if err := output(migrate); err != nil {
		return err
	}
	if err := w.follow(ctx); err != nil {
		return err
	}
	w.database, err = newProxy(ctx, w.primary.address())
	return err
}

// newNode is a node with a place where PostgreSQL may make and remove its data.
func (w *world) newNode(ctx context.Context, p programs, name string) (*node, error) {
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

// follow makes the standby anew from the primary, and lets commits wait for it.
func (w *world) follow(ctx context.Context) error {
	if err := w.standby.copyOf(ctx, w.primary); err != nil {
		return err
	}
	if err := w.standby.start(ctx); err != nil {
		return err
	}
	if err := w.primary.followed(ctx); err != nil {
		return err
	}
	return w.primary.demandStandby(ctx, true)
}

func (w *world) openIssuer(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.issuerURL = "http://" + listener.Addr().String()
	w.issuer, err = issuer.New(issuer.Config{
		URL: w.issuerURL, Clients: []issuer.Client{{ID: clientID, RedirectURIs: []string{w.issuerURL}}},
		Users: []issuer.User{{Email: "nobody@example.com"}},
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	w.signIns = &http.Server{Handler: w.issuer, ReadHeaderTimeout: stop}
	go func() { _ = w.signIns.Serve(listener) }() // it ends when the world is closed
	return nil
}

func (w *world) close() error {
	for _, r := range w.replicas {
		if r != nil && r.running != nil {
			r.running.stop(syscall.SIGTERM, stop)
		}
	}
	if w.signIns != nil {
		_ = w.signIns.Close()
	}
	if w.redis != nil {
		w.redis.Stop()
	}
	for _, n := range []*node{w.standby, w.primary} {
		if n != nil && n.running != nil {
			n.running.stop(syscall.SIGQUIT, stop)
		}
	}
	return os.RemoveAll(w.dir)
}

// replica is one `codegenapp serve`, always at the same address.
type replica struct {
	url, log string
	program  string
	env      []string
	running  *process
}

func (w *world) newReplica(ctx context.Context, n int) (*replica, error) {
	port, err := redisserver.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	return &replica{
		url: "http://" + address, log: filepath.Join(w.dir, "replica-"+strconv.Itoa(n)+".log"), program: w.program,
		env: []string{
			"APP_ENV=development", "HTTP_ADDR=" + address, "LOG_LEVEL=WARNING",
			"DATABASE_URL=postgres://service@" + w.database.address() + "/codegenapp?sslmode=disable",
			"REDIS_URL=redis://" + w.cache.address() + "/0",
			"SECRET_KEY=chaos-secret-key-of-thirty-two-bytes-or-more", "JWT_SECRET_KEY=another-chaos-key-of-thirty-two-bytes-or-more",
			"JWT_ACCESS_TOKEN_EXPIRES=24h", "JWT_REFRESH_TOKEN_EXPIRES=48h",
			"GOOGLE_CLIENT_ID=" + clientID, "GOOGLE_ISSUER_URL=" + w.issuerURL,
			"RATELIMIT_DEFAULT=1000000/minute", "RATELIMIT_AUTH=1000000/minute", "RATELIMIT_REFRESH=1000000/minute",
		},
	}, nil
}

func (r *replica) start(ctx context.Context) (err error) {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), r.program, "serve") //nolint:gosec // our own program
	cmd.Env = r.env
	r.running, err = launch(cmd, r.log)
	return err
}

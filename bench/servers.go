package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/bench/harness"
)

// The programs that are measured.
const (
	codegenapp = "codegenapp"
	// otherBuild is the program of -compare.
	otherBuild = "codegenapp-other"
	byHand     = "reference"
	bare       = "bare"
	flask      = "flask"
	fastify    = "fastify"
	pocketBase = "pocketbase"
)

// variant is a program with its settings.
type variant struct {
	program string
	// redis lets it limit and cache in Redis, otherwise in the process.
	redis bool
	// uncached disables the cache of responses.
	uncached bool
	// limits turns rate limits on, with a limit that is never reached.
	limits bool
	// try are additional settings.
	try string
	// replica distinguishes servers of the same settings.
	replica int
}

// placed is a server on a database.
type serverKey struct {
	variant

	database string
}

// keys sign tokens. All servers have the same ones, so that a token is valid at each.
type keys struct{ jwt, page, database string }

func newKeys() keys {
	return keys{jwt: rand.Text() + rand.Text(), page: rand.Text() + rand.Text(), database: rand.Text()}
}

func moduleRoot(ctx context.Context) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if _, err := os.Stat(filepath.Join(root, "bench", "reference")); err != nil {
		return "", errors.New("run this within the module of codegenapp")
	}
	return root, nil
}

// build makes the programs as they are released.
func (b *bench) build(ctx context.Context) error {
	packages := []string{"./cmd/codegenapp", "./bench/reference", "./bench/bare"}
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath", "-o", filepath.Join(b.harness.Dir, "bin") + "/"}, packages...)...) //nolint:gosec // our own packages
	cmd.Dir, cmd.Env = b.root, append(cmd.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
}

// environment is the environment of codegenapp: default settings, but for addresses and
// for limits that a benchmark would reach.
func (b *bench) environment(s variant, db harness.Database, address string) []string {
	env := []string{
		"PATH=/usr/bin:/bin", "APP_ENV=development", "HTTP_ADDR=" + address, "DATABASE_URL=" + db.Service, "MIGRATION_DATABASE_URL=" + db.Superuser,
		"GOOGLE_ISSUER_URL=" + b.harness.IssuerURL(), "GOOGLE_CLIENT_ID=" + harness.ClientID,
		"SECRET_KEY=" + b.keys.page, "JWT_SECRET_KEY=" + b.keys.jwt, "JWT_ACCESS_TOKEN_EXPIRES=12h",
	}
	if s.limits {
		env = append(env, fmt.Sprintf("RATELIMIT_DEFAULT=%d/second", unreachedLimit))
	} else {
		env = append(env, "RATELIMIT_ENABLED=false")
	}
	if s.redis {
		env = append(env, "REDIS_URL="+b.harness.Redis().URL())
	} else {
		env = append(env, "SINGLE_REPLICA=true")
	}
	if s.uncached {
		env = append(env, "CACHE_TTL=0")
	}
	return append(env, strings.Fields(s.try)...)
}

// process returns a running server. It starts the server on first use.
func (b *bench) process(ctx context.Context, s variant, w *dataset) (*harness.Process, error) {
	db, _ := w.on(s.program)
	if s.program == pocketBase {
		db = harness.Database{} // it has its own
	}
	at := serverKey{s, db.Name}
	if p := b.running[at]; p != nil {
		return p, nil
	}
	p, err := b.start(ctx, s, db)
	b.running[at] = p
	return p, err
}

func (b *bench) start(ctx context.Context, s variant, db harness.Database) (*harness.Process, error) {
	port, err := harness.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + port
	l := harness.ServerConfig{Name: s.program, Path: b.bin(s.program), Ready: "/ready"}
	switch s.program {
	case codegenapp, otherBuild:
		if s.program == otherBuild {
			l.Path = b.otherProgram
		}
		l.Args, l.Env, l.Ready = []string{"serve"}, b.environment(s, db, address), "/health/ready"
	case byHand:
		config, err := b.writeReferenceConfig(s, db, address)
		if err != nil {
			return nil, err
		}
		l.Args = []string{"-config", config}
	case bare:
		l.Args = []string{"-address", address}
	case flask:
		l.Path, l.Dir = python, filepath.Join(b.root, "bench", "peers", "flask")
		l.Args = strings.Fields("-m gunicorn --workers 2 --worker-class gthread --threads 4 --keep-alive 75 --bind " + address + " app:app")
		if l.Env, err = b.flaskEnvironment(s, db); err != nil {
			return nil, err
		}
	case fastify:
		l.Path, l.Args, l.Dir = b.node, []string{"server.js"}, filepath.Join(b.root, "bench", "peers", "fastify")
		url, err := b.login(db, peerRole)
		if err != nil {
			return nil, err
		}
		l.Env = []string{"NODE_ENV=production", "ADDRESS=" + address, "DATABASE_URL=" + url, "JWT_SECRET_KEY=" + b.keys.jwt, "POOL=" + strconv.Itoa(pool)}
	case pocketBase:
		data, err := b.copyPocketBase()
		if err != nil {
			return nil, err
		}
		l.Args, l.Ready = []string{"serve", "--dir", data, "--http", address}, "/api/health"
	}
	return b.harness.StartServer(ctx, port, l)
}

// unreachedLimit is a rate limit in requests a second, for the cost of counting.
const unreachedLimit = 1_000_000

// pool is how many connections codegenapp has by default.
const pool = 15

func (b *bench) writeReferenceConfig(s variant, db harness.Database, address string) (string, error) {
	database, err := b.login(db, referenceRole)
	if err != nil {
		return "", err
	}
	config := map[string]any{
		"address": address, "database": database, "pool": pool, "jwt_secret": b.keys.jwt, "page_key": b.keys.page, "cache": !s.uncached,
	}
	if s.limits {
		config["limit"] = unreachedLimit
	}
	if s.redis && (!s.uncached || s.limits) { // there is nothing else to call it for
		config["redis"] = b.harness.Redis().Address()
	}
	text, err := json.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("configure the reference: %w", err)
	}
	path := filepath.Join(b.harness.Dir, "reference-"+strings.ReplaceAll(address, ":", "-")+".json")
	return path, os.WriteFile(path, text, 0o600)
}

// python is Debian's, which has Debian's packages.
const python = "/usr/bin/python3"

func (b *bench) flaskEnvironment(s variant, db harness.Database) ([]string, error) {
	url, err := b.login(db, peerRole)
	ttl := "60"
	if s.uncached {
		ttl = "0"
	}
	return []string{
		"PATH=/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE=1", "DATABASE_URL=" + url, "REDIS_URL=" + b.harness.Redis().URL(),
		"JWT_SECRET_KEY=" + b.keys.jwt, "CACHE_TTL=" + ttl,
	}, err
}

// migrate brings a database to the schema of this codegenapp.
func (b *bench) migrate(ctx context.Context, db harness.Database) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.bin(codegenapp), "migrate", "up") //nolint:gosec // built by us
	cmd.Dir, cmd.Env = b.harness.Dir, b.environment(variant{program: codegenapp}, db, "127.0.0.1:0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w\n%s", err, out)
	}
	return nil
}

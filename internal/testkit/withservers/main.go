// Command withservers runs a command with a private PostgreSQL and a private Redis, and
// removes both afterwards:
//
//	go run ./internal/testkit/withservers -- go test ./...
//
// The command finds them by TEST_DATABASE_URL (of a superuser) and
// TEST_REDIS_URL. Its exit status becomes that of withservers. It has no
// standard input, and a process group of its own, which gets the signals that
// withservers gets and ends with it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/pgserver"
	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// settings make PostgreSQL fast, since the data need not survive a crash, and hostile:
// code that relies on the server's time zone fails.
var settings = map[string]string{
	"fsync":              "off",
	"synchronous_commit": "off",
	"full_page_writes":   "off",
	"shared_buffers":     "256MB",
	"max_connections":    "900",
	"log_statement":      "none",
	"timezone":           "Pacific/Chatham",
}

const (
	startTimeout = time.Minute
	stopTimeout  = 10 * time.Second
)

func main() {
	// A child process ends with the thread that started it, so that thread has to live as
	// long as this process.
	runtime.LockOSThread()
	exitWithParent()

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)

	status, err := run(os.Args[1:], signals)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withservers:", err)
	}
	os.Exit(status)
}

// run returns the exit status of the command, or 1 and an error.
func run(args []string, signals <-chan os.Signal) (status int, err error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("name a command to run, such as: withservers -- go test")
	}
	dir, err := os.MkdirTemp("", "withservers-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, startTimeout)
	defer cancel()

	database, err := startPostgres(ctx, dir)
	if err != nil {
		return 1, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err = errors.Join(err, database.Stop(ctx))
	}()
	cache, err := startRedis(ctx, filepath.Join(dir, "redis"))
	if err != nil {
		return 1, err
	}
	defer cache.Stop()
	if ctx.Err() != nil {
		return 1, ctx.Err()
	}

	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "TEST_DATABASE_URL="+database.URL("postgres"), "TEST_REDIS_URL="+cache.URL())
	return supervise(cmd, signals)
}

func startPostgres(ctx context.Context, dir string) (*pgserver.Server, error) {
	// As root, PostgreSQL runs as another user, which needs access to the directory.
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}
	return pgserver.Start(ctx, pgserver.Config{
		Dir:      filepath.Join(dir, "postgres"),
		Settings: settings,
		Log:      slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

func startRedis(ctx context.Context, dir string) (*redisserver.Server, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	return redisserver.Start(ctx, dir)
}

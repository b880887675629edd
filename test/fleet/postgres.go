package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/testkit/redisserver"
)

// queryTimeout bounds a statement of the superuser.
const queryTimeout = 30 * time.Second

// programs is the directory of PostgreSQL's programs, and the user that they run as:
// PostgreSQL refuses to run as root.
type programs struct {
	dir  string
	cred *syscall.Credential
}

func findPrograms() (p programs, err error) {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the only error is that of a malformed pattern
	if on, err := exec.LookPath("pg_basebackup"); err == nil {
		if on, err = filepath.EvalSymlinks(on); err == nil {
			dirs = append(dirs, filepath.Dir(on))
		}
	}
	for _, dir := range slices.Backward(dirs) {
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			p.dir = dir
			break
		}
	}
	if p.dir == "" {
		return p, errors.New("there is no PostgreSQL with initdb, postgres and pg_basebackup: install Debian's postgresql")
	}
	if os.Geteuid() != 0 {
		return p, nil
	}
	as, err := user.Lookup("postgres")
	if err != nil {
		return p, fmt.Errorf("root cannot run PostgreSQL: %w", err)
	}
	uid, err := strconv.ParseUint(as.Uid, 10, 32)
	if err != nil {
		return p, err
	}
	gid, err := strconv.ParseUint(as.Gid, 10, 32)
	p.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return p, err
}

// command is one of PostgreSQL's programs. The caller ends it; the context does not.
func (p programs) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(p.dir, name), args...) //nolint:gosec // starting programs is what this is for
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred}
	return cmd
}

// Node is one PostgreSQL server. Its data survive the end of processes, not of the
// machine, so fsync is off.
type Node struct {
	programs

	dir, port string
	running   *Process
}

func newNode(ctx context.Context, p programs, dir string) (*Node, error) {
	n := &Node{programs: p, dir: dir}
	port, err := redisserver.FreePort(ctx)
	n.port = strconv.Itoa(port)
	return n, err
}

// Address is where it listens.
func (n *Node) Address() string { return "127.0.0.1:" + n.port }

// URL is a database of the node for a user.
func (n *Node) URL(user, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, n.Address(), database)
}

func (n *Node) init(ctx context.Context) error {
	return output(n.command(ctx, "initdb", "--pgdata="+n.dir, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"))
}

// cloneFrom makes the node a standby of another, with a copy of its data.
func (n *Node) cloneFrom(ctx context.Context, primary *Node) error {
	if err := os.RemoveAll(n.dir); err != nil {
		return err
	}
	return output(n.command(ctx, "pg_basebackup", "--pgdata="+n.dir, "--host=127.0.0.1", "--port="+primary.port, "--username=postgres",
		"--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-sync"))
}

// Start starts the server, and returns when it accepts queries. After a kill, children
// of the previous process may have to end first.
func (n *Node) Start(ctx context.Context) error {
	return WaitUntil(ctx, 20*time.Second, "PostgreSQL starts", func(ctx context.Context) bool {
		if n.running == nil {
			var err error
			n.running, err = launch(n.command(ctx, "postgres", "-D", n.dir, "-c", "port="+n.port, "-c", "listen_addresses=127.0.0.1",
				"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "max_connections=100", "-c", "shared_buffers=128MB",
				"-c", "wal_keep_size=1GB", "-c", "wal_retrieve_retry_interval=100ms", "-c", "restart_after_crash=on"), n.dir+".log")
			if err != nil {
				return false
			}
		}
		select {
		case <-n.running.ended:
			n.running = nil
			return false
		default:
			return n.Exec(ctx, "SELECT 1") == nil
		}
	})
}

// Kill ends the postmaster at once.
func (n *Node) Kill() {
	n.running.Kill()
	n.running = nil
}

// StopFast stops the server like `pg_ctl stop -m fast`.
func (n *Node) StopFast() {
	n.running.Stop(syscall.SIGINT, 20*time.Second)
	n.running = nil
}

// Exec runs a statement as the superuser.
func (n *Node) Exec(ctx context.Context, statement string) error {
	return n.ExecIn(ctx, "postgres", statement)
}

// Query runs a query as the superuser, and reads its single value.
func (n *Node) Query(ctx context.Context, into any, statement string) error {
	return n.QueryIn(ctx, "postgres", into, statement)
}

// ExecIn is Exec in a database.
func (n *Node) ExecIn(ctx context.Context, database, statement string) error {
	var ignored any
	err := n.QueryIn(ctx, database, &ignored, statement)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// QueryIn is Query in a database.
func (n *Node) QueryIn(ctx context.Context, database string, into any, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, n.URL("postgres", database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing depends on it
	return conn.QueryRow(ctx, statement).Scan(into)
}

// RequireStandby sets whether a commit waits until the standby has written it.
func (n *Node) RequireStandby(ctx context.Context, required bool) error {
	names := ""
	if required {
		names = "FIRST 1 (*)"
	}
	if err := n.Exec(ctx, "ALTER SYSTEM SET synchronous_standby_names = '"+names+"'"); err != nil {
		return err
	}
	return n.Exec(ctx, "SELECT pg_reload_conf()")
}

// waitForStandby waits until the standby streams.
func (n *Node) waitForStandby(ctx context.Context) error {
	return WaitUntil(ctx, 30*time.Second, "the standby follows", func(ctx context.Context) bool {
		var state string
		err := n.Query(ctx, &state, "SELECT coalesce(string_agg(state, ','), '') FROM pg_stat_replication")
		return err == nil && strings.Contains(state, "streaming")
	})
}

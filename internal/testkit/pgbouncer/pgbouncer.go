// Package pgbouncer starts private PgBouncers for tests: they listen on loopback
// alone, stand before one database, and end with the process that started them.
package pgbouncer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stopTimeout is how long it may take to stop in order.
const stopWithin = 5 * time.Second

// ErrNoProgram is returned where PgBouncer is not installed.
var ErrNoProgram = errors.New("there is no pgbouncer: install Debian's pgbouncer, or Homebrew's")

// Server is a PgBouncer before one database.
type Server struct {
	// URL is that of the database, through the pooler.
	URL string

	dir     string
	process *os.Process
	ended   chan struct{}
}

// Start returns when connections are taken. The database is that of the URL, and
// its role that of all connections. Settings are more of PgBouncer's own.
func Start(ctx context.Context, database string, settings map[string]string) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	to, err := url.Parse(database)
	if err != nil {
		return nil, errors.New("not the URL of a database")
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{}
	if s.dir, err = os.MkdirTemp("", "codegenapp-tests-pgbouncer-"); err != nil {
		return nil, err
	}
	through := *to
	through.Host = address
	s.URL = through.String()
	if err := s.launch(program, configuration(to, address, settings)); err != nil {
		s.Stop()
		return nil, fmt.Errorf("start PgBouncer: %w", err)
	}
	if err := s.ready(ctx, address); err != nil {
		said, _ := os.ReadFile(s.log()) // Without it the error still stands.
		s.Stop()
		return nil, fmt.Errorf("start PgBouncer: %w\n%s", err, said)
	}
	return s, nil
}

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

// find also looks where Debian puts it, which is on the path of root alone.
func find() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if program, err := exec.LookPath(name); err == nil {
			return program, nil
		}
	}
	return "", ErrNoProgram
}

var versionPattern = regexp.MustCompile(`PgBouncer (\d+)\.(\d+)`)

// Version is that of the program, major and minor.
func Version(ctx context.Context) (major, minor int, err error) {
	program, err := find()
	if err != nil {
		return 0, 0, err
	}
	said, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return 0, 0, fmt.Errorf("get the version of PgBouncer: %w", err)
	}
	match := versionPattern.FindStringSubmatch(string(said))
	if match == nil {
		return 0, 0, fmt.Errorf("PgBouncer's version is %q", said)
	}
	major, _ = strconv.Atoi(match[1]) // these are digits
	minor, _ = strconv.Atoi(match[2])
	return major, minor, nil
}

// configuration is a file of PgBouncer's. It accepts all clients as the role of the
// database's URL.
func configuration(to *url.URL, address string, settings map[string]string) string {
	name := strings.TrimPrefix(to.Path, "/")
	password, _ := to.User.Password()
	host, port, _ := net.SplitHostPort(address)
	all := map[string]string{
		"listen_addr": host, "listen_port": port, "unix_socket_dir": "", "auth_type": "any", "pool_mode": "transaction",
	}
	maps.Copy(all, settings)
	lines := []string{
		"[databases]",
		fmt.Sprintf("%s = host=%s port=%s dbname=%s user=%s password='%s'", name, to.Hostname(), to.Port(), name, to.User.Username(), password),
		"[pgbouncer]",
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		lines = append(lines, key+" = "+all[key])
	}
	return strings.Join(lines, "\n") + "\n"
}

func (s *Server) launch(program, configuration string) error {
	file := filepath.Join(s.dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		return err
	}
	log, err := os.Create(s.log())
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // PgBouncer has its own copy.
	attributes := ownGroup()
	if attributes.Credential, err = s.give(file); err != nil {
		return err
	}
	cmd := exec.Command(program, file)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, attributes
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // The kernel watches the thread that starts a child.
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // Callers see the end, not its cause.
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.process, s.ended = cmd.Process, ended
	return nil
}

// ready waits until connections are taken.
func (s *Server) ready(ctx context.Context, address string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stop ends the pooler.
func (s *Server) Stop() {
	if s.process != nil {
		_ = s.process.Signal(syscall.SIGINT) // If it has ended, so much the better.
		select {
		case <-s.ended:
		case <-time.After(stopWithin):
			_ = s.process.Kill()
			<-s.ended
		}
	}
	_ = os.RemoveAll(s.dir) // What is left lies among temporary files.
}

// freeAddress is an address that is not in use.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

package pgserver

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ownerOf makes the test binary a second process that runs a server in the
// directory of the variable, prints its address, and waits to be killed.
const ownerOf = "PGSERVER_TEST_OWNER_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerOf); dir != "" {
		own(dir)
	}
	code := m.Run()
	_ = os.RemoveAll(template.dir)
	os.Exit(code)
}

func own(dir string) {
	s, err := Start(context.Background(), Config{Dir: dir, Settings: quick()})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stdout, s.child.pid(), s.URL("postgres"))
	<-s.Done() // the test kills this process, not the server
	os.Exit(2)
}

// owner starts a second process that runs a server in dir.
func owner(t *testing.T, dir string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), ownerOf+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd, bufio.NewReader(out)
}

// quick returns settings for servers that need not survive a power failure.
func quick() map[string]string {
	return map[string]string{"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}
}

// template is a directory with a cluster that was just made. Copying it takes a
// tenth of the time of making one, and most tests are about what comes after.
var template struct {
	once sync.Once
	dir  string
	err  error
}

// newCluster is a directory with data, in which no server runs.
func newCluster(t *testing.T) string {
	t.Helper()
	template.once.Do(func() {
		template.dir, template.err = os.MkdirTemp("", "pgserver-") //nolint:usetesting // It outlives the test.
		must(t, template.err)
		must(t, os.Chmod(template.dir, 0o755))
		var s *Server
		s, template.err = start(t.Context(), Config{Dir: template.dir, Settings: quick()}, testMachine(t))
		must(t, template.err)
		stop(t, s)
		must(t, os.Remove(filepath.Join(template.dir, "postgres.port"))) // copies run at the same time
	})
	must(t, template.err)
	dir := newDir(t)
	out, err := exec.CommandContext(t.Context(), "cp", "-a", template.dir+"/.", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("copy a cluster: %v: %s", err, out)
	}
	return dir
}

// newDir returns a directory that all users can traverse. t.TempDir is not: its parent
// has mode 0700, and PostgreSQL runs as another user when the tests run as root.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgserver-") //nolint:usetesting // See above.
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// testMachine keeps what cannot be reached below a directory of the test.
func testMachine(t *testing.T) machine {
	t.Helper()
	m := defaultMachine()
	m.stash = filepath.Join(newDir(t), "stash")
	return m
}

func testConfig(t *testing.T, dir string) Config {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	return Config{Dir: dir, Settings: quick(), Log: log}
}

// started returns a server that is stopped at the end of the test.
func started(t *testing.T, dir string) *Server {
	t.Helper()
	return startedOn(t, testMachine(t), dir)
}

func startedOn(t *testing.T, m machine, dir string) *Server {
	t.Helper()
	s, err := start(t.Context(), testConfig(t, dir), m)
	must(t, err)
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	must(t, s.Stop(ctx))
}

// ended waits for the end of a server that is not stopped by its owner.
func ended(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the server has not ended")
	}
}

func kill(t *testing.T, s *Server) {
	t.Helper()
	must(t, syscall.Kill(s.child.pid(), syscall.SIGKILL))
	ended(t, s.Done())
}

func connected(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func run(t *testing.T, s *Server, statement string) {
	t.Helper()
	_, err := connected(t, s.URL("postgres")).Exec(t.Context(), statement)
	must(t, err)
}

func queryText(t *testing.T, s *Server, query string) string {
	t.Helper()
	var text string
	must(t, connected(t, s.URL("postgres")).QueryRow(t.Context(), query).Scan(&text))
	return text
}

// note leaves something in the data that found looks for.
func note(t *testing.T, s *Server) {
	t.Helper()
	run(t, s, `CREATE TABLE notes AS SELECT 'still here' AS text`)
}

func found(t *testing.T, s *Server) {
	t.Helper()
	if got := queryText(t, s, `SELECT text FROM notes`); got != "still here" {
		t.Errorf("the note says %q", got)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root drops to another user")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q:\n%v", part, err)
		}
	}
}

// exists also sees symbolic links that lead nowhere.
func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Lstat(path)
	return err == nil
}

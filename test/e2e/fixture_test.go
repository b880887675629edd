// Package e2e tests the built program as a process, with its environment, signals and exit
// status. Rules about projects and users are tested in their packages.
package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// waitTimeout bounds steps that normally take well under a second; after it a test
	// fails. It allows for a busy machine.
	waitTimeout = time.Minute
	// exitTimeout bounds the end of the program. It is shorter than the default of
	// SHUTDOWN_GRACE, so that a server that waits for its whole grace period fails.
	exitTimeout = 20 * time.Second
	// pollInterval is the time between two checks of a condition.
	pollInterval = 5 * time.Millisecond
)

// binary is the program, built once for all tests.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

// parallelTests is how many tests run at the same time. Most of them wait for processes,
// so more than there are processors.
const parallelTests = "4"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", parallelTests); err != nil {
		panic(err)
	}
	code := m.Run()
	if binary.dir != "" {
		_ = os.RemoveAll(binary.dir)
	}
	os.Exit(code)
}

// binaryPath is the path of the built program.
func binaryPath(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() { binary.dir, binary.err = build(t) })
	if binary.err != nil {
		t.Fatalf("build the program: %v", binary.err)
	}
	return filepath.Join(binary.dir, "codegenapp")
}

func build(t *testing.T) (dir string, err error) {
	t.Helper()
	// The test cache covers packages, since testkit imports them. Reading the files of
	// the command makes the cache cover them as well.
	sources, err := filepath.Glob("../../cmd/codegenapp/*.go")
	if err != nil {
		return "", err
	}
	for _, source := range sources {
		if _, err := os.ReadFile(source); err != nil {
			return "", err
		}
	}
	if dir, err = os.MkdirTemp("", "codegenapp-e2e-"); err != nil { //nolint:usetesting // all tests use it
		return "", err
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "../../cmd/codegenapp")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
}

// publicDir is a directory with access for all users, unlike t.TempDir. PostgreSQL runs as
// another user when the tests run as root.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "codegenapp-e2e-") //nolint:usetesting // see above
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// programOptions describes a run of the program. Its environment is PATH and env, without
// that of the tests.
type programOptions struct {
	args []string
	env  []string
	dir  string // the working directory; an empty one of its own if not given
}

// process is a running program, in a process group of its own.
type process struct {
	t         *testing.T
	pid       int
	out, logs output
	startedAt time.Time
	done      chan struct{}
	state     *os.ProcessState // to be read after done
}

// start starts the program. At the end of the test its process group is killed.
func start(t *testing.T, l programOptions) *process {
	t.Helper()
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	p := &process{t: t, done: make(chan struct{})}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binaryPath(t), l.args...)
	cmd.Dir, cmd.Env = l.dir, append([]string{"PATH=" + os.Getenv("PATH")}, l.env...)
	cmd.Stdout, cmd.Stderr = &p.out, &p.logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	exitWithParent(cmd.SysProcAttr)
	p.startedAt = time.Now()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel watches the thread that starts a child
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in its state
		p.state = cmd.ProcessState
		close(p.done)
	}()
	must(t, <-started)
	p.pid = cmd.Process.Pid
	t.Cleanup(func() {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // it may have ended, and its group with it
		<-p.done
		if t.Failed() {
			t.Logf("codegenapp %s\n%s\n%s", strings.Join(l.args, " "), end(p.out.String()), end(p.logs.String()))
		}
	})
	return p
}

// end is the last part of an output.
func end(text string) string { return text[max(0, len(text)-8<<10):] }

// signal sends a signal to the process alone.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	must(p.t, syscall.Kill(p.pid, s))
}

// signalGroup sends a signal to the process and what it started, as a terminal
// does.
func (p *process) signalGroup(s syscall.Signal) {
	p.t.Helper()
	must(p.t, syscall.Kill(-p.pid, s))
}

// waitExit waits for the end of the process.
func (p *process) waitExit() *os.ProcessState {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(exitTimeout):
		p.t.Fatalf("the program still runs after %s", exitTimeout)
	}
	return p.state
}

// wantExit waits for the end and fails the test unless the exit status is the given one.
func (p *process) wantExit(status int) {
	p.t.Helper()
	if got := p.waitExit(); got.ExitCode() != status {
		p.t.Fatalf("the program ended with %s, want exit status %d", got, status)
	}
}

// run runs the program to its end.
func run(t *testing.T, l programOptions) *process {
	t.Helper()
	p := start(t, l)
	p.waitExit()
	return p
}

// wantLine fails the test unless the program failed with one line that has all of the
// parts.
func (p *process) wantLine(status int, parts ...string) {
	p.t.Helper()
	p.wantExit(status)
	logs := strings.TrimRight(p.logs.String(), "\n")
	if strings.Count(logs, "\n") != 0 || !strings.HasPrefix(logs, "codegenapp: ") {
		p.t.Errorf("the program does not print exactly one line of its own:\n%s", logs)
	}
	for _, part := range parts {
		if !strings.Contains(logs, part) {
			p.t.Errorf("the output does not have %q:\n%s", part, logs)
		}
	}
}

// output is the output of a process; it can be read while the process runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	// cacheHits counts the cache hits in the log, nearly: a line that is written in two
	// parts may be missed.
	cacheHits atomic.Int64
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cacheHits.Add(int64(bytes.Count(b, []byte(`"cache":"hit"`))))
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// waitForOutput waits until the output matches, and returns the groups of the match.
func (p *process) waitForOutput(o *output, pattern string) []string {
	p.t.Helper()
	form := regexp.MustCompile(pattern)
	var match []string
	p.waitUntil(fmt.Sprintf("it writes %q", pattern), func() bool {
		match = form.FindStringSubmatch(o.String())
		return match != nil
	})
	return match
}

// waitUntil polls a condition until it is true, and fails if the process ends before.
func (p *process) waitUntil(what string, is func() bool) {
	p.t.Helper()
	waitUntil(p.t, what, func() bool {
		if is() {
			return true
		}
		select {
		case <-p.done:
			if is() { // just before its end
				return true
			}
			p.t.Fatalf("the program ended with %s before %s", p.state, what)
		default:
		}
		return false
	})
}

// waitUntil polls a condition until it is true.
func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(waitTimeout); !is(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s until %s", waitTimeout, what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

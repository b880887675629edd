// Package e2e runs the built program as its users do: as a process, with an
// environment, signals and exit statuses. What it decides about projects and
// people is tested nearer to where it is decided.
package e2e

import (
	"bytes"
	"context"
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
	// patience is how long a thing may take that takes no time to speak of; a
	// test that meets it has failed.
	patience = 20 * time.Second
	// blink is the time between two looks at what cannot be waited for.
	blink = 5 * time.Millisecond
)

// built is the program, made once for all tests.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// program is the path of the built program.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() { built.dir, built.err = build(t) })
	if built.err != nil {
		t.Fatalf("build the program: %v", built.err)
	}
	return filepath.Join(built.dir, "codegenapp")
}

func build(t *testing.T) (dir string, err error) {
	t.Helper()
	// Packages are known to the test cache, since testkit imports them. This
	// makes it see the command, too.
	sources, err := filepath.Glob("../../cmd/codegenapp/*.go")
	if err != nil {
		return "", err
	}
	for _, source := range sources {
		if _, err := os.ReadFile(source); err != nil {
			return "", err
		}
	}
	if dir, err = os.MkdirTemp("", "codegenapp-e2e-"); err != nil { //nolint:usetesting // it outlives the test
		return "", err
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "../../cmd/codegenapp")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%w: %s", err, out)
	}
	return dir, nil
}

// publicDir is a directory that everybody can pass. t.TempDir is not, and
// PostgreSQL runs as somebody else when the tests run as root.
func publicDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "codegenapp-e2e-") //nolint:usetesting // see above
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// launch says how the program is run. Its environment is PATH and env, nothing
// else of ours.
type launch struct {
	args []string
	env  []string
	dir  string // the working directory; an empty one of its own if not given
}

// process is a running program, in a process group of its own.
type process struct {
	t         *testing.T
	pid       int
	out, logs output
	began     time.Time
	done      chan struct{}
	ended     *os.ProcessState // to be read after done
}

// start starts the program. Whatever is left of its group at the end of the
// test is killed.
func start(t *testing.T, l launch) *process {
	t.Helper()
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	p := &process{t: t, done: make(chan struct{})}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program(t), l.args...)
	cmd.Dir, cmd.Env = l.dir, append([]string{"PATH=" + os.Getenv("PATH")}, l.env...)
	cmd.Stdout, cmd.Stderr = &p.out, &p.logs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithUs(cmd.SysProcAttr)
	p.began = time.Now()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel watches the thread that starts a child
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // how it ended is in its state
		p.ended = cmd.ProcessState
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

// end is the last part of what a program wrote.
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

// awaitEnd waits for the end of the process.
func (p *process) awaitEnd() *os.ProcessState {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the program still runs after %s", patience)
	}
	return p.ended
}

// wantExit waits for the end and fails the test unless the status is the wanted
// one.
func (p *process) wantExit(status int) {
	p.t.Helper()
	if got := p.awaitEnd(); got.ExitCode() != status {
		p.t.Fatalf("the program ended with %s, want exit status %d", got, status)
	}
}

// run runs the program to its end.
func run(t *testing.T, l launch) *process {
	t.Helper()
	p := start(t, l)
	p.awaitEnd()
	return p
}

// wantLine fails the test unless the program failed with one line, which says
// all of the parts.
func (p *process) wantLine(status int, parts ...string) {
	p.t.Helper()
	p.wantExit(status)
	logs := strings.TrimRight(p.logs.String(), "\n")
	if strings.Count(logs, "\n") != 0 || !strings.HasPrefix(logs, "codegenapp: ") {
		p.t.Errorf("the program says more or less than one line of its own:\n%s", logs)
	}
	for _, part := range parts {
		if !strings.Contains(logs, part) {
			p.t.Errorf("the program does not say %q:\n%s", part, logs)
		}
	}
}

// output is what a process writes, to be read while it writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	// hits is how many requests the gate has answered, as good as: of a line that
	// comes in two parts nothing is seen.
	hits atomic.Int64
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hits.Add(int64(bytes.Count(b, []byte(`"cache":"hit"`))))
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// awaitText waits until the output matches, and returns the groups of the match.
func (p *process) awaitText(o *output, pattern string) []string {
	p.t.Helper()
	form := regexp.MustCompile(pattern)
	var match []string
	p.await(fmt.Sprintf("it writes %q", pattern), func() bool {
		match = form.FindStringSubmatch(o.String())
		return match != nil
	})
	return match
}

// await waits until the process has done something.
func (p *process) await(what string, is func() bool) {
	p.t.Helper()
	await(p.t, what, func() bool {
		if is() {
			return true
		}
		select {
		case <-p.done:
			if is() { // with its last breath
				return true
			}
			p.t.Fatalf("the program ended with %s before %s", p.ended, what)
		default:
		}
		return false
	})
}

// await looks again and again, until it sees what it waits for.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(blink) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s until %s", patience, what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

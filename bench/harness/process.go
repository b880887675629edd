package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

const (
	// readyTimeout bounds the start of a server.
	readyTimeout = time.Minute
	// pollInterval is the time between two health checks of a starting server.
	pollInterval = time.Millisecond
)

// ServerConfig describes a server to start.
type ServerConfig struct {
	// Name is for messages and for the file of its log.
	Name string
	Path string
	Args []string
	Env  []string
	// Dir is the working directory; that of the harness if it is empty.
	Dir string
	// Ready is the path that answers 200 once it is ready.
	Ready string
}

// Process is a server that was started.
type Process struct {
	Name    string
	Address string
	PID     int
	// StartupTime is the time from its start until it was ready.
	StartupTime time.Duration

	process   *os.Process
	startedAt time.Time
	log       string
	ended     chan struct{}
}

// FreePort returns a port that is not in use.
func FreePort(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// StartServer starts a server that listens on the port, and returns when it is ready.
// It ends with the harness.
func (s *Harness) StartServer(ctx context.Context, port string, l ServerConfig) (*Process, error) {
	if l.Dir == "" {
		l.Dir = s.Dir
	}
	log := filepath.Join(s.Dir, l.Name+"-"+strconv.Itoa(len(s.started))+".log")
	p, err := launch(ctx, l, net.JoinHostPort("127.0.0.1", port), log)
	if err != nil {
		return nil, err
	}
	s.started = append(s.started, p)
	return p, p.waitReady(ctx, func() bool { return p.responds(ctx, l.Ready) })
}

// launch starts a program whose output goes to the file log.
func launch(ctx context.Context, l ServerConfig, address, log string) (*Process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", l.Name, err)
	}
	defer func() { _ = out.Close() }() // the program has its own copy
	// It is ended in order, and not with a context.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), l.Path, l.Args...) //nolint:gosec // starting programs is what this is for
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = l.Dir, l.Env, out, out
	cmd.SysProcAttr = ownGroup()
	p := &Process{Name: l.Name, Address: address, log: log, startedAt: time.Now(), ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread() // the kernel watches the thread that starts a child
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // callers see the end, not its cause
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", l.Name, err)
	}
	p.process, p.PID = cmd.Process, cmd.Process.Pid
	return p, nil
}

// waitReady waits until the program is ready.
func (p *Process) waitReady(ctx context.Context, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var err error
	for !ready() {
		select {
		case <-tick.C:
			continue
		case <-p.ended:
			err = errors.New("it ended while starting")
		case <-ctx.Done():
			err = ctx.Err()
		}
		said, _ := os.ReadFile(p.log) // without it the error still stands
		return fmt.Errorf("start %s: %w\n%s", p.Name, err, said[max(0, len(said)-2000):])
	}
	p.StartupTime = time.Since(p.startedAt)
	return nil
}

// healthClient checks whether servers are ready; it uses no proxy.
var healthClient = &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (p *Process) responds(ctx context.Context, path string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+path, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := healthClient.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// Stop ends the program in order, and after a while by force.
func (p *Process) Stop() {
	_ = p.process.Signal(syscall.SIGTERM) // if it has ended, so much the better
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		_ = syscall.Kill(-p.PID, syscall.SIGKILL)
		<-p.ended
	}
}

package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Process is a child process. It ends with this process, also on SIGKILL.
type Process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

// launch starts cmd in a process group of its own; its output goes to the file log.
func launch(cmd *exec.Cmd, log string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the program has its own copy
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	exitWithParent(cmd.SysProcAttr)
	p := &Process{cmd: cmd, log: log, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread() // the kernel watches the thread that starts a child
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // callers see the end, not its cause
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// Signal sends it a signal.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// Kill ends the process with SIGKILL.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Stop sends a signal, and kills the process if it does not end.
func (p *Process) Stop(s syscall.Signal, within time.Duration) {
	p.Signal(s)
	select {
	case <-p.ended:
	case <-time.After(within):
		p.Kill()
	}
}

// LogTail is the end of its output.
func (p *Process) LogTail() string {
	text, _ := os.ReadFile(p.log) // the log is optional in an error message
	return string(text[max(0, len(text)-2000):])
}

// output runs a short program to its end.
func output(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, out.Bytes())
	}
	return nil
}

// WaitUntil polls a condition until it is true.
func WaitUntil(ctx context.Context, within time.Duration, what string, is func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !is(ctx) {
		if Sleep(ctx, 10*time.Millisecond) != nil {
			return fmt.Errorf("after %s still not true: %s", within, what)
		}
	}
	return nil
}

// Sleep waits for d, or until ctx is done.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return errors.New("interrupted")
	case <-time.After(d):
		return nil
	}
}

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

// Process is a program that was started. It dies with us, also by kill -9.
type Process struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
}

// launch starts cmd in a group of its own; what it says goes to the file log.
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
	dieWithUs(cmd.SysProcAttr)
	p := &Process{cmd: cmd, log: log, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.ended)
		runtime.LockOSThread() // the kernel watches the thread that starts a child
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // however it ended: who needs it sees that it is gone
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// Signal sends it a signal.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

// Kill ends the process at once.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	<-p.ended
}

// Stop asks the process to end by a signal, and kills it if it does not.
func (p *Process) Stop(s syscall.Signal, within time.Duration) {
	p.Signal(s)
	select {
	case <-p.ended:
	case <-time.After(within):
		p.Kill()
	}
}

// Said is the end of what it has said.
func (p *Process) Said() string {
	text, _ := os.ReadFile(p.log) // without it the error still stands
	return string(text[max(0, len(text)-2000):])
}

// output runs a short program to its end.
func output(cmd *exec.Cmd) error {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, said.Bytes())
	}
	return nil
}

// Until waits for something to be so.
func Until(ctx context.Context, within time.Duration, what string, is func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !is(ctx) {
		if Sleep(ctx, 10*time.Millisecond) != nil {
			return fmt.Errorf("not so within %s: %s", within, what)
		}
	}
	return nil
}

// Sleep waits, unless ctx is done before.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return errors.New("interrupted")
	case <-time.After(d):
		return nil
	}
}

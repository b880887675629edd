package pgserver

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is a child process. It has its own process group, so Ctrl-C in a terminal
// reaches only this process, which then stops the child in order.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended and was reaped
	err  error         // of the exit; valid once done is closed
}

// spawn starts cmd. Where the system supports it, the child receives the signal orphaned
// when this process dies.
//
// The kernel sends that signal when the thread that started the child ends. Go may end a
// thread at any time, so one is locked until the child has ended.
func spawn(cmd *exec.Cmd, orphaned syscall.Signal) (*child, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	signalOrphan(cmd.SysProcAttr, orphaned)

	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// stop requests an orderly shutdown, and an immediate one when ctx is done. It returns
// once the process has ended, with an error if the shutdown was not orderly.
func (c *child) stop(ctx context.Context) error {
	c.signal(syscall.SIGINT)
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-c.done:
		return nil
	default:
	}
	// The server kills children that do not exit within five seconds.
	c.signal(syscall.SIGQUIT)
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		c.signal(syscall.SIGKILL)
		<-c.done
	}
	return fmt.Errorf("not an orderly shutdown: %w", context.Cause(ctx))
}

// signal ignores errors: a process that has ended needs no signal, and signalling a
// child is always permitted.
func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }

package pgserver

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is a process of ours. It has a process group of its own, so that Ctrl-C
// in a terminal reaches only us, who then stop it in order.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended and was waited for
	err  error         // how it ended; to be read after done
}

// spawn starts cmd. Where the system can do it, the child gets the signal
// orphaned when this process dies.
//
// The kernel sends that signal when the thread, not the process, that started
// the child ends. Go ends threads as it likes, so one is kept until the child
// has ended.
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

// stop asks the server to shut down in order, and after ctx at once. It returns
// when the process has ended, and an error if that was not in order.
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
	// The server itself kills what does not follow within five seconds.
	c.signal(syscall.SIGQUIT)
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
		c.signal(syscall.SIGKILL)
		<-c.done
	}
	return fmt.Errorf("not in order, because: %w", context.Cause(ctx))
}

// signal has no error: a process that has ended already needs no signal, and
// the system allows us to signal our own child.
func (c *child) signal(s syscall.Signal) { _ = c.cmd.Process.Signal(s) }

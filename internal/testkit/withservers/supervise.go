package main

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// supervise runs cmd, forwards signals to its process group, and returns its exit status,
// like a shell: 128 plus the number of the signal that ended it. At the end it kills the
// process group.
func supervise(cmd *exec.Cmd, signals <-chan os.Signal) (int, error) {
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return 127, err
	}
	group := -cmd.Process.Pid
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	var tooLate <-chan time.Time
	for {
		select {
		case s := <-signals:
			if number, ok := s.(syscall.Signal); ok {
				_ = syscall.Kill(group, number)
			}
			if tooLate == nil {
				tooLate = time.After(stopTimeout)
			}
		case <-tooLate:
			_ = syscall.Kill(group, syscall.SIGKILL)
		case err := <-ended:
			_ = syscall.Kill(group, syscall.SIGKILL)
			return status(err)
		}
	}
}

func status(err error) (int, error) {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 0, err
	}
	if wait, ok := exit.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return 128 + int(wait.Signal()), nil
	}
	return exit.ExitCode(), nil
}

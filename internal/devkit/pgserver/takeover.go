package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// takeOver stops servers that an earlier process left running, and removes a pid file
// that would prevent the start. The lock ensures that no other process uses the data.
func (h *dataDir) takeOver(ctx context.Context, grace time.Duration) error {
	f, err := readPidFile(h.data())
	if err != nil && !errors.Is(err, errNoPid) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		running := servers(h.data(), f.pid)
		if len(running) == 0 {
			break
		}
		if s == syscall.SIGINT {
			// Only the postmaster performs an orderly shutdown. After a kill -9 of it, its
			// children need the next signal.
			if !slices.Contains(running, f.pid) {
				continue
			}
			running = []int{f.pid}
		}
		h.log.WarnContext(ctx, "stopping a server that an earlier process left running", "pids", running, "signal", s.String())
		for _, pid := range running {
			signalServer(pid, h.data(), s)
		}
		if err := h.waitForExit(ctx, f.pid, grace); err != nil {
			return err
		}
	}
	if left := servers(h.data(), f.pid); len(left) > 0 {
		return fmt.Errorf("the processes %v do not exit", left)
	}
	return h.removeStalePidFile()
}

// waitForExit returns once the servers have ended or grace has elapsed.
func (h *dataDir) waitForExit(ctx context.Context, postmaster int, grace time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, grace, errGraceElapsed)
	defer cancel()
	tick := time.NewTicker(5 * pollInterval)
	defer tick.Stop()
	for len(servers(h.data(), postmaster)) > 0 {
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, errGraceElapsed) {
				return err
			}
			return nil
		case <-tick.C:
		}
	}
	return nil
}

var errGraceElapsed = errors.New("grace has elapsed")

// signalServer checks the process again after it has a handle: the process ID may belong
// to another process meanwhile.
func signalServer(pid int, data string, s syscall.Signal) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer func() { _ = p.Release() }()
	if isServer(pid, data) {
		_ = p.Signal(s) // an error means that it has already ended
	}
}

// removeStalePidFile is called when no server runs on the data. PostgreSQL accepts the
// pid file of a dead process, and uses it to find shared memory, so that file stays. It
// refuses to start if the file is invalid or the ID belongs to another process.
func (h *dataDir) removeStalePidFile() error {
	f, err := readPidFile(h.data())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && errors.Is(syscall.Kill(f.pid, 0), syscall.ESRCH):
		return nil
	case err != nil && !errors.Is(err, errNoPid):
		return err
	}
	if err := os.Remove(pidFilePath(h.data())); err != nil {
		return fmt.Errorf("remove a stale file: %w", err)
	}
	return nil
}

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

// takeOver ends what an earlier owner of the data left running, and removes a
// pid file that would make PostgreSQL refuse to start. Nobody else can own the
// data at this moment: we have the lock.
func (h *home) takeOver(ctx context.Context, grace time.Duration) error {
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
			// An orderly shutdown is the postmaster's business. Without one,
			// after a kill -9 of it, its children have only to go.
			if !slices.Contains(running, f.pid) {
				continue
			}
			running = []int{f.pid}
		}
		h.log.WarnContext(ctx, "stopping a server that an earlier process left running", "pids", running, "signal", s.String())
		for _, pid := range running {
			signalServer(pid, h.data(), s)
		}
		if err := h.awaitNoServers(ctx, f.pid, grace); err != nil {
			return err
		}
	}
	if left := servers(h.data(), f.pid); len(left) > 0 {
		return fmt.Errorf("the processes %v do not end", left)
	}
	return h.removeStalePidFile()
}

// awaitNoServers returns when the servers have ended or grace is over.
func (h *home) awaitNoServers(ctx context.Context, postmaster int, grace time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, grace, errGraceOver)
	defer cancel()
	tick := time.NewTicker(5 * pollEvery)
	defer tick.Stop()
	for len(servers(h.data(), postmaster)) > 0 {
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, errGraceOver) {
				return err
			}
			return nil
		case <-tick.C:
		}
	}
	return nil
}

var errGraceOver = errors.New("the time to end is over")

// signalServer looks again after it has a handle of the process: the number may
// have gone to another one meanwhile.
func signalServer(pid int, data string, s syscall.Signal) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer func() { _ = p.Release() }()
	if serves(pid, data) {
		_ = p.Signal(s) // it may have ended by itself, which is as good
	}
}

// removeStalePidFile is called when no server runs on the data. PostgreSQL copes
// with a pid file of a process that is gone, and learns from it whether memory
// is still shared, so that one stays. It refuses to start when the file is
// broken or the number has gone to some other process.
func (h *home) removeStalePidFile() error {
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

package pgserver

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// ErrInUse is the error of Start when another process, or another server of
// this one, has the file.
var ErrInUse = errors.New("in use")

// lock takes the file at path for this process. The kernel gives it back when
// the process ends, in whatever way. PostgreSQL does not inherit it, since Go
// opens files close-on-exec: a server that outlives us does not keep the lock.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by process %s", ErrInUse, holder(f))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	// The number is for the message above only; the lock does not depend on it.
	if err := f.Truncate(0); err == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

func holder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	if pid := strings.TrimSpace(string(b[:n])); pid != "" {
		return pid
	}
	return "of unknown number"
}

// unlock does not rely on closing: a child being forked in this very moment has
// a copy of the descriptor until it runs its program.
func unlock(f *os.File) {
	_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	_ = f.Close()
}

package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// account is the operating system user that PostgreSQL runs as.
type account struct {
	name string
	// cred is nil if it is the current user.
	cred *syscall.Credential
}

// accountFor returns the current user. PostgreSQL refuses to run as root: then it is the
// owner of the data directory, or if that does not exist, "postgres" or "nobody".
func accountFor(data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	info, err := os.Lstat(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return account{}, fmt.Errorf("look for the owner of the data: %w", err)
	default:
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			name := "user " + strconv.FormatUint(uint64(st.Uid), 10)
			return account{name: name, cred: &syscall.Credential{Uid: st.Uid, Gid: st.Gid}}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := parseID(u.Uid)
		gid, errGID := parseID(u.Gid)
		if errUID != nil || errGID != nil {
			continue
		}
		return account{name: name, cred: &syscall.Credential{Uid: uid, Gid: gid}}, nil
	}
	return account{}, errors.New(`root cannot run PostgreSQL, and there is neither a user "postgres" nor "nobody" to run it as`)
}

// parseID accepts negative numbers: macOS has -2 for nobody.
func parseID(s string) (uint32, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return uint32(n), err //nolint:gosec // Losing the upper half is what makes -2 the number meant.
}

// command returns a command that runs in dir with a reduced environment: another user
// must not see our secrets, and variables such as PGDATA or LC_MESSAGES would change the
// behaviour.
func (a account) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // Starting programs found on the machine is what this package is for.
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: a.cred}
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, v := range cmd.Environ() {
		switch key, _, _ := strings.Cut(v, "="); key {
		case "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH":
			env = append(env, v)
		}
	}
	cmd.Env = env
	return cmd
}

// run runs a short-lived program and returns its output. When ctx is done, it kills the
// program and its children.
func (a account) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	return runToEnd(ctx, a.command(ctx, dir, name, args...))
}

func runToEnd(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	c, err := spawn(cmd, syscall.SIGKILL)
	if err != nil {
		return "", err
	}
	<-c.done
	if wasInterrupted(c.err) {
		select {
		case <-ctx.Done():
		case <-time.After(interruptDelay):
		}
	}
	if c.err != nil && ctx.Err() != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(cmd.Path), context.Cause(ctx))
	}
	if c.err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), c.err, lastLines(out.String(), 10))
	}
	return out.String(), nil
}

// interruptDelay is how much later than a child this process may notice an interrupt.
const interruptDelay = time.Second

// wasInterrupted reports whether a program ended by the interrupt of a terminal. It leaves
// the group of this process only after its start, so until then it is interrupted, too.
func wasInterrupted(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGINT
}

// canReach runs a shell in dir as the account: checking permission bits would miss
// access lists and mount options.
func (a account) canReach(ctx context.Context, dir string) (bool, error) {
	if a.cred == nil {
		return true, nil
	}
	_, err := a.run(ctx, dir, "/bin/sh", "-c", ":")
	if errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check whether %s can reach %s: %w", a.name, dir, err)
	}
	return true, nil
}

// chown makes the account the owner of path.
func (a account) chown(path string) error {
	if a.cred == nil {
		return nil
	}
	return os.Lchown(path, int(a.cred.Uid), int(a.cred.Gid))
}

// makeDirs creates dir and its missing parents. Directories that root creates are
// traversable by others, whatever the umask is; existing ones are not changed.
func makeDirs(dir string) error {
	if os.Geteuid() != 0 {
		return os.MkdirAll(dir, 0o700)
	}
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // by another process, meanwhile
		}
		return err
	}
	return os.Chmod(dir, 0o711) //nolint:gosec // PostgreSQL runs as another user and has to pass.
}

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

// account is the user that PostgreSQL runs as.
type account struct {
	name string
	// cred is nil when that is the user we are.
	cred *syscall.Credential
}

// accountFor returns the present user. Root, whom PostgreSQL refuses, becomes
// the owner of data, the data directory, if there is one, else "postgres", else "nobody".
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

// parseID reads negative numbers too: macOS writes nobody's as -2.
func parseID(s string) (uint32, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return uint32(n), err //nolint:gosec // Losing the upper half is what makes -2 the number meant.
}

// command is a program of PostgreSQL in the directory dir. It sees little of our
// environment: as somebody else's process it must not show him our secrets, and
// variables such as PGDATA or LC_MESSAGES would change what it does.
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

// run waits for a short-lived program and returns what it wrote. When ctx ends,
// the program is killed together with its children.
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
	if c.err != nil && ctx.Err() != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(cmd.Path), context.Cause(ctx))
	}
	if c.err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), c.err, lastLines(out.String(), 10))
	}
	return out.String(), nil
}

// reaches asks the kernel, by going there as that user: reading permission bits
// ourselves would miss access lists and mount options.
func (a account) reaches(ctx context.Context, dir string) (bool, error) {
	if a.cred == nil {
		return true, nil
	}
	_, err := a.run(ctx, dir, "/bin/sh", "-c", ":")
	if errors.Is(err, syscall.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("try whether %s reaches %s: %w", a.name, dir, err)
	}
	return true, nil
}

// give makes path the user's.
func (a account) give(path string) error {
	if a.cred == nil {
		return nil
	}
	return os.Lchown(path, int(a.cred.Uid), int(a.cred.Gid))
}

// makeDirs makes dir and what is missing above it. What root makes can be
// passed by others, whatever the umask says; what exists is not touched.
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

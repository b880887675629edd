package pgserver

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestTakeOver_StalePidFile(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]func(t *testing.T, whole string) string{
		"of a process that is gone": func(_ *testing.T, whole string) string { return whole },
		"whose number another process has now": func(t *testing.T, whole string) string {
			_, rest, _ := strings.Cut(whole, "\n")
			return strconv.Itoa(idle(t)) + "\n" + rest
		},
		"that is empty":  func(*testing.T, string) string { return "" },
		"that is broken": func(*testing.T, string) string { return "\x00\x00\x00\x00" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newCluster(t)
			s := started(t, dir)
			note(t, s)
			kill(t, s)
			path := pidFilePath(filepath.Join(dir, "postgres", "data"))
			must(t, os.WriteFile(path, []byte(content(t, read(t, path))), 0o600))
			found(t, started(t, dir))
		})
	}
}

// idle starts a process of the user that PostgreSQL runs as. PostgreSQL does not
// mistake processes of other users for servers.
func idle(t *testing.T) int {
	t.Helper()
	as, err := accountFor("")
	must(t, err)
	cmd := as.command(t.Context(), "/", "/bin/sleep", "600")
	must(t, cmd.Start())
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("the other process was ended: %v", err)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestTakeOver_StopsAServerLeftRunning(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	left := leftover(t, dir)
	found(t, started(t, dir))
	ended(t, left.done)
	if left.err != nil {
		t.Errorf("it was not stopped in order: %v", left.err)
	}
}

func TestTakeOver_KillsAServerThatIgnoresSignals(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	left := leftover(t, dir)
	must(t, syscall.Kill(left.pid(), syscall.SIGSTOP))
	m := testMachine(t)
	m.grace = 200 * time.Millisecond
	found(t, startedOn(t, m, dir))
	ended(t, left.done)
}

// leftover is a server with a note in its data, and without a lock. It is left when
// the owner dies and the kernel does not end its children.
func leftover(t *testing.T, dir string) *child {
	t.Helper()
	m := testMachine(t)
	s := startedOn(t, m, dir)
	note(t, s)
	stop(t, s)

	h, err := openDataDir(t.Context(), dir, m.stash, testConfig(t, dir).Log)
	must(t, err)
	defer h.release()
	bin, err := m.binaries.find(t.Context(), h, 0)
	must(t, err)
	c, _, err := h.launch(t.Context(), bin, quick(), freePort)
	must(t, err)
	t.Cleanup(func() { _ = c.stop(cancelled(context.WithoutCancel(t.Context()))) })
	return c
}

func TestTakeOver_ServerEndsWithItsKilledParent(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	cmd, out := owner(t, dir)
	line, err := out.ReadString('\n')
	must(t, err)
	pidText, url, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err := strconv.Atoi(pidText)
	must(t, err)
	_, err = connected(t, url).Exec(t.Context(), `CREATE TABLE notes AS SELECT 'still here' AS text`)
	must(t, err)

	_, err = start(t.Context(), testConfig(t, dir), testMachine(t))
	wantError(t, err, "is in use by process "+strconv.Itoa(cmd.Process.Pid))

	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	data := filepath.Join(dir, "postgres", "data")
	for deadline := time.Now().Add(20 * time.Second); runtime.GOOS == "linux" && isServer(pid, data); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server has not ended")
		}
	}
	found(t, started(t, dir))
}

func TestTakeOver_ServerDoesNotInheritTheLock(t *testing.T) {
	t.Parallel()
	dir := newCluster(t)
	cmd, out := owner(t, dir)
	line, err := out.ReadString('\n')
	must(t, err)
	pid, err := strconv.Atoi(strings.Fields(line)[0])
	must(t, err)
	// Asleep, the server cannot follow the signal it gets with its owner's death.
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	f, err := lock(filepath.Join(dir, "lock"))
	must(t, err)
	unlock(f)
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	started(t, dir)
}

func TestTakeOver_KilledDuringInitdb(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	cmd, _ := owner(t, dir)
	for !exists(t, filepath.Join(onlyMatch(filepath.Join(dir, "postgres", "init-*")), "data", "base")) {
		time.Sleep(time.Millisecond)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if exists(t, filepath.Join(dir, "postgres", "data")) {
		t.Fatal("initdb was over already")
	}
	note(t, started(t, dir))
}

func onlyMatch(glob string) string {
	paths, err := filepath.Glob(glob)
	if err != nil || len(paths) != 1 {
		return "/nowhere"
	}
	return paths[0]
}

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// exitWithParent makes the program end when the tests are killed.
func exitWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// postgresIn lists the processes of PostgreSQL on the data of dev's directory.
// Each of them works in the directory with the data.
func postgresIn(t *testing.T, dir string) []int {
	t.Helper()
	data, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres", "data"))
	if err != nil {
		return nil // no data directory
	}
	processes, err := os.ReadDir("/proc")
	must(t, err)
	var pids []int
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		if cwd, err := os.Readlink("/proc/" + p.Name() + "/cwd"); err == nil && cwd == data {
			pids = append(pids, pid)
		}
	}
	return pids
}

// commandLines are the command lines of all processes of a group, which all users can read.
func commandLines(t *testing.T, group int) map[int]string {
	t.Helper()
	processes, err := os.ReadDir("/proc")
	must(t, err)
	lines := map[int]string{}
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + p.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		// After the name, which may hold anything: state, parent, group.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[2] == strconv.Itoa(group) {
			line, _ := os.ReadFile("/proc/" + p.Name() + "/cmdline") // none if it has ended
			lines[pid] = strings.ReplaceAll(string(line), "\x00", " ")
		}
	}
	return lines
}

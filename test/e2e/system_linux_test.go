package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// dieWithUs lets the program end when the tests are killed.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// postgresIn lists the processes of PostgreSQL on the data of dev's directory.
// Each of them works in the directory with the data.
func postgresIn(t *testing.T, dir string) []int {
	t.Helper()
	data, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres", "data"))
	if err != nil {
		return nil // there are no data
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

package pgserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func signalOrphan(attr *syscall.SysProcAttr, s syscall.Signal) { attr.Pdeathsig = s }

// servers lists the processes of PostgreSQL on the data directory, including children
// of a dead postmaster: while one runs, a new server refuses to start.
func servers(data string, _ int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && isServer(pid, data) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// isServer identifies a server by its working directory, which is always its data
// directory, and by its name, since a shell may be there too. A zombie has no working
// directory.
func isServer(pid int, data string) bool {
	proc := "/proc/" + strconv.Itoa(pid)
	cwd, err := os.Readlink(filepath.Join(proc, "cwd"))
	if err != nil || cwd != data {
		return false
	}
	name, err := os.ReadFile(filepath.Join(proc, "comm"))
	return err == nil && strings.Contains(string(name), "postgres")
}

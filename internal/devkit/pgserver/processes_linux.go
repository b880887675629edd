package pgserver

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// servers lists the processes of PostgreSQL on the data directory, the children
// of a dead postmaster among them: while one lives, a new server refuses to
// start.
func servers(data string, _ int) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && serves(pid, data) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// serves tells a server by its working directory, which is always its data
// directory, and by its name, as a shell may be there too. A process that has
// ended but was not waited for has no working directory.
func serves(pid int, data string) bool {
	proc := "/proc/" + strconv.Itoa(pid)
	cwd, err := os.Readlink(filepath.Join(proc, "cwd"))
	if err != nil || cwd != data {
		return false
	}
	name, err := os.ReadFile(filepath.Join(proc, "comm"))
	return err == nil && strings.Contains(string(name), "postgres")
}

//go:build !linux

package pgserver

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// signalOrphan does nothing, since these systems have no such signal. The next start in
// the same directory stops a server that was left running.
func signalOrphan(*syscall.SysProcAttr, syscall.Signal) {}

// servers checks only the process in the pid file.
func servers(data string, postmaster int) []int {
	if postmaster > 0 && isServer(postmaster, data) {
		return []int{postmaster}
	}
	return nil
}

// isServer identifies a server of this data directory by its arguments.
func isServer(pid int, data string) bool {
	//nolint:gosec,noctx // A number; and ps does not wait for anything.
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), "-D "+data)
}

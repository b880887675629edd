//go:build !linux

package pgserver

import (
	"os/exec"
	"strconv"
	"strings"
)

// servers can only look at the process that the pid file names.
func servers(data string, postmaster int) []int {
	if postmaster > 0 && serves(postmaster, data) {
		return []int{postmaster}
	}
	return nil
}

// serves tells a server of ours by its arguments.
func serves(pid int, data string) bool {
	//nolint:gosec,noctx // A number; and ps does not wait for anything.
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), "postgres") && strings.Contains(string(out), "-D "+data)
}

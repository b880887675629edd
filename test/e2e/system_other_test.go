//go:build !linux

package e2e

import (
	"syscall"
	"testing"
)

func dieWithUs(*syscall.SysProcAttr) {}

// postgresIn works on Linux only.
func postgresIn(*testing.T, string) []int { return nil }

// commandLines works on Linux only.
func commandLines(t *testing.T, _ int) map[int]string {
	t.Helper()
	t.Skip("command lines of other processes are read on Linux only")
	return nil
}

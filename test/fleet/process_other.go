//go:build !linux

package fleet

import "syscall"

// exitWithParent works on Linux only.
func dieWithUs(*syscall.SysProcAttr) {}

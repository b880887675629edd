//go:build !linux

package fleet

import "syscall"

// dieWithUs can be had on Linux only.
func dieWithUs(*syscall.SysProcAttr) {}

//go:build !linux

package pgserver

import "syscall"

// signalOrphan does nothing where a process cannot be tied to its parent. There
// the next start in the same directory stops what was left running.
func signalOrphan(*syscall.SysProcAttr, syscall.Signal) {}

//go:build !linux

package pgbouncer

import "syscall"

// ownGroup gives a child a process group of its own. Only on Linux does the child
// also end with this process.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

//go:build !linux

package main

import "syscall"

// ownGroup gives a child a process group of its own. On Linux the child also ends with
// this process.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

func dieWithParent() {}

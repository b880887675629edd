//go:build !linux

package stage

import "syscall"

// ownGroup gives a child a process group of its own. That it dies with us can
// be had on Linux only.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// ExitWithParent can be had on Linux only.
func DieWithParent() {}

package redisserver

import "syscall"

// ownGroup gives a child a process group of its own, and makes it end with this process,
// even by kill -9.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

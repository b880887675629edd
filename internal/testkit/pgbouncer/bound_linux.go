package pgbouncer

import "syscall"

// ownGroup gives a child a process group of its own, and lets it die with us,
// even by kill -9.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

package main

import "syscall"

// ownGroup gives a child a process group of its own, and makes it end with this process,
// even after SIGKILL.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// exitWithParent sends SIGTERM to this process when go run ends, since go run does not
// forward it.
func exitWithParent() {
	// On failure the process does not end with its parent, as on other systems.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
}

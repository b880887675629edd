package harness

import "syscall"

// ownGroup gives a child a process group of its own, so that Ctrl-C reaches us
// alone, and lets it die with us, even by kill -9.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// ExitWithParent ends this process, in order, when go run is ended: it keeps a
// SIGTERM to itself.
func ExitWithParent() {
	// If it fails we live on, as on other systems.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0)
}

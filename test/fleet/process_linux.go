package fleet

import "syscall"

func exitWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

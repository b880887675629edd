//go:build !linux

package main

import "syscall"

// dieWithUs can be had on Linux only.
func dieWithUs(*syscall.SysProcAttr) {}

//go:build !linux

package e2e

import (
	"syscall"
	"testing"
)

func dieWithUs(*syscall.SysProcAttr) {}

// postgresIn cannot tell elsewhere.
func postgresIn(*testing.T, string) []int { return nil }

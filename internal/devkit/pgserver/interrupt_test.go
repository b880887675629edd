package pgserver

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"
)

// An interrupt of the terminal may end a program before this process has noticed it.
func TestRunToEnd_InterruptIsTheEndOfTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := runToEnd(ctx, exec.CommandContext(ctx, "/bin/sh", "-c", "kill -INT $$")); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := runToEnd(t.Context(), exec.CommandContext(t.Context(), "/bin/sh", "-c", "exit 3")); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("the error of a failed program is %v", err)
	}
}

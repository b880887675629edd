package devserver

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
)

// openBrowser opens a URL in the user's browser.
func openBrowser(ctx context.Context, url string) error {
	program := "xdg-open"
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	// It may run as long as the browser, which outlives this program.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, url) //nolint:gosec // both are ours
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("open a browser: %w", err)
	}
	go func() { _ = cmd.Wait() }() // how it ends does not matter
	return nil
}

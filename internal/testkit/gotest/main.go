// Command gotest runs go test and prints the result of each package as it ends:
//
//	go run ./internal/testkit/gotest -timeout 10m ./...
//
// go test prints results in the order of its arguments, so that one slow package
// delays all lines after it. gotest prints the same lines in the order in which the
// packages end. For a failed package it prints the output of the failed tests. At the
// end it repeats the lines of the failed packages. While packages compile or run for
// long, it prints progress to standard error. Its exit status is that of go test.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// progressInterval is the time without output after which a line of progress follows.
const progressInterval = 30 * time.Second

func main() {
	// go test gets the signals of the terminal too; it ends, and gotest with it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	os.Exit(status)
}

// run returns the exit status of go test, or 1 and an error.
func run(ctx context.Context, args []string) (int, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return 1, err
	}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	r := newReport(os.Stdout, time.Now)
	err = errors.Join(follow(r, events), cmd.Wait())
	r.finish()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

// follow feeds the report with the lines of go test, until they end.
func follow(r *report, events io.Reader) error {
	var mu sync.Mutex
	done := make(chan struct{})
	var progress sync.WaitGroup
	defer progress.Wait()
	defer close(done)
	progress.Go(func() {
		tick := time.NewTicker(progressInterval / 10)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			mu.Lock()
			if line := r.progress(progressInterval); line != "" {
				fmt.Fprintln(os.Stderr, line)
			}
			mu.Unlock()
		}
	})
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		mu.Lock()
		if len(line) > 0 {
			r.add(line)
		}
		mu.Unlock()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

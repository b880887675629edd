package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestSupervise_ReturnsExitStatus(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"exit 0":        0,
		"exit 3":        3,
		"kill -TERM $$": 128 + int(syscall.SIGTERM),
	} {
		got, err := supervise(exec.Command("sh", "-c", script), nil)
		if got != want || err != nil {
			t.Errorf("attend(%q) = %d, %v; want %d", script, got, err, want)
		}
	}
	if _, err := supervise(exec.Command("there-is-no-such-program"), nil); err == nil {
		t.Error("a program that does not exist gave no error")
	}
}

func TestSupervise_ForwardsSignalsAndEndsTheGroup(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	// The grandchild ignores the signal that ends its parent, and holds the pipe.
	// It prints its process group when both are ready for the signal.
	cmd := exec.Command("sh", "-c", `trap "exit 7" TERM; (trap "" TERM; echo $$; exec sleep 600) & wait`)
	cmd.Stdout = write
	signals := make(chan os.Signal, 1)
	done := make(chan int, 1)
	go func() {
		got, _ := supervise(cmd, signals) // After an error it is 0, not 7.
		write.Close()
		done <- got
	}()
	output := bufio.NewReader(read)
	line, err := output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	signals <- syscall.SIGTERM
	if got := <-done; got != 7 {
		t.Errorf("exit status %d, want that of the command, 7", got)
	}

	leader, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for !errors.Is(syscall.Kill(-leader, 0), syscall.ESRCH) {
		if time.Now().After(deadline) {
			t.Fatal("a process of the group is still running")
		}
		time.Sleep(time.Millisecond)
	}
}

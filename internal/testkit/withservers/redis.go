package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// redis is a running server that keeps nothing on disk.
type redis struct {
	process *os.Process
	address string
	ended   chan struct{}
}

// startRedis returns when the server answers.
func startRedis(ctx context.Context, dir string) (*redis, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server on PATH: install Debian's redis-server, or Homebrew's redis")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // Redis has its own copy.
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--save", "", "--appendonly", "no")
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own, because an interrupt typed at the terminal shall end
	// the tests first, and the server after them.
	cmd.SysProcAttr = ownGroup()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	r := &redis{process: cmd.Process, address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // However it ended: who needs it sees that it is gone.
		close(r.ended)
	}()
	if err := r.ready(ctx); err != nil {
		r.stop()
		said, _ := os.ReadFile(log.Name()) // Without it the error still stands.
		return nil, fmt.Errorf("start Redis: %w\n%s", err, said)
	}
	return r, nil
}

func (r *redis) url() string { return "redis://" + r.address + "/0" }

// ready waits until the server answers.
func (r *redis) ready(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if r.ping(ctx) {
			return nil
		}
		select {
		case <-tick.C:
		case <-r.ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *redis) ping(ctx context.Context) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", r.address)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second)) // A live connection takes a deadline.
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && answer == "+PONG\r\n"
}

func (r *redis) stop() {
	_ = r.process.Signal(syscall.SIGTERM) // If it has ended, so much the better.
	select {
	case <-r.ended:
	case <-time.After(stopWithin):
		_ = r.process.Kill()
		<-r.ended
	}
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("%s is no TCP address", listener.Addr())
	}
	return address.Port, nil
}

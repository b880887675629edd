// Package redisserver starts private Redis servers for tests. They listen on loopback,
// store nothing on disk, and end with the process that started them.
package redisserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// stopTimeout bounds an orderly stop.
const stopTimeout = 10 * time.Second

// ErrNoProgram is returned where Redis is not installed.
var ErrNoProgram = errors.New("there is no redis-server on PATH: install Debian's redis-server, or Homebrew's redis")

// Server is a Redis server.
type Server struct {
	// Address is where it listens, host:port, also after a restart.
	Address string

	program string
	args    []string
	log     string
	process *os.Process
	ended   chan struct{}
}

// Start returns when the server responds. Its log is a file in dir, which must exist. Args
// are additional arguments of redis-server.
func Start(ctx context.Context, dir string, args ...string) (*Server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoProgram
	}
	port, err := FreePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), program: program, log: filepath.Join(dir, "log"),
		args: append([]string{
			"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--save", "", "--appendonly", "no", "--databases", "1024",
		}, args...),
	}
	return s, s.Restart(ctx)
}

// URL is the URL of the server's first database.
func (s *Server) URL() string { return "redis://" + s.Address + "/0" }

// Restart starts a server that has ended, empty and at the same address. It returns when
// the server responds.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.launch(); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	if err := s.ready(ctx); err != nil {
		s.Kill()
		log, _ := os.ReadFile(s.log) // The log is optional in an error message.
		return fmt.Errorf("start Redis: %w\n%s", err, log)
	}
	return nil
}

func (s *Server) launch() error {
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // Redis has its own copy.
	cmd := exec.Command(s.program, s.args...)
	cmd.Stdout, cmd.Stderr = log, log
	// A process group of its own: an interrupt at the terminal ends the tests first, and
	// the server after them.
	cmd.SysProcAttr = ownGroup()
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // The kernel watches the thread that starts a child.
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // Callers see the end, not its cause.
		}
	}()
	err = <-started
	s.process, s.ended = cmd.Process, ended
	return err
}

// ready waits until the server answers.
func (s *Server) ready(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !s.ping(ctx) {
		select {
		case <-tick.C:
		case <-s.ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *Server) ping(ctx context.Context) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.Address)
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

// Pause stops the process until Continue, which looks like a network partition to clients.
func (s *Server) Pause() { _ = s.process.Signal(syscall.SIGSTOP) }

// Continue resumes a paused server.
func (s *Server) Continue() { _ = s.process.Signal(syscall.SIGCONT) }

// Kill ends the server with SIGKILL.
func (s *Server) Kill() {
	_ = s.process.Kill() // It may have ended already.
	<-s.ended
}

// Stop ends the server with SIGTERM.
func (s *Server) Stop() {
	s.Continue() // A paused process does not handle SIGTERM.
	_ = s.process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopTimeout):
		s.Kill()
	}
}

// FreePort is a port that is not in use.
func FreePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("%s is not a TCP address", listener.Addr())
	}
	return address.Port, nil
}

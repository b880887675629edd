package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Redis is a server that keeps nothing on disk.
type Redis struct{ process *Process }

func startRedis(ctx context.Context, dir string) (*Redis, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("there is no redis-server on PATH: install Debian's redis-server, or Homebrew's redis")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	port, err := FreePort(ctx)
	if err != nil {
		return nil, err
	}
	process, err := launch(ctx, ServerConfig{
		Name: "redis", Path: program, Dir: dir,
		Args: []string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--save", "", "--appendonly", "no"},
	}, net.JoinHostPort("127.0.0.1", port), dir+"/log")
	if err != nil {
		return nil, err
	}
	r := &Redis{process: process}
	if err := process.waitReady(ctx, func() bool { _, err := r.ask(ctx, "PING"); return err == nil }); err != nil {
		process.Stop()
		return nil, err
	}
	return r, nil
}

// URL is that of the server's first database.
func (r *Redis) URL() string { return "redis://" + r.process.Address + "/0" }

// Address is where it listens.
func (r *Redis) Address() string { return r.process.Address }

// PID is its process.
func (r *Redis) PID() int { return r.process.PID }

// Commands is how many commands it has served, this question included.
func (r *Redis) Commands(ctx context.Context) (int, error) {
	stats, err := r.ask(ctx, "INFO stats")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(stats) {
		if count, found := strings.CutPrefix(line, "total_commands_processed:"); found {
			return strconv.Atoi(strings.TrimSpace(count))
		}
	}
	return 0, errors.New("the statistics of Redis have no number of commands")
}

// Version is which Redis this is.
func (r *Redis) Version(ctx context.Context) string {
	server, err := r.ask(ctx, "INFO server")
	if err != nil {
		return "Redis"
	}
	for line := range strings.Lines(server) {
		if version, found := strings.CutPrefix(line, "redis_version:"); found {
			return "Redis " + strings.TrimSpace(version)
		}
	}
	return "Redis"
}

// command sends one command over a connection of its own.
func (r *Redis) ask(ctx context.Context, command string) (string, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.process.Address)
	if err != nil {
		return "", fmt.Errorf("call Redis: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", fmt.Errorf("call Redis: %w", err)
	}
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		return "", fmt.Errorf("call Redis: %w", err)
	}
	reader := bufio.NewReader(conn)
	line, err := reader.ReadString('\n')
	if err != nil || line == "" {
		return "", fmt.Errorf("call Redis: %w", err)
	}
	switch rest := strings.TrimSpace(line[1:]); line[0] {
	case '+':
		return rest, nil
	case '$':
		length, err := strconv.Atoi(rest)
		if err != nil || length < 0 {
			return "", fmt.Errorf("call Redis: a length of %q", rest)
		}
		text := make([]byte, length)
		_, err = io.ReadFull(reader, text)
		return string(text), err
	default:
		return "", fmt.Errorf("call Redis: %s", rest)
	}
}

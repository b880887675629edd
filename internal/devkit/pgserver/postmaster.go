package pgserver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	loopback = "127.0.0.1"
	// pollEvery is how often a state is looked at that cannot be waited for.
	pollEvery = 2 * time.Millisecond
	// portAttempts is plenty: one port in thousands is taken in the few
	// milliseconds between finding it free and PostgreSQL listening on it.
	portAttempts = 10
)

var errPortTaken = errors.New("another process took the port")

// freePort is a port nobody listens on at this moment.
func freePort() (int, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, "0")) //nolint:noctx // Nothing to wait for.
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	addr, err := netip.ParseAddrPort(l.Addr().String())
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return int(addr.Port()), nil
}

// launch starts a server on the data and returns when it accepts connections.
func (h *home) launch(
	ctx context.Context, bin binaries, settings map[string]string, freePort func() (int, error),
) (*child, int, error) {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return nil, 0, err
		}
		c, err := h.boot(ctx, filepath.Join(bin.dir, "postgres"), port, settings)
		if err == nil {
			return c, port, nil
		}
		if !errors.Is(err, errPortTaken) || attempt == portAttempts {
			return nil, 0, err
		}
		h.log.DebugContext(ctx, "another process took the port, trying another", "port", port)
	}
}

// boot starts a server on one port.
func (h *home) boot(ctx context.Context, postgres string, port int, settings map[string]string) (*child, error) {
	out, err := openServerLog(h.logPath())
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.file.Close() }() // the server has its own copy

	// Not bound to ctx, which ends when the start does.
	cmd := h.as.command(context.WithoutCancel(ctx), h.root, postgres, h.arguments(port, settings)...)
	// A file is handed over as it is. Anything else would be a pipe that we have
	// to empty, and that breaks when we die before the server.
	cmd.Stdout, cmd.Stderr = out.file, out.file
	c, err := spawn(cmd, syscall.SIGINT)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", postgres, err)
	}
	err = h.awaitReady(ctx, c)
	if err == nil {
		return c, nil
	}
	_ = c.stop(expired(ctx)) // the reason for stopping is the error to report
	tail := out.written()
	if strings.Contains(tail, "Address already in use") {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return nil, fmt.Errorf("%w; the last lines of %s:\n%s", err, h.logPath(), lastLines(tail, 15))
}

// expired is a context that is done, to stop a server without patience.
func expired(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// arguments has ours after the caller's, since the last of a name counts.
func (h *home) arguments(port int, settings map[string]string) []string {
	args := []string{"-D", h.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return append(args,
		"-c", "listen_addresses="+loopback,
		"-c", "port="+strconv.Itoa(port),
		// No socket in the file system: its path may have 107 bytes only, and
		// Debian's default directory is not ours to write to.
		"-c", "unix_socket_directories=",
		"-c", "logging_collector=off",
		"-c", "log_destination=stderr",
	)
}

// awaitReady returns when the server says so in its pid file. Connecting would
// not be as good a proof: another server could be the one that answers.
func (h *home) awaitReady(ctx context.Context, c *child) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.done:
			return fmt.Errorf("the server ended while starting: %w", c.err)
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w", context.Cause(ctx))
		case <-tick.C:
		}
		if f, err := readPidFile(h.data()); err == nil && f.pid == c.pid() && f.status == "ready" {
			return nil
		}
	}
}

// pidFile is what a server says about itself in its data directory.
type pidFile struct {
	pid    int
	status string // "starting", "ready", "stopping"; empty when not written yet
}

func pidFilePath(data string) string { return filepath.Join(data, "postmaster.pid") }

var errNoPid = errors.New("no process number in it")

// readPidFile fails with fs.ErrNotExist, and with errNoPid on a broken file.
func readPidFile(data string) (pidFile, error) {
	b, err := os.ReadFile(pidFilePath(data))
	if err != nil {
		return pidFile{}, err
	}
	lines := strings.Split(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return pidFile{}, fmt.Errorf("read %s: %w", pidFilePath(data), errNoPid)
	}
	f := pidFile{pid: pid}
	if len(lines) >= 8 {
		f.status = strings.TrimSpace(lines[7])
	}
	return f, nil
}

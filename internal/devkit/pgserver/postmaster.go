package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
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
	// pollInterval is the time between two checks of a state that sends no event.
	pollInterval = 2 * time.Millisecond
	// maxPortAttempts is sufficient: another process rarely takes a port in the few
	// milliseconds between finding it free and PostgreSQL listening on it.
	maxPortAttempts = 10
)

var errPortTaken = errors.New("another process took the port")

// The range of new ports. It is below the ephemeral ports (32768 and up), of which an
// outgoing connection could have the stored one at the next start.
const minPort, maxPort = 10000, 19999

// freePort returns a port that is currently free.
func freePort() (int, error) {
	var err error
	for range maxPortAttempts {
		port := minPort + rand.IntN(maxPort-minPort+1) //nolint:gosec // a port need not be a secret
		var l net.Listener
		if l, err = net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(port))); err == nil { //nolint:noctx // Nothing to wait for.
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// storedPort returns the port of the last start, so that saved connections continue to
// work. Without a stored port it is 0.
func (h *dataDir) storedPort() int {
	b, err := os.ReadFile(h.portPath())
	if err != nil {
		return 0 // no port is stored, or another one will do
	}
	port, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}

// launch starts a server on the data and returns once it accepts connections. It uses
// the port of the last start, unless another process has it.
func (h *dataDir) launch(
	ctx context.Context, bin binaries, settings map[string]string, freePort func() (int, error),
) (*child, int, error) {
	port := h.storedPort()
	for attempt := 1; ; attempt++ {
		if port == 0 {
			var err error
			if port, err = freePort(); err != nil {
				return nil, 0, err
			}
		}
		c, err := h.boot(ctx, filepath.Join(bin.dir, "postgres"), port, settings)
		if err == nil {
			if err := writeAtomically(h.portPath(), strconv.Itoa(port)+"\n"); err != nil {
				return nil, 0, errors.Join(fmt.Errorf("store the port: %w", err), c.stop(cancelled(ctx)))
			}
			return c, port, nil
		}
		if !errors.Is(err, errPortTaken) || attempt == maxPortAttempts {
			return nil, 0, err
		}
		h.log.DebugContext(ctx, "another process took the port, trying another", "port", port)
		port = 0
	}
}

// boot starts a server on one port.
func (h *dataDir) boot(ctx context.Context, postgres string, port int, settings map[string]string) (*child, error) {
	out, err := openServerLog(h.logPath())
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.file.Close() }() // the server has its own descriptor

	// Not bound to ctx, which limits the start alone.
	cmd := h.as.command(context.WithoutCancel(ctx), h.root, postgres, h.arguments(port, settings)...)
	// The child inherits a file directly. Anything else would be a pipe that this process
	// must drain, and that breaks if this process dies before the server.
	cmd.Stdout, cmd.Stderr = out.file, out.file
	c, err := spawn(cmd, syscall.SIGINT)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", postgres, err)
	}
	err = h.waitUntilReady(ctx, c)
	if err == nil {
		return c, nil
	}
	_ = c.stop(cancelled(ctx)) // the reason for stopping is the error to report
	written := out.tail()
	if strings.Contains(written, "Address already in use") {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return nil, fmt.Errorf("%w; the last lines of %s:\n%s", err, h.logPath(), lastLines(written, 15))
}

// cancelled returns a context that is done, to stop a server at once.
func cancelled(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

// arguments puts ours after the caller's, since the last value of a setting wins.
func (h *dataDir) arguments(port int, settings map[string]string) []string {
	args := []string{"-D", h.data()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return append(args,
		"-c", "listen_addresses="+loopback,
		"-c", "port="+strconv.Itoa(port),
		// No Unix socket: its path may have only 107 bytes, and Debian's default
		// directory is not writable.
		"-c", "unix_socket_directories=",
		"-c", "logging_collector=off",
		"-c", "log_destination=stderr",
	)
}

// waitUntilReady returns once the pid file says that the server is ready. A connection
// would prove less: another server could accept it.
func (h *dataDir) waitUntilReady(ctx context.Context, c *child) error {
	tick := time.NewTicker(pollInterval)
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

// pidFile is the content of postmaster.pid, which a server writes.
type pidFile struct {
	pid    int
	status string // "starting", "ready", "stopping"; empty if not written yet
}

func pidFilePath(data string) string { return filepath.Join(data, "postmaster.pid") }

var errNoPid = errors.New("it contains no process ID")

// readPidFile returns fs.ErrNotExist without a file, and errNoPid for an invalid one.
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

const (
	serverLogLimit = 10 << 20
	// tailLimit is how much of the log is searched for the reason of a failure.
	tailLimit = 16 << 10
)

// serverLog is the log file of the server.
type serverLog struct {
	file *os.File
	from int64 // offset of the current server's first line
}

// openServerLog opens the log. It first renames a large one, replacing the previously
// renamed one.
func openServerLog(path string) (serverLog, error) {
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return serverLog{}, fmt.Errorf("inspect the server's log: %w", err)
	}
	if err == nil && info.Size() > serverLogLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return serverLog{}, fmt.Errorf("rename the server's old log: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return serverLog{}, fmt.Errorf("open the server's log: %w", err)
	}
	if info, err = f.Stat(); err != nil {
		return serverLog{}, errors.Join(fmt.Errorf("inspect the server's log: %w", err), f.Close())
	}
	return serverLog{file: f, from: info.Size()}, nil
}

// tail returns the end of the current server's log.
func (l serverLog) tail() string {
	from := l.from
	if info, err := l.file.Stat(); err == nil {
		from = max(from, info.Size()-tailLimit)
	}
	b, err := io.ReadAll(io.NewSectionReader(l.file, from, tailLimit))
	if err != nil {
		return "(unreadable: " + err.Error() + ")"
	}
	return string(b)
}

// lastLines returns the last n lines of a text, for an error message.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

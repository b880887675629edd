package pgserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const (
	serverLogLimit = 10 << 20
	// tailLimit is how much of the log is searched for the reason of a failure.
	tailLimit = 16 << 10
)

// serverLog is the file that servers append their log to.
type serverLog struct {
	file *os.File
	from int64 // where the present server begins
}

// openServerLog puts a log that has grown large aside, in place of the one put
// aside before it.
func openServerLog(path string) (serverLog, error) {
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return serverLog{}, fmt.Errorf("look at the server's log: %w", err)
	}
	if err == nil && info.Size() > serverLogLimit {
		if err := os.Rename(path, path+".1"); err != nil {
			return serverLog{}, fmt.Errorf("put the server's old log aside: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return serverLog{}, fmt.Errorf("open the server's log: %w", err)
	}
	if info, err = f.Stat(); err != nil {
		return serverLog{}, errors.Join(fmt.Errorf("look at the server's log: %w", err), f.Close())
	}
	return serverLog{file: f, from: info.Size()}, nil
}

// written is the end of what the present server wrote.
func (l serverLog) written() string {
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

// lastLines is the end of a text, for an error message.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

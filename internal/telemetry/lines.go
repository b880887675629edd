package telemetry

import (
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// mostPending is how many bytes of lines wait for each other at most.
	mostPending = 16 << 10
	// longestPending is how long a line waits for others at most.
	longestPending = 100 * time.Millisecond
)

// Lines writes what is written to it to another writer, many lines at a time: for
// each request there is one, and writing it by itself is a good part of what a
// request costs that is answered from memory. A line waits for a tenth of a second
// at most; loggers of NewLogger flush warnings and what is worse at once, together
// with what was before.
//
// Who ends the program has to flush. What ends it by force ends up to a tenth of a
// second of lines.
type Lines struct {
	w io.Writer

	mu      sync.Mutex
	pending []byte
	// due is true while a flush is on its way.
	due bool
}

// NewLines returns lines that are written to w. Its errors are those of w, and come
// with a later line.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Write takes whole lines.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, b...)
	if len(l.pending) >= mostPending {
		return len(b), l.flush()
	}
	if !l.due {
		l.due = true
		time.AfterFunc(longestPending, func() { _ = l.Flush() }) // there is no other place to complain at
	}
	return len(b), nil
}

// Flush writes what waits.
func (l *Lines) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = false
	return l.flush()
}

func (l *Lines) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	_, err := l.w.Write(l.pending)
	l.pending = l.pending[:0]
	return err
}

// flushFrom flushes w, if it is lines, behind a line that somebody has to see at once.
func flushFrom(w io.Writer, level slog.Level) error {
	if lines, ok := w.(*Lines); ok && level >= slog.LevelWarn {
		return lines.Flush()
	}
	return nil
}

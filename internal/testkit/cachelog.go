package testkit

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// maxLogLines bounds the shown lines of a server's log, since they are held in memory. A
// test may make a million requests.
const maxLogLines = 50_000

// cacheLog is a server's log that records which requests were cache hits.
type cacheLog struct {
	io.Writer

	lines atomic.Int64
	mu    sync.Mutex
	hits  map[string]bool
}

var cacheHitLine = regexp.MustCompile(`request_id=(\S+) .*\bcache=hit\b`)

// Write takes one line.
func (l *cacheLog) Write(line []byte) (int, error) {
	if found := cacheHitLine.FindSubmatch(line); found != nil {
		l.mu.Lock()
		l.hits[string(found[1])] = true
		l.mu.Unlock()
	}
	if l.lines.Add(1) > maxLogLines && strings.Contains(string(line), "level=INFO") {
		return len(line), nil
	}
	return l.Writer.Write(line)
}

// CacheHit reports whether the response to the request with this ID came from the cache.
// The request went to Handler, or ended a while ago: the log line follows the response.
func (s *Server) CacheHit(requestID string) bool {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	hit := s.log.hits[requestID]
	delete(s.log.hits, requestID)
	return hit
}

// logBuffer is a log in memory. A server may still write while the test reads it.
type logBuffer struct {
	mu    sync.Mutex
	lines bytes.Buffer
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.Write(line)
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lines.String()
}

package testkit

import (
	"io"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// maxLogLines is how many lines of a server's log are shown; a test that makes a
// million requests would have to hold them all.
const maxLogLines = 50_000

// cacheLog is a server's log, which also tells what the gate has answered.
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

// CacheHit reports whether the gate has answered the request with this id, which was
// asked of Handler, or some time ago: a server logs what it has answered.
func (s *Server) CacheHit(requestID string) bool {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	hit := s.log.hits[requestID]
	delete(s.log.hits, requestID)
	return hit
}

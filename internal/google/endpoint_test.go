package google_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clock is a clock that stands still until it is moved.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time          { return epoch.Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// endpoint is one endpoint of an issuer. It counts requests, and can be replaced.
type endpoint struct {
	to      http.Handler
	visits  atomic.Int64
	instead atomic.Pointer[http.HandlerFunc]
}

func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.visits.Add(1)
	if other := e.instead.Load(); other != nil {
		(*other)(w, r)
		return
	}
	e.to.ServeHTTP(w, r)
}

func (e *endpoint) count() int                      { return int(e.visits.Load()) }
func (e *endpoint) replace(handle http.HandlerFunc) { e.instead.Store(&handle) }
func (e *endpoint) restore()                        { e.instead.Store(nil) }
func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
}

// lines is a log that can be read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.FieldsFunc(l.text.String(), func(r rune) bool { return r == '\n' })
}

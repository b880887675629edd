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

// door stands before one endpoint. It counts who comes, and can be made to
// answer something else.
type door struct {
	to      http.Handler
	visits  atomic.Int64
	instead atomic.Pointer[http.HandlerFunc]
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.visits.Add(1)
	if other := d.instead.Load(); other != nil {
		(*other)(w, r)
		return
	}
	d.to.ServeHTTP(w, r)
}

func (d *door) count() int                     { return int(d.visits.Load()) }
func (d *door) answer(handle http.HandlerFunc) { d.instead.Store(&handle) }
func (d *door) mend()                          { d.instead.Store(nil) }
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

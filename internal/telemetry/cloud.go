package telemetry

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// cloud writes lines as Google Cloud Logging reads them: see "Structured
// logging" and "LogEntry" in its documentation. It is a handler of our own
// because slog's allocates for each name that it is to change.
type cloud struct {
	level slog.Level
	// traces is the beginning of a trace's name.
	traces string
	out    *output
	// fixed is what every line of this handler has, written already. The groups
	// that are open in it, and groups that nothing is in yet, stand in opened and
	// unopened.
	fixed    []byte
	opened   int
	unopened []string
}

// output is what handlers that were made of each other share.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

var _ slog.Handler = (*cloud)(nil)

func newCloud(w io.Writer, c LogConfig) *cloud {
	h := &cloud{level: c.Level, out: &output{w: w}}
	if c.Project != "" {
		h.traces = "projects/" + c.Project + "/traces/"
	}
	return h
}

// Enabled reports whether a level is written.
func (h *cloud) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// mostPooled is the largest buffer that is used again.
const mostPooled = 16 << 10

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// Handle writes one line.
func (h *cloud) Handle(ctx context.Context, r slog.Record) error {
	buffer, _ := buffers.Get().(*[]byte)
	b := (*buffer)[:0]
	defer func() {
		if *buffer = b; cap(b) <= mostPooled {
			buffers.Put(buffer)
		}
	}()
	b = append(b, '{')
	if !r.Time.IsZero() {
		b = appendKey(b, "time")
		b = append(b, '"')
		b = r.Time.AppendFormat(b, time.RFC3339Nano)
		b = append(b, '"')
	}
	b = appendText(appendKey(b, "severity"), severity(r.Level))
	b = appendText(appendKey(b, "message"), r.Message)
	b = h.appendAttrs(b, r)
	b = h.appendTrace(b, trace.SpanContextFromContext(ctx))
	b = append(b, sourceOf(r.PC)...)
	b = append(b, '}', '\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := h.out.w.Write(b)
	return errors.Join(err, flushFrom(h.out.w, r.Level))
}

// appendAttrs writes what the handler and the line have to say.
func (h *cloud) appendAttrs(b []byte, r slog.Record) []byte {
	b = append(b, h.fixed...)
	before := len(b)
	b, opened := openGroups(b, h.unopened)
	top, start := h.opened+opened == 0, len(b)
	r.Attrs(func(a slog.Attr) bool {
		b = appendAttr(b, a, top)
		return true
	})
	if len(b) == start { // a group that nothing is in is not written
		b, opened = b[:before], 0
	}
	for range h.opened + opened {
		b = append(b, '}')
	}
	return b
}

// appendTrace writes where the line belongs to.
func (h *cloud) appendTrace(b []byte, its trace.SpanContext) []byte {
	if !its.IsValid() {
		return b
	}
	id, span := its.TraceID(), its.SpanID()
	b = append(appendKey(b, "logging.googleapis.com/trace"), '"')
	b = append(b, h.traces...)
	b = append(hex.AppendEncode(b, id[:]), '"')
	b = append(appendKey(b, "logging.googleapis.com/spanId"), '"')
	b = append(hex.AppendEncode(b, span[:]), '"')
	return strconv.AppendBool(appendKey(b, "logging.googleapis.com/trace_sampled"), its.IsSampled())
}

// WithAttrs is a handler whose every line has these.
func (h *cloud) WithAttrs(attrs []slog.Attr) slog.Handler {
	b, opened := openGroups(slices.Clone(h.fixed), h.unopened)
	top, start := h.opened+opened == 0, len(b)
	for _, a := range attrs {
		b = appendAttr(b, a, top)
	}
	if len(b) == start {
		return h
	}
	its := *h
	its.fixed, its.opened, its.unopened = b, h.opened+opened, nil
	return &its
}

// WithGroup is a handler that puts into a group whatever comes later.
func (h *cloud) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	its := *h
	its.unopened = append(slices.Clone(h.unopened), name)
	return &its
}

func openGroups(b []byte, names []string) ([]byte, int) {
	for _, name := range names {
		b = append(appendKey(b, name), '{')
	}
	return b, len(names)
}

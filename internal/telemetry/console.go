package telemetry

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// consoleHandler is a slog.Handler with short lines for a terminal: the time of day,
// the level unless it is INFO, the message, and the attributes. A request is its
// method, route, status and latency, and the code of its problem.
type consoleHandler struct {
	slog.Handler // writes the attributes to the line

	line *consoleLine
}

// consoleLine is the line that is being written.
type consoleLine struct {
	mu   sync.Mutex
	text bytes.Buffer
	to   io.Writer
}

func newConsoleHandler(to io.Writer, level slog.Level) consoleHandler {
	line := &consoleLine{to: to}
	attrs := slog.NewTextHandler(&line.text, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutBuiltins})
	return consoleHandler{Handler: attrs, line: line}
}

// withoutBuiltins removes the level and the empty message, which Handle writes itself.
func withoutBuiltins(groups []string, a slog.Attr) slog.Attr {
	_, isLevel := a.Value.Any().(slog.Level)
	if len(groups) == 0 && (a.Key == slog.LevelKey && isLevel || a.Equal(slog.String(slog.MessageKey, ""))) {
		return slog.Attr{}
	}
	return a
}

// Handle writes one line.
func (h consoleHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	text := &h.line.text
	text.Reset()
	text.WriteString(r.Time.Format(time.TimeOnly) + " ")
	if r.Level != slog.LevelInfo {
		text.WriteString(severity(r.Level) + " ")
	}
	rest := slog.NewRecord(time.Time{}, r.Level, "", 0)
	if request, attrs := splitRequest(r); request != nil {
		text.WriteString(requestText(request))
		rest.AddAttrs(attrs...)
	} else {
		text.WriteString(r.Message)
		r.Attrs(func(a slog.Attr) bool {
			rest.AddAttrs(a)
			return true
		})
	}
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		rest.AddAttrs(slog.String("trace", span.TraceID().String()))
	}
	text.WriteByte(' ')
	if err := h.Handler.Handle(ctx, rest); err != nil {
		return err
	}
	_, err := h.line.to.Write(append(bytes.TrimRight(text.Bytes(), " \n"), '\n'))
	return err
}

// splitRequest returns the group "http" of a request's line, and the attributes that
// the short line has as well. For any other line the group is nil.
func splitRequest(r slog.Record) (request map[string]slog.Value, attrs []slog.Attr) {
	r.Attrs(func(a slog.Attr) bool {
		switch {
		case a.Key == "http" && a.Value.Kind() == slog.KindGroup:
			request = map[string]slog.Value{}
			for _, inner := range a.Value.Group() {
				request[inner.Key] = inner.Value
			}
		case a.Key == "code", a.Key == "error":
			attrs = append(attrs, a)
		case a.Key == "request_id" && r.Level > slog.LevelInfo: // to be found in the response
			attrs = append(attrs, a)
		}
		return true
	})
	return request, attrs
}

// requestText is a request as a person reads it: GET /api/v1/projects 200 3ms.
func requestText(request map[string]slog.Value) string {
	latency := "<1ms"
	if ms := request["latency"].Duration().Milliseconds(); ms > 0 {
		latency = strconv.FormatInt(ms, 10) + "ms"
	}
	route := request["route"].String()
	if route == "" {
		route = "(no route)"
	}
	return request["method"].String() + " " + route + " " + request["status"].String() + " " + latency
}

// WithAttrs returns a handler of the same kind.
func (h consoleHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return consoleHandler{h.Handler.WithAttrs(attrs), h.line}
}

// WithGroup returns a handler of the same kind.
func (h consoleHandler) WithGroup(name string) slog.Handler {
	return consoleHandler{h.Handler.WithGroup(name), h.line}
}

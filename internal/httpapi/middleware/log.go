package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"time"
)

// StatusWriter records the status and the size of a response.
type StatusWriter struct {
	http.ResponseWriter

	Status int
	Bytes  int64
}

// Unwrap lets http.ResponseController reach the connection.
func (w *StatusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader records the first status.
func (w *StatusWriter) WriteHeader(status int) {
	if w.Status == 0 {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts the bytes.
func (w *StatusWriter) Write(b []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.Bytes += int64(n)
	return n, err
}

// ErrShutdown is the cause of the cancelled requests that a shutdown cut off.
var ErrShutdown = errors.New("the server shut down before the request was complete")

// statusClientClosed stands in log and metrics for a request whose client disconnected
// before the response. The number is nginx's; it is never sent.
const statusClientClosed = 499

// cutOff returns what ended a request before its response was complete, and the status
// to log. By is empty for a complete request. Complete is false if the handler
// panicked to close the connection.
//
// The errors of a lost connection are not those of the request: half a body looks like
// malformed JSON.
func cutOff(r *http.Request, response *StatusWriter, complete bool) (by string, status int) {
	p, cause := InfoFrom(r.Context()).Problem, context.Cause(r.Context())
	symptom := response.Status == 0 || p != nil && (p.Status == http.StatusBadRequest || p.Status == http.StatusServiceUnavailable)
	switch {
	case complete && (cause == nil || !symptom):
		return "", response.Status
	case errors.Is(cause, ErrShutdown):
		return "shutdown", http.StatusServiceUnavailable
	case cause != nil:
		return "client", statusClientClosed
	default:
		return "server", response.Status
	}
}

// LogRequests counts and logs each request when its response is complete or
// aborted.
func (m *Middleware) LogRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := m.Now()
		response := &StatusWriter{ResponseWriter: w}
		complete := false
		defer m.Metrics.Begin()()
		defer func() { m.logRequest(r, response, start, complete) }()
		next.ServeHTTP(response, r)
		complete = true
	})
}

// logRequest counts a request, ends its span, and writes its log line. The line has
// the route instead of the path, the authenticated user, and the code and the cause
// of a problem; for a request that was cut off, what did that.
func (m *Middleware) logRequest(r *http.Request, response *StatusWriter, start time.Time, complete bool) {
	info := InfoFrom(r.Context())
	method, took := knownMethod(r.Method), m.Now().Sub(start)
	by, status := cutOff(r, response, complete)
	if info.Streaming.IsZero() {
		m.Metrics.Request(method, info.Route, status, took)
	} else {
		m.Metrics.Request(method, info.Route, status, info.Streaming.Sub(start))
	}
	level := slog.LevelInfo
	attrs := append(make([]slog.Attr, 0, 7), slog.String("request_id", info.RequestID), slog.Attr{
		Key: "http", Value: slog.GroupValue(
			slog.String("method", method), slog.String("route", info.Route), slog.Int("status", status),
			slog.Int64("bytes", response.Bytes), slog.Duration("latency", took), slog.String("protocol", r.Proto)),
	})
	if info.Cache != "" {
		m.Metrics.Cache(info.Route, info.Cache)
		attrs = append(attrs, slog.String("cache", info.Cache))
	}
	if info.User != "" {
		attrs = append(attrs, slog.String("user", info.User))
		if m.OnUser != nil && response.Status < http.StatusBadRequest {
			m.OnUser(info.User)
		}
	}
	if by != "" {
		attrs = append(attrs, slog.String("cut_off_by", by))
		if by != "client" {
			level = slog.LevelWarn
		}
	} else if p := info.Problem; p != nil {
		m.Metrics.Problem(p.Code)
		attrs = append(attrs, slog.String("code", p.Code))
		if p.Status >= http.StatusInternalServerError {
			level = levelOf(p.Status)
			attrs = append(attrs, slog.Any("error", p.Cause))
		}
	}
	m.writeLine(r.Context(), level, attrs)
	if info.endSpan != nil {
		info.endSpan(status)
	}
}

// writeLine writes the log line of a request, without a source position: it would
// always be this one, and finding it costs as much as the rest of the line.
func (m *Middleware) writeLine(ctx context.Context, level slog.Level, attrs []slog.Attr) {
	if to := m.Log.Handler(); to.Enabled(ctx, level) {
		line := slog.NewRecord(m.Now(), level, "request", 0)
		line.AddAttrs(attrs...)
		_ = to.Handle(ctx, line) // a failing log has no other place to report to
	}
}

// levelOf is the log level of a response with status 500 or above. 503 means that
// a dependency is away or the load too high, which is no fault of the program.
func levelOf(status int) slog.Level {
	if status == http.StatusServiceUnavailable {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// knownMethod is the method, or OTHER: a caller could send any word as method.
func knownMethod(method string) string {
	if method == http.MethodOptions || slices.Contains(Methods, method) {
		return method
	}
	return "OTHER"
}

// Recover turns a panic into a problem. http.ErrAbortHandler passes: it is how a
// handler closes the connection on purpose.
func (m *Middleware) Recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); {
			case v == nil:
			case v == http.ErrAbortHandler: //nolint:errorlint,err113 // the very value, as net/http compares it
				panic(v)
			default:
				m.Metrics.Panicked()
				m.Log.ErrorContext(r.Context(), "panic", "request_id", InfoFrom(r.Context()).RequestID, "stack", string(debug.Stack()))
				m.Fail(w, r, fmt.Errorf("panic of type %T", v))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

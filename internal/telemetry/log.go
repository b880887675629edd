// Package telemetry provides structured logs, metrics and traces.
//
// It knows the formats that Google Cloud Logging, Prometheus and OpenTelemetry
// read, and nothing about what is logged, counted or traced. No other package
// imports OpenTelemetry.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/trace"
)

// LevelCritical is the level of failures that need an operator at once.
const LevelCritical = slog.LevelError + 4

// modulePath is the common prefix of our packages' import paths.
const modulePath = "github.com/codegenapp/codegenapp/"

// Format is the form of log lines.
type Format string

// The formats. LOG_FORMAT uses the same names.
const (
	// JSON has the field names of Google Cloud Logging.
	JSON Format = "json"
	// Text is slog's text format, with all fields.
	Text Format = "text"
	// Console has short lines for a terminal.
	Console Format = "console"
)

// LogConfig configures a logger.
type LogConfig struct {
	// Level is the lowest level that is written.
	Level slog.Level
	// Format is the form of the lines. If empty, it is JSON.
	Format Format
	// Project is the Google Cloud project that stores the traces. Cloud Logging
	// needs it to link a line to its trace. If empty, lines have the bare trace ID.
	Project string
}

// NewLogger returns a logger that writes each line to w at once, in one call.
func NewLogger(w io.Writer, c LogConfig) *slog.Logger {
	switch c.Format {
	case Text:
		return slog.New(textHandler{slog.NewTextHandler(w, &slog.HandlerOptions{Level: c.Level, ReplaceAttr: textAttr})})
	case Console:
		return slog.New(newConsoleHandler(w, c.Level))
	default: // JSON
	}
	h := cloudHandler{Handler: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: c.Level, ReplaceAttr: cloudAttr})}
	if c.Project != "" {
		h.tracePrefix = "projects/" + c.Project + "/traces/"
	}
	return slog.New(h)
}

// severity returns the name of a level in Cloud Logging. LOG_LEVEL uses the same
// names.
func severity(l slog.Level) string {
	switch {
	case l < slog.LevelInfo:
		return "DEBUG"
	case l < slog.LevelWarn:
		return "INFO"
	case l < slog.LevelError:
		return "WARNING"
	case l < LevelCritical:
		return "ERROR"
	default:
		return "CRITICAL"
	}
}

// textAttr replaces slog's names of levels by those of LOG_LEVEL.
func textAttr(groups []string, a slog.Attr) slog.Attr {
	if level, ok := a.Value.Any().(slog.Level); ok && len(groups) == 0 && a.Key == slog.LevelKey {
		return slog.String(a.Key, severity(level))
	}
	return a
}

// cloudAttr replaces slog's own fields by those of Cloud Logging's LogEntry
// (https://cloud.google.com/logging/docs/structured-logging). Durations become
// strings in seconds, as in Google's APIs: "0.001234s".
func cloudAttr(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.String(a.Key, strconv.FormatFloat(a.Value.Duration().Seconds(), 'f', 6, 64)+"s")
	}
	if len(groups) > 0 {
		return a
	}
	switch value := a.Value.Any().(type) {
	case slog.Level:
		if a.Key == slog.LevelKey {
			return slog.String("severity", severity(value))
		}
	case string:
		if a.Key == slog.MessageKey {
			a.Key = "message"
		}
	}
	return a
}

// sourceLocation returns the position of a log call. The file name starts with the
// package, since the path that the compiler saw depends on the machine that built the
// program.
func sourceLocation(s *slog.Source) slog.Attr {
	dir, function := path.Split(s.Function)
	name, _, _ := strings.Cut(function, ".")
	return slog.Group("logging.googleapis.com/sourceLocation", //nolint:sloglint // Cloud Logging's name
		"file", path.Join(strings.TrimPrefix(dir+name, modulePath), path.Base(s.File)),
		"line", strconv.Itoa(s.Line),
		"function", strings.TrimPrefix(s.Function, modulePath))
}

// cloudHandler is a slog.Handler that adds the fields of Cloud Logging that
// HandlerOptions.ReplaceAttr cannot add: the trace, the source location and the group
// of the request. It nests groups itself, since Cloud Logging finds the trace at the top level alone.
type cloudHandler struct {
	slog.Handler

	tracePrefix string
	groups      []group // open groups, outermost first
}

// group is an open group with the attributes that were added to the handler in it.
type group struct {
	name  string
	attrs []slog.Attr
}

// Handle writes one line.
func (h cloudHandler) Handle(ctx context.Context, r slog.Record) error {
	attrs := make([]slog.Attr, 0, r.NumAttrs())
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	for _, g := range slices.Backward(h.groups) {
		attrs = []slog.Attr{slog.GroupAttrs(g.name, slices.Concat(g.attrs, attrs)...)}
	}
	for n, a := range attrs {
		attrs[n] = httpRequest(a)
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		attrs = append(attrs,
			slog.String("logging.googleapis.com/trace", h.tracePrefix+span.TraceID().String()), //nolint:sloglint // Cloud Logging's name
			slog.String("logging.googleapis.com/spanId", span.SpanID().String()),               //nolint:sloglint // Cloud Logging's name
			slog.Bool("logging.googleapis.com/trace_sampled", span.IsSampled()))                //nolint:sloglint // Cloud Logging's name
	}
	if source := r.Source(); source != nil {
		attrs = append(attrs, sourceLocation(source))
	}
	line := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	line.AddAttrs(attrs...)
	return h.Handler.Handle(ctx, line)
}

// WithAttrs returns a handler that adds attrs to each line.
func (h cloudHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.groups) == 0 {
		h.Handler = h.Handler.WithAttrs(attrs)
		return h
	}
	h.groups = slices.Clone(h.groups)
	innermost := &h.groups[len(h.groups)-1]
	innermost.attrs = slices.Concat(innermost.attrs, attrs)
	return h
}

// WithGroup returns a handler that nests the attributes added later in a group.
func (h cloudHandler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.groups = append(slices.Clone(h.groups), group{name: name})
	}
	return h
}

// requestFields maps the attributes of the group "http" to the fields of Cloud
// Logging's HttpRequest.
var requestFields = map[string]string{
	"method": "requestMethod", "route": "requestUrl", "status": "status",
	"bytes": "responseSize", "latency": "latency", "protocol": "protocol",
}

// httpRequest renames the group "http" and its attributes; it returns any other
// attribute unchanged.
func httpRequest(a slog.Attr) slog.Attr {
	if a.Key != "http" || a.Value.Kind() != slog.KindGroup {
		return a
	}
	attrs := a.Value.Group()
	renamed := make([]slog.Attr, len(attrs))
	for n, inner := range attrs {
		if name, ok := requestFields[inner.Key]; ok {
			inner.Key = name
		}
		renamed[n] = inner
	}
	return slog.GroupAttrs("httpRequest", renamed...)
}

// textHandler is a slog.Handler that adds the trace ID of the request.
type textHandler struct{ slog.Handler }

// Handle writes one line.
func (h textHandler) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler of the same kind.
func (h textHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return textHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler of the same kind.
func (h textHandler) WithGroup(name string) slog.Handler {
	return textHandler{h.Handler.WithGroup(name)}
}

// Package telemetry is how the program speaks to operators: structured logs,
// metrics and traces.
//
// It knows the forms that Google Cloud Logging, Prometheus and OpenTelemetry
// read, and nothing of what is told. No other package knows OpenTelemetry.
package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// LevelCritical is for what needs somebody at once.
const LevelCritical = slog.LevelError + 4

// LogConfig says what is logged, and how.
type LogConfig struct {
	// Level is the least that is written.
	Level slog.Level
	// Text writes for people instead of Cloud Logging.
	Text bool
	// Project is the Google Cloud project that has the traces, by which Cloud
	// Logging finds the trace of a line; empty for a trace's bare id.
	Project string
}

// NewLogger writes one JSON object a line as Google Cloud Logging reads it, or
// text for people.
func NewLogger(w io.Writer, c LogConfig) *slog.Logger {
	if c.Text {
		return slog.New(text{slog.NewTextHandler(w, &slog.HandlerOptions{Level: c.Level, ReplaceAttr: severityInText}), w})
	}
	return slog.New(newCloud(w, c))
}

// severity is the name of a level in Cloud Logging.
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

// severityInText gives levels the names that LOG_LEVEL has for them.
func severityInText(groups []string, a slog.Attr) slog.Attr {
	if level, ok := a.Value.Any().(slog.Level); ok && len(groups) == 0 && a.Key == slog.LevelKey {
		return slog.String(a.Key, severity(level))
	}
	return a
}

// text is slog's own form, with the trace of a request.
type text struct {
	slog.Handler

	w io.Writer
}

// Handle writes the line.
func (h text) Handle(ctx context.Context, r slog.Record) error {
	if its := trace.SpanContextFromContext(ctx); its.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace", its.TraceID().String()))
	}
	return errors.Join(h.Handler.Handle(ctx, r), flushFrom(h.w, r.Level))
}

// WithAttrs keeps the trace in what is made of this handler.
func (h text) WithAttrs(attrs []slog.Attr) slog.Handler { return text{h.Handler.WithAttrs(attrs), h.w} }

// WithGroup keeps the trace in what is made of this handler.
func (h text) WithGroup(name string) slog.Handler { return text{h.Handler.WithGroup(name), h.w} }

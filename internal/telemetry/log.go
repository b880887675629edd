// Package telemetry is how the program speaks to operators: structured logs.
//
// It knows the form that Google Cloud Logging reads, and nothing of what is
// logged.
package telemetry

import (
	"io"
	"log/slog"
)

// LevelCritical is for what needs somebody at once.
const LevelCritical = slog.LevelError + 4

// NewLogger writes one JSON object a line as Google Cloud Logging reads it
// (severity, message, time), or text for people.
func NewLogger(w io.Writer, level slog.Level, text bool) *slog.Logger {
	if text {
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: forCloudLogging}))
}

// forCloudLogging renames what Cloud Logging has names for. See its "LogEntry"
// and "Structured logging" pages.
func forCloudLogging(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok { // else it only has that name
			return slog.String("severity", severity(level))
		}
	}
	return a
}

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

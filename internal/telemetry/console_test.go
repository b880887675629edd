package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/telemetry"
)

func TestConsole_LinesAreShort(t *testing.T) {
	t.Parallel()
	request := func(status int, latency time.Duration, more ...any) []any {
		return append([]any{"request_id", "01a2", slog.Group("http", "method", "GET", "route", "/api/v1/projects", "status", status,
			"bytes", 12, "latency", latency, "protocol", "HTTP/1.1"), "cache", "miss", "user", "01a3"}, more...)
	}
	for name, tc := range map[string]struct {
		level   slog.Level
		message string
		attrs   []any
		want    string
	}{
		"a request":              {slog.LevelInfo, "request", request(200, 3456*time.Microsecond), "GET /api/v1/projects 200 3ms"},
		"a fast request":         {slog.LevelInfo, "request", request(304, 999*time.Microsecond), "GET /api/v1/projects 304 <1ms"},
		"a rejected request":     {slog.LevelInfo, "request", request(422, time.Second, "code", "validation_failed"), "GET /api/v1/projects 422 1000ms code=validation_failed"},
		"a failed request":       {slog.LevelError, "request", request(500, 2*time.Millisecond, "code", "internal", "error", errors.New("no\nway")), `ERROR GET /api/v1/projects 500 2ms request_id=01a2 code=internal error="no\nway"`},
		"a message":              {slog.LevelInfo, "ready", nil, "ready"},
		"a message with details": {slog.LevelWarn, "not ready", []any{"error", "no route\x1b[31m", "n", 2, "level", "high"}, `WARNING not ready error="no route\x1b[31m" n=2 level=high`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			telemetry.NewLogger(&out, telemetry.LogConfig{Format: telemetry.Console}).Log(t.Context(), tc.level, tc.message, tc.attrs...) //nolint:sloglint // a table of messages
			if !regexp.MustCompile(`^\d\d:\d\d:\d\d ` + regexp.QuoteMeta(tc.want) + "\n$").MatchString(out.String()) {
				t.Errorf("the line is %q, want the time and %q", out.String(), tc.want)
			}
		})
	}
}

func TestConsole_KeepsAttributesAndGroupsOfTheLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogConfig{Format: telemetry.Console}).With("by", "test").WithGroup("inner")
	log.InfoContext(t.Context(), "said", "msg", "stays") //nolint:sloglint // a key that is also the handler's own
	if got := out.String()[len("15:04:05 "):]; got != "said by=test inner.msg=stays\n" {
		t.Errorf("the line is %q", got)
	}
}

package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// line is the one line that log writes, as an object.
func line(t *testing.T, log func(*slog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log(telemetry.NewLogger(&out, slog.LevelDebug-100, false))
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Fatalf("not one line: %q", out.String())
	}
	var object map[string]any
	if err := json.Unmarshal(out.Bytes(), &object); err != nil {
		t.Fatalf("not JSON: %v: %s", err, out.String())
	}
	return object
}

func TestEveryLevelHasASeverityOfCloudLogging(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{
		slog.LevelDebug - 4: "DEBUG", slog.LevelDebug: "DEBUG", slog.LevelDebug + 1: "DEBUG",
		slog.LevelInfo: "INFO", slog.LevelInfo + 2: "INFO",
		slog.LevelWarn: "WARNING", slog.LevelWarn + 3: "WARNING",
		slog.LevelError: "ERROR", slog.LevelError + 3: "ERROR",
		telemetry.LevelCritical: "CRITICAL", telemetry.LevelCritical + 10: "CRITICAL",
	} {
		got := line(t, func(log *slog.Logger) { log.Log(t.Context(), level, "said") })
		if got["severity"] != want || got["level"] != nil {
			t.Errorf("level %d is written as %v", level, got)
		}
	}
}

func TestALineHasTheFieldsOfCloudLogging(t *testing.T) {
	t.Parallel()
	got := line(t, func(log *slog.Logger) {
		log.With("by", "us").WithGroup("inner").WarnContext(t.Context(), "two\nlines \x1b[31m", "error", errors.New(`a "quoted" one`+"\r\n"), "message", "stays", "severity", "stays")
	})
	at, err := time.Parse(time.RFC3339Nano, got["time"].(string))
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("the time is %v: %v", got["time"], err)
	}
	delete(got, "time")
	want := map[string]any{
		"severity": "WARNING", "message": "two\nlines \x1b[31m", "by": "us",
		"inner": map[string]any{"error": `a "quoted" one` + "\r\n", "message": "stays", "severity": "stays"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the line differs (-want +got):\n%s", diff)
	}
}

func TestAnAttributeCannotPassForTheSeverity(t *testing.T) {
	t.Parallel()
	got := line(t, func(log *slog.Logger) { log.ErrorContext(t.Context(), "said", "level", "high") }) //nolint:sloglint // what must not harm
	if got["severity"] != "ERROR" {
		t.Errorf("the line is %v", got)
	}
}

func TestNothingBelowTheLevelIsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []bool{false, true} {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, slog.LevelWarn, text)
		log.DebugContext(t.Context(), "quiet")
		log.InfoContext(t.Context(), "quiet")
		log.WarnContext(t.Context(), "loud")
		if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") || strings.Count(got, "\n") != 1 {
			t.Errorf("with text %t it writes %q", text, got)
		}
	}
}

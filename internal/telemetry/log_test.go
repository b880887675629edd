package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// logLine returns the one line that log writes, as an object.
func logLine(t *testing.T, log func(*slog.Logger)) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log(telemetry.NewLogger(&out, telemetry.LogConfig{Level: slog.LevelDebug - 100}))
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\n") {
		t.Fatalf("not one line: %q", out.String())
	}
	var object map[string]any
	if err := json.Unmarshal(out.Bytes(), &object); err != nil {
		t.Fatalf("not JSON: %v: %s", err, out.String())
	}
	return object
}

func TestLog_LevelsAreSeveritiesOfCloudLogging(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level]string{
		slog.LevelDebug - 4: "DEBUG", slog.LevelDebug: "DEBUG", slog.LevelDebug + 1: "DEBUG",
		slog.LevelInfo: "INFO", slog.LevelInfo + 2: "INFO",
		slog.LevelWarn: "WARNING", slog.LevelWarn + 3: "WARNING",
		slog.LevelError: "ERROR", slog.LevelError + 3: "ERROR",
		telemetry.LevelCritical: "CRITICAL", telemetry.LevelCritical + 10: "CRITICAL",
	} {
		got := logLine(t, func(log *slog.Logger) { log.Log(t.Context(), level, "said") })
		if got["severity"] != want || got["level"] != nil {
			t.Errorf("level %d is written as %v", level, got)
		}
	}
}

func TestLog_LinesHaveTheFieldsOfCloudLogging(t *testing.T) {
	t.Parallel()
	got := logLine(t, func(log *slog.Logger) {
		log.With("by", "us").WithGroup("inner").WarnContext(t.Context(), "two\nlines \x1b[31m", "error", errors.New(`a "quoted" one`+"\r\n"), "message", "stays", "severity", "stays")
	})
	at, err := time.Parse(time.RFC3339Nano, got["time"].(string))
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("the time is %v: %v", got["time"], err)
	}
	delete(got, "time")
	delete(got, "logging.googleapis.com/sourceLocation")
	want := map[string]any{
		"severity": "WARNING", "message": "two\nlines \x1b[31m", "by": "us",
		"inner": map[string]any{"error": `a "quoted" one` + "\r\n", "message": "stays", "severity": "stays"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the line differs (-want +got):\n%s", diff)
	}
}

func TestLog_AttributeDoesNotReplaceTheSeverity(t *testing.T) {
	t.Parallel()
	got := logLine(t, func(log *slog.Logger) { log.ErrorContext(t.Context(), "said", "level", "high") }) //nolint:sloglint // what must not harm
	if got["severity"] != "ERROR" {
		t.Errorf("the line is %v", got)
	}
}

func TestLog_LinesBelowTheLevelAreNotWritten(t *testing.T) {
	t.Parallel()
	for _, format := range []telemetry.Format{telemetry.JSON, telemetry.Text, telemetry.Console} {
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, telemetry.LogConfig{Level: slog.LevelWarn, Format: format})
		log.DebugContext(t.Context(), "quiet")
		log.InfoContext(t.Context(), "quiet")
		log.WarnContext(t.Context(), "loud")
		if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, "loud") || strings.Count(got, "\n") != 1 {
			t.Errorf("as %s it writes %q", format, got)
		}
	}
}

// entry is a log line as Cloud Logging parses it.
type entry struct {
	Severity, Message string
	Time              time.Time
	Trace             string                                `json:"logging.googleapis.com/trace"`
	SpanID            string                                `json:"logging.googleapis.com/spanId"`
	Sampled           *bool                                 `json:"logging.googleapis.com/trace_sampled"`
	Source            struct{ File, Line, Function string } `json:"logging.googleapis.com/sourceLocation"`
}

func TestLog_LinesHaveTraceAndSourceLocation(t *testing.T) {
	t.Parallel()
	const id, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	off, err := telemetry.NewTraces(telemetry.TraceConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		project, header, trace string
		sampled                *bool
	}{
		"sampled":      {"", "00-" + id + "-" + span + "-01", id, new(true)},
		"not sampled":  {"", "00-" + id + "-" + span + "-00", id, new(false)},
		"in a project": {"birds", "00-" + id + "-" + span + "-01", "projects/birds/traces/" + id, new(true)},
		"none":         {"birds", "", "", nil},
		"malformed":    {"birds", "00-" + id + "-" + span, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			if tc.header != "" {
				r.Header.Set("Traceparent", tc.header)
			}
			ctx, end := off.Begin(t.Context(), r, "GET", "/")
			if end != nil {
				t.Error("without a collector there is a span to end")
			}
			var out bytes.Buffer
			log := telemetry.NewLogger(&out, telemetry.LogConfig{Project: tc.project})
			log.WithGroup("inner").InfoContext(ctx, "said", "a", 1)
			var got entry
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			wantSpan := ""
			if tc.trace != "" {
				wantSpan = span
			}
			if got.Trace != tc.trace || got.SpanID != wantSpan || cmp.Diff(tc.sampled, got.Sampled) != "" {
				t.Errorf("the line is %s", out.String())
			}
			if n, err := strconv.Atoi(got.Source.Line); err != nil || n < 1 || got.Source.File != "internal/telemetry_test/log_test.go" ||
				!strings.Contains(got.Source.Function, "TestLog_LinesHaveTraceAndSourceLocation") {
				t.Errorf("its place is %+v", got.Source)
			}
			out.Reset()
			telemetry.NewLogger(&out, telemetry.LogConfig{Format: telemetry.Text}).With("a", 1).InfoContext(ctx, "said")
			if logged := strings.Contains(out.String(), " trace="+id); logged != (tc.trace != "") {
				t.Errorf("as text it is %s", out.String())
			}
		})
	}
}

func TestLog_RequestsAreTheHTTPRequestOfCloudLogging(t *testing.T) {
	t.Parallel()
	got := logLine(t, func(log *slog.Logger) {
		log.InfoContext(t.Context(), "request", slog.Group("http", "method", "GET", "route", "/a/{id}", "status", 200,
			"bytes", 12, "latency", 1234*time.Microsecond+567, "protocol", "HTTP/1.1"))
	})
	want := map[string]any{
		"requestMethod": "GET", "requestUrl": "/a/{id}", "status": 200.0, "responseSize": 12.0, "latency": "0.001235s", "protocol": "HTTP/1.1",
	}
	if diff := cmp.Diff(want, got["httpRequest"]); diff != "" {
		t.Errorf("the request differs (-want +got):\n%s", diff)
	}
}

func TestLog_EveryKindOfValueIsWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 17, 12, 10, 123456789, time.UTC)
	got := logLine(t, func(log *slog.Logger) {
		log.InfoContext(t.Context(), "said", "text", "a\x00\xff\"\u2028", "int", -1, "uint", uint64(1<<63), "float", 1.5, "nan", math.NaN(), "bool", true,
			"duration", 90*time.Second, "at", at, "list", []int{1, 2}, "none", nil, "strange", func() {}, slog.Group("empty"), slog.Group("", "inline", 1))
	})
	for _, name := range []string{"time", "severity", "message", "logging.googleapis.com/sourceLocation"} {
		delete(got, name)
	}
	want := map[string]any{
		"text": "a\x00\uFFFD\"\u2028", "int": -1.0, "uint": float64(1 << 63), "float": 1.5, "nan": "!ERROR:json: unsupported value: NaN", "strange": "!ERROR:json: unsupported type: func()", "bool": true,
		"duration": "90.000000s", "at": "2026-11-22T17:12:10.123456789Z", "list": []any{1.0, 2.0}, "none": nil, "inline": 1.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the values differ (-want +got):\n%s", diff)
	}
}

// slogtest checks the contract of slog.Handler; it expects slog's own names.
func TestLog_HandlersPassSlogtest(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		out.Reset()
		return telemetry.NewLogger(&out, telemetry.LogConfig{}).Handler()
	}, func(t *testing.T) map[string]any {
		var object map[string]any
		if err := json.Unmarshal(out.Bytes(), &object); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
		object[slog.LevelKey], object[slog.MessageKey] = object["severity"], object["message"]
		delete(object, "logging.googleapis.com/sourceLocation")
		return object
	})
}

func TestLog_TextHasTheLevelNamesOfTheSettings(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogConfig{Format: telemetry.Text})
	log.Log(t.Context(), slog.LevelWarn, "said", "level", "high") //nolint:sloglint // a key that is also the handler's own
	log.Log(t.Context(), telemetry.LevelCritical, "said")
	if got := out.String(); !strings.Contains(got, "level=WARNING msg=said level=high") || !strings.Contains(got, "level=CRITICAL") {
		t.Errorf("as text it is %s", got)
	}
}

// writes records each call of Write.
type writes []string

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, string(b))
	return len(b), nil
}

// A process that is killed loses no line that it has logged.
func TestLog_EachLineIsOneWriteAtOnce(t *testing.T) {
	t.Parallel()
	for _, format := range []telemetry.Format{telemetry.JSON, telemetry.Text, telemetry.Console} {
		var w writes
		log := telemetry.NewLogger(&w, telemetry.LogConfig{Format: format}).With("by", "test")
		for n := range 3 {
			log.InfoContext(t.Context(), "logged", "n", n)
			if len(w) != n+1 || strings.Count(w[n], "\n") != 1 || !strings.HasSuffix(w[n], "\n") {
				t.Fatalf("after %d lines as %s there were the writes %q", n+1, format, w)
			}
		}
	}
}

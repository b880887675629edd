package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// requestTimeout is the longest time one request to the collector takes.
	requestTimeout = 4 * time.Second
	// exportTimeout is the longest time an export takes with all its retries: the
	// default of the protocol.
	exportTimeout = 10 * time.Second
	// firstRetryDelay is the delay before the first retry; it grows with each one.
	firstRetryDelay = 500 * time.Millisecond
	maxRetryDelay   = 4 * time.Second
	// warningInterval is the shortest time between two warnings about lost spans.
	warningInterval = time.Minute
	// maxErrorText is how many bytes of an error are logged: it can quote the
	// collector's response.
	maxErrorText = 300
)

// newOTLPClient returns a client that sends spans by OTLP over HTTP, as protobuf.
// It connects at the first export.
func newOTLPClient(c TraceConfig, retries bool) (otlptrace.Client, error) {
	base, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, errors.New("the endpoint for traces is not a URL")
	}
	// The library reads its settings from the environment as well. It reports faults
	// in them with their values, which may be secrets. Ours are checked before.
	otel.SetLogger(logr.Discard())
	return otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(base.JoinPath("v1", "traces").String()),
		otlptracehttp.WithHeaders(c.Headers),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{
			Enabled: retries, InitialInterval: firstRetryDelay, MaxInterval: maxRetryDelay, MaxElapsedTime: exportTimeout,
		}),
		otlptracehttp.WithHTTPClient(&http.Client{
			Timeout:   requestTimeout,
			Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: time.Minute},
			// The headers are meant for the collector alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	), nil
}

// CheckCollector returns nil if the collector accepts an export without spans.
func CheckCollector(ctx context.Context, c TraceConfig) error {
	client, err := newOTLPClient(c, false)
	if err != nil {
		return err
	}
	err = client.UploadTraces(ctx, nil)
	if failure, ok := errors.AsType[*url.Error](err); ok {
		return failure.Err // without the address, which is set where this is read
	}
	return err
}

// exporter is a SpanExporter that logs its failures, at most one a minute: an
// unreachable collector would fill the log.
type exporter struct {
	sdk.SpanExporter

	log *slog.Logger
	now func() time.Time

	mu       sync.Mutex
	warnedAt time.Time
	lost     int
}

// ExportSpans exports spans. Its failures are logged here and nowhere else.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost += len(spans)
	if now := e.now(); e.warnedAt.IsZero() || now.Sub(e.warnedAt) >= warningInterval {
		text := err.Error()
		e.log.WarnContext(ctx, "traces cannot be exported and are lost", "spans", e.lost, "error", text[:min(len(text), maxErrorText)])
		e.warnedAt, e.lost = now, 0
	}
	return nil
}

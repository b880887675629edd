package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TraceConfig configures the export of traces.
type TraceConfig struct {
	// Endpoint is the base of the collector's URL. If empty, no spans are created.
	Endpoint string
	// Headers are sent with each export.
	Headers map[string]string
	// Service and Version identify the program; Resource has further attributes of
	// it, which do not override these two.
	Service, Version string
	Resource         map[string]string
	// Sampler selects the requests that are traced.
	Sampler Sampler
	Log     *slog.Logger
}

// Traces continues the trace that a request belongs to, and exports spans to a
// collector. Without a collector it only puts the trace into the context, for the
// log.
type Traces struct {
	// provider, tracer and client are nil without a collector.
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	client   otlptrace.Client
}

const (
	// exportInterval is how long spans are collected for one export.
	exportInterval = time.Second
	// flushTimeout is how long Close waits for the last export.
	flushTimeout = 2 * time.Second
)

// NewTraces returns traces. It does not connect to the collector yet.
func NewTraces(c TraceConfig) (*Traces, error) {
	if c.Endpoint == "" {
		return &Traces{}, nil
	}
	client, err := newOTLPClient(c, true)
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(
		sdk.WithResource(resourceOf(c)), sdk.WithSampler(c.Sampler.sampler()),
		// Its queue is bounded. Spans that do not fit are dropped; no request waits.
		sdk.WithBatcher(&exporter{SpanExporter: otlptrace.NewUnstarted(client), log: c.Log, now: time.Now},
			sdk.WithBatchTimeout(exportInterval), sdk.WithExportTimeout(exportTimeout)),
	)
	return &Traces{
		provider: provider, client: client,
		tracer: provider.Tracer(strings.TrimSuffix(modulePath, "/"), trace.WithInstrumentationVersion(c.Version)),
	}, nil
}

func resourceOf(c TraceConfig) *resource.Resource {
	attributes := []attribute.KeyValue{
		attribute.String("telemetry.sdk.name", "opentelemetry"), attribute.String("telemetry.sdk.language", "go"),
	}
	for name, value := range c.Resource {
		attributes = append(attributes, attribute.String(name, value))
	}
	// The last of several attributes with the same name wins.
	return resource.NewSchemaless(append(attributes, attribute.String("service.name", c.Service), attribute.String("service.version", c.Version))...)
}

// On reports whether spans are created.
func (t *Traces) On() bool { return t.tracer != nil }

// Close exports the spans that are still queued, for flushTimeout at most, and
// stops.
func (t *Traces) Close() {
	if !t.On() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the exporter has logged what was lost
	_ = t.client.Stop(ctx)       // cancels an export that is still running
}

// Begin starts the span of a request, as a child of the span in its traceparent.
// Method and route name the span, so they must not contain text of the caller. The
// request continues in the returned context. The returned function ends the span;
// it is nil if there is no span.
func (t *Traces) Begin(ctx context.Context, r *http.Request, method, route string) (context.Context, func(status int)) {
	ctx = withParent(ctx, r.Header["Traceparent"])
	if !t.On() {
		return ctx, nil
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	name := method
	if method == "OTHER" { // the names of the semantic conventions
		name, method = "HTTP", "_OTHER"
	}
	if route != "" {
		name += " " + route
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("http.request.method", method), attribute.String("http.route", route), attribute.String("url.scheme", scheme),
		attribute.String("network.protocol.version", strings.TrimSuffix(strings.TrimPrefix(r.Proto, "HTTP/"), ".0")),
	))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			setFailed(span, strconv.Itoa(status))
		}
		span.End()
	}
}

// withParent returns ctx with the trace of a traceparent, if there is exactly one and
// it is well-formed. The tracestate of other vendors is ignored: nothing here reads
// it, and it is text of the caller.
func withParent(ctx context.Context, parents []string) context.Context {
	if len(parents) != 1 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, traceparent(parents[0]))
}

// traceparent is a propagation.TextMapCarrier with that header alone.
type traceparent string

// Get returns the header.
func (p traceparent) Get(name string) string {
	if name == "traceparent" {
		return string(p)
	}
	return ""
}

// Set does nothing: traces are not propagated any further.
func (traceparent) Set(string, string) {}

// Keys returns the names of the headers.
func (traceparent) Keys() []string { return []string{"traceparent"} }

// Call starts the span of a call to the rate limiter or the cache, if the request is
// traced. The function that it returns ends the span with the outcome.
func (t *Traces) Call(ctx context.Context, call string) (context.Context, func(outcome string, err error)) {
	ctx, span := t.childSpan(ctx, call, trace.SpanKindInternal)
	return ctx, func(outcome string, err error) {
		span.SetAttributes(attribute.String("cache.outcome", outcome))
		if err != nil {
			setFailed(span, "unavailable")
		}
		span.End()
	}
}

// Database starts the span of a batch of statements if the request is traced. The
// span has the names of the statements, never their text. The returned function ends
// the span with the kind of failure, or an empty string on success.
func (t *Traces) Database(ctx context.Context, statements []string) (context.Context, func(failure string)) {
	ctx, span := t.childSpan(ctx, strings.Join(statements, " "), trace.SpanKindClient)
	span.SetAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.query.summary", strings.Join(statements, " ")))
	if n := len(statements); n > 1 {
		span.SetAttributes(attribute.Int("db.operation.batch.size", n))
	}
	return ctx, func(failure string) {
		if failure != "" {
			setFailed(span, failure)
		}
		span.End()
	}
}

// childSpan starts a span below that of a traced request. Work outside of requests is
// not traced: health checks of the database would fill the collector.
func (t *Traces) childSpan(ctx context.Context, name string, kind trace.SpanKind) (context.Context, trace.Span) {
	if parent := trace.SpanFromContext(ctx); !parent.IsRecording() {
		return ctx, noopSpan
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(kind))
}

// noopSpan is a span that is not recorded. It is never put into a context.
var noopSpan = trace.SpanFromContext(context.Background())

// setFailed marks a span as failed. The kind of failure is a fixed word or a code of a
// protocol, never a message, which could contain text of the caller.
func setFailed(span trace.Span, kind string) {
	span.SetAttributes(attribute.String("error.type", kind))
	span.SetStatus(codes.Error, "")
}

// Sampler selects the requests that are traced. Name is a value of
// OTEL_TRACES_SAMPLER; Ratio is the fraction of requests for traceidratio.
type Sampler struct {
	Name  string
	Ratio float64
}

var errSampler = errors.New("not always_on, always_off, traceidratio, or one of these after parentbased_")

// Check returns an error for an unknown name.
func (s Sampler) Check() error {
	switch strings.TrimPrefix(s.Name, parentBased) {
	case "always_on", "always_off", "traceidratio":
		return nil
	default:
		return errSampler
	}
}

// parentBased is the prefix of samplers that follow the decision in the traceparent.
const parentBased = "parentbased_"

func (s Sampler) sampler() sdk.Sampler {
	name, followsParent := strings.CutPrefix(s.Name, parentBased)
	sampler := sdk.AlwaysSample()
	switch name {
	case "always_off":
		sampler = sdk.NeverSample()
	case "traceidratio":
		sampler = sdk.TraceIDRatioBased(s.Ratio)
	}
	if followsParent {
		return sdk.ParentBased(sampler)
	}
	return sampler
}

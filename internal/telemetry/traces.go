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
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TraceConfig says where traces go, and which.
type TraceConfig struct {
	// Endpoint is the base of a collector's URL; no traces are made if it is empty.
	Endpoint string
	// Headers go with each export.
	Headers map[string]string
	// Service and Version say whose traces these are, Resource what else is to be
	// said of it.
	Service, Version string
	Resource         map[string]string
	// Sampler says which requests are traced.
	Sampler Sampler
	Log     *slog.Logger
}

// Traces follows requests: it takes over the trace that a request belongs to, and
// tells a collector what is done for it. Without a collector it does the first
// alone, for the log.
type Traces struct {
	// provider and tracer are nil without a collector.
	provider  *sdk.TracerProvider
	tracer    trace.Tracer
	collector *collector
}

const (
	// exportDelay is how long spans are gathered.
	exportDelay = time.Second
	// flushTimeout is how long the end waits for the last spans to be taken.
	flushTimeout = 2 * time.Second
)

// NewTraces returns traces. It does not reach the collector yet.
func NewTraces(c TraceConfig) (*Traces, error) {
	if c.Endpoint == "" {
		return &Traces{}, nil
	}
	exporter, collector, err := newExporter(c)
	if err != nil {
		return nil, err
	}
	provider := sdk.NewTracerProvider(
		sdk.WithResource(resourceOf(c)), sdk.WithSampler(c.Sampler.sampler()),
		// Spans that find no room in its queue are dropped: nothing waits for it.
		sdk.WithBatcher(exporter, sdk.WithBatchTimeout(exportDelay)),
	)
	return &Traces{provider: provider, collector: collector, tracer: provider.Tracer(strings.TrimSuffix(module, "/"), trace.WithInstrumentationVersion(c.Version))}, nil
}

func resourceOf(c TraceConfig) *resource.Resource {
	of := []attribute.KeyValue{
		attribute.String("telemetry.sdk.name", "opentelemetry"), attribute.String("telemetry.sdk.language", "go"),
	}
	for name, value := range c.Resource {
		of = append(of, attribute.String(name, value))
	}
	// Of two with the same name the last one counts.
	return resource.NewSchemaless(append(of, attribute.String("service.name", c.Service), attribute.String("service.version", c.Version))...)
}

// On reports whether traces are made.
func (t *Traces) On() bool { return t.tracer != nil }

// Close tells the collector what it has not been told yet, if it listens, and
// ends.
func (t *Traces) Close() {
	if !t.On() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what was lost is logged where it is lost
	t.collector.close()
}

// Begin begins the span of a request, below the one that its traceparent names.
// Method and route are not the caller's own words: they name the span. The request
// goes on in the context that it returns; what it returns beside ends the span,
// and is nil where there is none.
func (t *Traces) Begin(ctx context.Context, r *http.Request, method, route string) (context.Context, func(status int)) {
	ctx = taken(ctx, r.Header["Traceparent"])
	if !t.On() {
		return ctx, nil
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	name := method
	if method == "OTHER" { // the semantic conventions have words of their own
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
			failed(span, strconv.Itoa(status))
		}
		span.End()
	}
}

// taken is ctx with the trace of a traceparent, if there is one of the right form.
// The tracestate of other vendors is not taken over: nothing of ours reads it, and
// it is the caller's own text.
func taken(ctx context.Context, parents []string) context.Context {
	if len(parents) != 1 {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, traceparent(parents[0]))
}

// traceparent is the one header that is read.
type traceparent string

// Get returns the header.
func (p traceparent) Get(name string) string {
	if name == "traceparent" {
		return string(p)
	}
	return ""
}

// Set does nothing: no trace is passed on.
func (traceparent) Set(string, string) {}

// Keys are the headers there are.
func (traceparent) Keys() []string { return []string{"traceparent"} }

// Call starts the span of a call to the rate limiter or the cache, if the request is
// traced. The function that it returns ends the span with the outcome.
func (t *Traces) Call(ctx context.Context, call string) (context.Context, func(outcome string, err error)) {
	ctx, span := t.within(ctx, call, trace.SpanKindInternal)
	return ctx, func(outcome string, err error) {
		span.SetAttributes(attribute.String("cache.outcome", outcome))
		if err != nil {
			failed(span, "unavailable")
		}
		span.End()
	}
}

// Database begins the span of statements that travel together, where the request
// is traced. They are named, and nothing else of them is told. What it returns
// ends the span with the kind of failure, which is empty for none.
func (t *Traces) Database(ctx context.Context, statements []string) (context.Context, func(failure string)) {
	ctx, span := t.within(ctx, strings.Join(statements, " "), trace.SpanKindClient)
	span.SetAttributes(attribute.String("db.system.name", "postgresql"), attribute.String("db.query.summary", strings.Join(statements, " ")))
	if n := len(statements); n > 1 {
		span.SetAttributes(attribute.Int("db.operation.batch.size", n))
	}
	return ctx, func(failure string) {
		if failure != "" {
			failed(span, failure)
		}
		span.End()
	}
}

// within begins a span of a request that is traced. What is done without a request
// is not traced, or a database that is asked for its health would fill the
// collector.
func (t *Traces) within(ctx context.Context, name string, kind trace.SpanKind) (context.Context, trace.Span) {
	if above := trace.SpanFromContext(ctx); !above.IsRecording() {
		return ctx, idle
	}
	return t.tracer.Start(ctx, name, trace.WithSpanKind(kind))
}

// idle is a span that is not traced; it is never put into a context.
var idle = trace.SpanFromContext(context.Background())

// failed marks a span. The kind of failure is a word of ours or of a protocol's,
// never a text, which could hold what a caller wrote.
func failed(span trace.Span, kind string) {
	span.SetAttributes(attribute.String("error.type", kind))
	span.SetStatus(codes.Error, "")
}

// Sampler says which requests are traced, by the name that OTEL_TRACES_SAMPLER has
// for it, and the share where it is by chance.
type Sampler struct {
	Name  string
	Share float64
}

var errSampler = errors.New("not always_on, always_off, traceidratio, or one of these after parentbased_")

// Check is nil for a sampler that there is.
func (s Sampler) Check() error {
	switch strings.TrimPrefix(s.Name, parentBased) {
	case "always_on", "always_off", "traceidratio":
		return nil
	default:
		return errSampler
	}
}

// parentBased samplers follow the caller where there is a traceparent.
const parentBased = "parentbased_"

func (s Sampler) sampler() sdk.Sampler {
	name, followsParent := strings.CutPrefix(s.Name, parentBased)
	its := sdk.AlwaysSample()
	switch name {
	case "always_off":
		its = sdk.NeverSample()
	case "traceidratio":
		its = sdk.TraceIDRatioBased(s.Share)
	}
	if followsParent {
		return sdk.ParentBased(its)
	}
	return its
}

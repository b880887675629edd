package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	pb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	// exportTimeout is how long an export may take with all its tries: the default
	// of the protocol.
	exportTimeout = 10 * time.Second
	// tryTimeout is how long one try may take.
	tryTimeout = 4 * time.Second
	// firstPause is the wait before the second try; each is twice as long as the
	// one before.
	firstPause = 500 * time.Millisecond
	// quiet is how long a failure is not told again.
	quiet = time.Minute
	// idleTimeout is how long a connection is kept for the next export.
	idleTimeout = 90 * time.Second
	// mostSaid is how much of an answer is read, so that the connection can be used
	// again.
	mostSaid = 64 << 10
)

// collector sends spans by OTLP over HTTP, as protobuf. It implements
// otlptrace.Client. OpenTelemetry's own brings gRPC with it: see
// docs/decisions/0018.
type collector struct {
	url     string
	headers http.Header
	client  *http.Client
	// open ends with the program, whatever is under way.
	open context.Context //nolint:containedctx // it bounds calls of a library that has no other way to be told
	end  context.CancelFunc
}

var _ otlptrace.Client = (*collector)(nil)

// newExporter returns what sends spans to the collector of c.
func newExporter(c TraceConfig) (sdk.SpanExporter, *collector, error) {
	base, err := url.Parse(c.Endpoint)
	if err != nil {
		return nil, nil, errors.New("the endpoint for traces is not a URL")
	}
	its := &collector{url: base.JoinPath("v1", "traces").String(), headers: http.Header{}, client: &http.Client{
		Timeout:   tryTimeout,
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 2, IdleConnTimeout: idleTimeout},
		// The headers are for the collector alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for name, value := range c.Headers {
		its.headers.Set(name, value)
	}
	its.headers.Set("Content-Type", "application/x-protobuf")
	its.headers.Set("User-Agent", "codegenapp/"+c.Version)
	its.open, its.end = context.WithCancel(context.Background())
	return &exporter{SpanExporter: otlptrace.NewUnstarted(its), log: c.Log, now: time.Now}, its, nil
}

// CheckCollector is nil if the collector takes what it is sent: here, no spans at
// all.
func CheckCollector(ctx context.Context, c TraceConfig) error {
	_, its, err := newExporter(c)
	if err != nil {
		return err
	}
	defer its.close()
	if _, err = its.send(ctx, nil); err != nil {
		if answer, ok := errors.AsType[*url.Error](err); ok {
			return answer.Err // without the address, which is set where this is read
		}
	}
	return err
}

// Start does nothing: there is no connection to make before the first export.
func (c *collector) Start(context.Context) error { return nil }

// Stop does nothing: see close.
func (c *collector) Stop(context.Context) error { return nil }

// close gives up whatever is under way.
func (c *collector) close() {
	c.end()
	c.client.CloseIdleConnections()
}

// UploadTraces sends spans, and again where the collector may take them later.
func (c *collector) UploadTraces(ctx context.Context, spans []*pb.ResourceSpans) error {
	// A request for an export has the form of a TracesData.
	body, err := proto.Marshal(&pb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("write the spans: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	defer context.AfterFunc(c.open, cancel)() //nolint:contextcheck // the end of the exporter ends what it sends
	for pause := firstPause; ; pause *= 2 {
		again, err := c.send(ctx, body)
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// send tries once. It tells whether another try may succeed.
func (c *collector) send(ctx context.Context, body []byte) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	maps.Copy(r.Header, c.headers)
	answer, err := c.client.Do(r)
	if err != nil {
		return ctx.Err() == nil, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, mostSaid)) // nothing in it changes anything
	switch code := answer.StatusCode; code {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return false, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, fmt.Errorf("the collector answered %d", code)
	default:
		return false, fmt.Errorf("the collector answered %d", code)
	}
}

// exporter tells of failures, but seldom: a collector that is away would fill the
// log.
type exporter struct {
	sdk.SpanExporter

	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	told time.Time
	lost int
}

// ExportSpans exports spans. Its failures are told here and nowhere else.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost += len(spans)
	if now := e.now(); e.told.IsZero() || now.Sub(e.told) >= quiet {
		e.log.WarnContext(ctx, "the collector takes no traces; they are lost", "spans", e.lost, "error", err)
		e.told, e.lost = now, 0
	}
	return nil
}

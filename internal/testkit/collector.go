package testkit

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Collector receives traces through OTLP over HTTP, like an OpenTelemetry collector.
type Collector struct {
	URL string
	// Handler, if not nil, responds instead. Set it before the first export.
	Handler http.HandlerFunc

	t        testing.TB
	mu       sync.Mutex
	requests []*http.Request
	exports  []*pb.TracesData
}

// NewCollector starts a collector.
func NewCollector(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{t: t}
	server := httptest.NewServer(http.HandlerFunc(c.export))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) export(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the exporter has disconnected
	}
	c.mu.Lock()
	c.requests = append(c.requests, r)
	c.mu.Unlock()
	if c.Handler != nil {
		c.Handler(w, r)
		return
	}
	var export pb.TracesData // which has the form of an ExportTraceServiceRequest
	if err := proto.Unmarshal(body, &export); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.t.Errorf("not an export of traces: %v: %s %s %v", err, r.Method, r.URL, r.Header)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.exports = append(c.exports, &export)
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-protobuf") // of an empty message
}

// Requests are all requests, with any response.
func (c *Collector) Requests() []*http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*http.Request(nil), c.requests...)
}

// Spans are the accepted spans, in the order in which they ended.
func (c *Collector) Spans() (spans []*pb.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, export := range c.exports {
		for _, of := range export.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				spans = append(spans, scope.Spans...)
			}
		}
	}
	return spans
}

// WaitForSpan waits for a span that matches, and returns all spans.
func (c *Collector) WaitForSpan(t testing.TB, wanted func(*pb.Span) bool) []*pb.Span {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		spans := c.Spans()
		if slices.ContainsFunc(spans, wanted) {
			return spans
		}
	}
	t.Fatalf("no span matches; the spans are %s", c.Text())
	return nil
}

// Text is all accepted spans as text, for searching.
func (c *Collector) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var text strings.Builder
	for _, export := range c.exports {
		text.WriteString(protojson.Format(export))
	}
	return text.String()
}

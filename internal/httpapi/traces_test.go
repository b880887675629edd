package httpapi_test

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	pb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	callersSpan = "b7ad6b7169203331"
	sampled     = "00-" + traceID + "-" + callersSpan + "-01"
)

// withCollector sends the traces of a server to a collector.
func withCollector(c *testkit.Collector) func(*server.Settings) {
	return func(s *server.Settings) { s.OTLPEndpoint, s.OTLPHeaders = c.URL, "x-tenant=birds%20and%20bees" }
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// spansOfTrace are the spans of one trace by name, the last one of each name.
func spansOfTrace(spans []*pb.Span, id string) map[string]*pb.Span {
	its := map[string]*pb.Span{}
	for _, s := range spans {
		if hex.EncodeToString(s.TraceId) == id {
			its[s.Name] = s
		}
	}
	return its
}

// spanAttributes are the attributes of a span.
func spanAttributes(s *pb.Span) map[string]any {
	all := map[string]any{}
	for _, a := range s.GetAttributes() {
		if n, ok := a.Value.Value.(*common.AnyValue_IntValue); ok {
			all[a.Key] = n.IntValue
		} else {
			all[a.Key] = a.Value.GetStringValue()
		}
	}
	return all
}

func spanNamed(name string) func(*pb.Span) bool {
	return func(s *pb.Span) bool { return s.Name == name }
}

func TestTraces_RequestHasThreeKindsOfSpans(t *testing.T) {
	t.Parallel()
	collector := testkit.NewCollector(t)
	s := testkit.Start(t, withCollector(collector))
	ann := s.SignUp(t)
	p := newProject(ann, "Kanarienvogel")
	ann.Patch(p.path(), map[string]any{"title": "Another"}, "Traceparent", sampled, "Tracestate", "canary=canary", "Baggage", "canary=canary").Want(200)

	const request = "PATCH /api/v1/projects/{id}"
	spans := spansOfTrace(collector.WaitForSpan(t, func(s *pb.Span) bool { return s.Name == request }), traceID)
	top := spans[request]
	if top == nil || hex.EncodeToString(top.ParentSpanId) != callersSpan || top.Kind != pb.Span_SPAN_KIND_SERVER {
		t.Fatalf("the request's span is %v", top)
	}
	if diff := cmp.Diff(map[string]any{
		"http.request.method": "PATCH", "http.route": "/api/v1/projects/{id}", "http.response.status_code": int64(200),
		"url.scheme": "http", "network.protocol.version": "1.1",
	}, spanAttributes(top)); diff != "" {
		t.Errorf("the request's attributes (-want +got):\n%s", diff)
	}
	below := map[string]any{
		"cache begin":                            "marked",
		"begin scope LockProject GetProjectHead": nil, "UpdateProject GetProjectRevision commit": nil,
	}
	for name, outcome := range below {
		span := spans[name]
		if span == nil || !bytes.Equal(span.ParentSpanId, top.SpanId) || spanAttributes(span)["cache.outcome"] != outcome {
			t.Errorf("%s is %v", name, span)
		}
		if span.GetStartTimeUnixNano() < top.StartTimeUnixNano || span.GetEndTimeUnixNano() > top.EndTimeUnixNano {
			t.Errorf("%s is not within the request", name)
		}
	}
	if len(spans) != len(below)+1 {
		t.Errorf("the trace has the spans %v", collector.Text())
	}
	if text := collector.Text(); strings.Contains(text, "canary") || strings.Contains(text, p.ID) || !strings.Contains(text, `"codegenapp"`) {
		t.Errorf("the traces are %s", text)
	}
	for _, r := range collector.Requests() {
		if r.Header.Get("X-Tenant") != "birds and bees" {
			t.Errorf("an export has the headers %v", r.Header)
		}
	}
}

func TestTraces_MalformedTraceparentIsIgnored(t *testing.T) {
	t.Parallel()
	collector := testkit.NewCollector(t)
	s := testkit.Start(t, withCollector(collector))
	for _, malformed := range []string{
		"canary", "00-" + strings.Repeat("0", 32) + "-" + callersSpan + "-01", "ff-" + traceID + "-" + callersSpan + "-01", strings.ToUpper(sampled),
		"00-" + traceID + "-" + strings.Repeat("0", 16) + "-01", sampled + "-more",
	} {
		s.Anonymous(t).Get("/problems", "Traceparent", malformed).Want(200)
	}
	s.Anonymous(t).Get("/problems", "Traceparent", sampled, "Traceparent", sampled).Want(200)
	s.Anonymous(t).Get("/problems", "Traceparent", strings.TrimSuffix(sampled, "1")+"0").Want(200) // not sampled
	s.Anonymous(t).Get("/docs", "Traceparent", sampled).Want(200)
	spans := collector.WaitForSpan(t, spanNamed("GET /docs"))
	own := map[string]bool{}
	for _, span := range spans {
		if span.Name == "GET /problems" {
			own[hex.EncodeToString(span.TraceId)] = true
			if len(span.ParentSpanId) > 0 {
				t.Errorf("a span is below %x", span.ParentSpanId)
			}
		}
	}
	if len(own) != 7 || own[traceID] {
		t.Errorf("seven requests have the traces %v of their own", own)
	}
}

func TestTraces_OffWithoutCollector(t *testing.T) {
	t.Parallel()
	collector := testkit.NewCollector(t)
	s := testkit.Start(t, func(s *server.Settings) { s.OTLPHeaders, s.ServiceName = "a=b", "named" }) // only the endpoint turns traces on
	s.SignUp(t).Get(projectsPath, "Traceparent", sampled).Want(200)
	s.Stop()
	if got := collector.Requests(); len(got) > 0 {
		t.Errorf("the collector was asked %d times", len(got))
	}
}

func TestTraces_ProbesAreNotTraced(t *testing.T) {
	t.Parallel()
	collector := testkit.NewCollector(t)
	s := testkit.Start(t, withCollector(collector))
	for _, path := range []string{"/health", "/health/db", "/metrics"} {
		s.Anonymous(t).Get(path, "Traceparent", sampled)
	}
	s.Anonymous(t).Get("/docs").Want(200)
	s.Stop() // flushes the queue
	var names []string
	for _, span := range collector.Spans() {
		names = append(names, span.Name)
	}
	if !slices.Equal(names, []string{"GET /docs"}) {
		t.Errorf("the spans are %v", names)
	}
}

// A failing collector does not affect requests.
func TestTraces_FailingCollectorDoesNoHarm(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"slow":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"broken": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"busy":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		},
		"down": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := testkit.NewCollector(t)
			collector.Handler = answer
			log := &logBuffer{}
			s := testkit.StartLogging(t, log, withCollector(collector), func(s *server.Settings) {
				if answer == nil {
					s.OTLPEndpoint = "http://127.0.0.1:1"
				}
			})
			ann := s.SignUp(t)
			for range 700 { // more than the queue holds, as each request has two spans or more
				ann.Get(projectsPath).Want(200)
			}
			began := time.Now()
			s.Stop()
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("the server took %v to end", took)
			}
			if lines := strings.Count(log.String(), "traces cannot be exported"); lines > 1 || lines == 0 && name != "slow" && name != "busy" && name != "down" {
				t.Errorf("the failure was logged %d times", lines)
			}
			if got := len(collector.Requests()); got == 0 && answer != nil {
				t.Error("the collector was never asked")
			}
			for _, r := range collector.Requests() {
				if r.URL.Path != "/v1/traces" {
					t.Errorf("the spans went to %s", r.URL)
				}
			}
		})
	}
}

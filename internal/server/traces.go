package server

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// otlp is the one form of OTLP that is spoken.
const otlp = "http/protobuf"

// traces are what the settings ask for.
func (s *Settings) traces(log *slog.Logger) (*telemetry.Traces, error) {
	return telemetry.NewTraces(s.traceConfig(log))
}

func (s *Settings) traceConfig(log *slog.Logger) telemetry.TraceConfig {
	headers, _ := pairs(string(s.OTLPHeaders)) // ForServe has checked them
	resource, _ := pairs(s.ResourceAttributes)
	return telemetry.TraceConfig{
		Endpoint: s.OTLPEndpoint, Headers: headers, Service: s.ServiceName, Version: BuildVersion().Version,
		Resource: resource, Sampler: s.sampler(), Log: log,
	}
}

func (s *Settings) sampler() telemetry.Sampler {
	return telemetry.Sampler{Name: s.TracesSampler, Share: s.TracesSamplerArg}
}

// checkTraces checks what traces need, if there are to be any: a platform may set
// the rest for all its programs.
func (s *Settings) checkTraces(f *findings) {
	if s.OTLPEndpoint == "" {
		return
	}
	u, err := url.Parse(s.OTLPEndpoint)
	f.add(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "",
		"OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of a collector (http://host:4318); /v1/traces is added to it")
	f.add(err == nil && u.User != nil, "OTEL_EXPORTER_OTLP_ENDPOINT holds a password; OTEL_EXPORTER_OTLP_HEADERS is the place for it")
	f.add(s.OTLPProtocol != otlp, "OTEL_EXPORTER_OTLP_PROTOCOL is not "+otlp+", the only one that is spoken; collectors take it at port 4318")
	_, ok := pairs(string(s.OTLPHeaders))
	f.add(!ok, "OTEL_EXPORTER_OTLP_HEADERS is not name=value pairs with commas between them")
	_, ok = pairs(s.ResourceAttributes)
	f.add(!ok, "OTEL_RESOURCE_ATTRIBUTES is not name=value pairs with commas between them")
	if err := s.sampler().Check(); err != nil {
		f.add(true, "OTEL_TRACES_SAMPLER is "+err.Error())
	}
	f.add(s.TracesSamplerArg < 0 || s.TracesSamplerArg > 1, "OTEL_TRACES_SAMPLER_ARG is not between 0 and 1")
}

// pairs reads name=value,name=value with percent-encoded values, as OpenTelemetry
// writes lists. It reports whether that is what it is.
func pairs(list string) (map[string]string, bool) {
	all := map[string]string{}
	for entry := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(entry) == "" {
			continue
		}
		name, value, found := strings.Cut(entry, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !found || name == "" || err != nil || strings.ContainsAny(name+value, "\r\n\x00") || strings.ContainsAny(name, " :") {
			return nil, false
		}
		all[name] = value
	}
	return all, true
}

// ofDatabase is what tells of statements; nil where nobody wants to know.
func ofDatabase(t *telemetry.Traces) func(context.Context, []string) (context.Context, func(string)) {
	if !t.On() {
		return nil
	}
	return t.Database
}

// traced returns the rate limiter and the cache, with spans for their calls if there
// are traces. The cache is nil if there is none.
func traced(t *telemetry.Traces, s *shared) (ratelimit.Limiter, responseCache) {
	switch {
	case !t.On():
		return s.limiter, s.cache
	case s.cache == nil:
		return tracedLimiter{s.limiter, t}, nil
	default:
		return tracedLimiter{s.limiter, t}, tracedCache{s.cache, t}
	}
}

// tracedLimiter makes a span of each call.
type tracedLimiter struct {
	ratelimit.Limiter

	traces *telemetry.Traces
}

// Allow implements ratelimit.Limiter.
func (l tracedLimiter) Allow(ctx context.Context, key ratelimit.Key, rates []ratelimit.Rate) ratelimit.Decision {
	ctx, end := l.traces.Call(ctx, "ratelimit allow")
	d := l.Limiter.Allow(ctx, key, rates)
	end(outcome(d, "allowed"), nil)
	return d
}

// tracedCache makes a span of each call that a request waits for.
type tracedCache struct {
	responseCache

	traces *telemetry.Traces
}

// Lookup implements httpapi.Cache.
func (c tracedCache) Lookup(ctx context.Context, q cache.Request) cache.Result {
	ctx, end := c.traces.Call(ctx, "cache lookup")
	result := c.responseCache.Lookup(ctx, q)
	found := "miss"
	switch {
	case result.Response != nil:
		found = "hit"
	case result.Generation.IsZero():
		found = "bypass"
	}
	end(outcome(result.Decision, found), nil)
	return result
}

// Begin implements httpapi.Cache.
func (c tracedCache) Begin(ctx context.Context, w cache.Write) (ratelimit.Decision, cache.Pending, error) {
	ctx, end := c.traces.Call(ctx, "cache begin")
	d, p, err := c.responseCache.Begin(ctx, w)
	end(outcome(d, "marked"), err)
	return d, p, err
}

// Invalidate implements auth.Invalidator.
func (c tracedCache) Invalidate(ctx context.Context, user auth.UserID) error {
	ctx, end := c.traces.Call(ctx, "cache invalidate")
	err := c.responseCache.Invalidate(ctx, user)
	end("invalidated", err)
	return err
}

// outcome is that of a call whose rate limits allowed the request, or limited.
func outcome(d ratelimit.Decision, allowed string) string {
	if !d.Allowed() {
		return "limited"
	}
	return allowed
}

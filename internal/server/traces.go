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

// otlpProtocol is the supported variant of OTLP.
const otlpProtocol = "http/protobuf"

// TraceConfig returns the configuration of traces.
func (s *Settings) TraceConfig(log *slog.Logger) telemetry.TraceConfig {
	headers, _ := parsePairs(string(s.OTLPHeaders)) // ForServe has checked them
	resource, _ := parsePairs(s.ResourceAttributes)
	return telemetry.TraceConfig{
		Endpoint: s.OTLPEndpoint, Headers: headers, Service: s.ServiceName, Version: BuildVersion().Version,
		Resource: resource, Sampler: s.sampler(), Log: log,
	}
}

func (s *Settings) sampler() telemetry.Sampler {
	return telemetry.Sampler{Name: s.TracesSampler, Ratio: s.TracesSamplerArg}
}

// checkTraces checks the settings of traces if there is an endpoint. Without one they
// do not matter: a platform may set them for all its programs.
func (s *Settings) checkTraces(f *faultList) {
	if s.OTLPEndpoint == "" {
		return
	}
	u, err := url.Parse(s.OTLPEndpoint)
	f.add(err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "",
		"OTEL_EXPORTER_OTLP_ENDPOINT is not the URL of a collector (http://host:4318); /v1/traces is added to it")
	f.add(err == nil && u.User != nil, "OTEL_EXPORTER_OTLP_ENDPOINT contains a password; put it into OTEL_EXPORTER_OTLP_HEADERS")
	f.add(s.OTLPProtocol != otlpProtocol, "OTEL_EXPORTER_OTLP_PROTOCOL is not "+otlpProtocol+", the only one supported; collectors accept it at port 4318")
	_, ok := parsePairs(string(s.OTLPHeaders))
	f.add(!ok, "OTEL_EXPORTER_OTLP_HEADERS is not a comma-separated list of name=value pairs")
	_, ok = parsePairs(s.ResourceAttributes)
	f.add(!ok, "OTEL_RESOURCE_ATTRIBUTES is not a comma-separated list of name=value pairs")
	if err := s.sampler().Check(); err != nil {
		f.add(true, "OTEL_TRACES_SAMPLER is "+err.Error())
	}
	f.add(s.TracesSamplerArg < 0 || s.TracesSamplerArg > 1, "OTEL_TRACES_SAMPLER_ARG is not between 0 and 1")
}

// parsePairs parses name=value,name=value with percent-encoded values, the form of
// lists in OpenTelemetry's settings. It reports whether the list is well-formed.
func parsePairs(list string) (map[string]string, bool) {
	pairs := map[string]string{}
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
		pairs[name] = value
	}
	return pairs, true
}

// ofDatabase returns the tracer of statements, or nil if tracing is off.
func ofDatabase(t *telemetry.Traces) func(context.Context, []string) (context.Context, func(string)) {
	if !t.On() {
		return nil
	}
	return t.Database
}

// traced returns the rate limiter and the cache, with spans for their calls if traces
// are on. The cache is nil if no response is cached.
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

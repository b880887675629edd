package server

import (
	"context"
	"log/slog"
	"net/url"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
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

// ofGate is a gate that tells of its calls, where somebody wants to know.
func ofGate(t *telemetry.Traces, door auth.Gate) auth.Gate {
	if !t.On() {
		return door
	}
	return tracedGate{door, t}
}

// tracedGate tells of each call of a gate.
type tracedGate struct {
	auth.Gate

	traces *telemetry.Traces
}

// Enter implements auth.Gate.
func (g tracedGate) Enter(ctx context.Context, e auth.Entry) auth.Pass {
	ctx, end := g.traces.Gate(ctx, "enter")
	pass := g.Gate.Enter(ctx, e)
	switch {
	case !pass.Allowed():
		end("refused", nil)
	case pass.Answer != nil:
		end("answered", nil)
	default:
		end("passed", nil)
	}
	return pass
}

// Changed implements auth.Gate.
func (g tracedGate) Changed(ctx context.Context, s auth.Slot, mark auth.Mark) error {
	ctx, end := g.traces.Gate(ctx, "changed")
	err := g.Gate.Changed(ctx, s, mark)
	end("told", err)
	return err
}

package telemetry

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what the server tells Prometheus. Labels come from small fixed sets:
// route patterns, methods, statuses and words of our own, never from callers.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
	cache    *prometheus.CounterVec

	hits, misses atomic.Uint64
}

// NewMetrics returns metrics that nobody has counted in yet. version is that of
// the program.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "request_duration_seconds", Help: "Time from the headers of a request to its whole answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "requests_in_flight", Help: "Requests that are not answered yet.",
		}),
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cache_requests_total",
			Help: "Reads of which answers are kept: hit were answered by the gate, miss by the database, bypass by the database while nothing was believed.",
		}, []string{"route", "result"}),
	}
	m.registry.MustRegister(m.requests, m.inFlight, m.cache,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.Gauge("cache_hit_ratio", "Of the reads that were looked for in the gate since the start, the share that was there; 0 before the first.", m.hitRatio)
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "build_info", Help: "Always 1; the version is in the label.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(build)
	return m
}

// Begin counts a request as in flight, until the function that it returns is
// called.
func (m *Metrics) Begin() func() {
	m.inFlight.Inc()
	return m.inFlight.Dec
}

// Request counts a request by its route's pattern, which is empty where there was
// none, and how long it took.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Cache counts a read of which the answer may be kept, by what the gate did: hit,
// miss or bypass.
func (m *Metrics) Cache(route, result string) {
	switch result {
	case "hit":
		m.hits.Add(1)
	case "miss":
		m.misses.Add(1)
	}
	m.cache.WithLabelValues(route, result).Inc()
}

func (m *Metrics) hitRatio() float64 {
	hits, misses := m.hits.Load(), m.misses.Load()
	if hits == 0 {
		return 0
	}
	return float64(hits) / float64(hits+misses)
}

// Gauge tells a value that is asked for whenever Prometheus asks.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

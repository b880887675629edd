package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what the server tells Prometheus. Labels come from small fixed sets:
// route patterns, methods, statuses and words of our own, never from callers.
type Metrics struct {
	*events

	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewMetrics returns metrics that nobody has counted in yet. version is that of
// the program.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		events:   newEvents(),
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "request_duration_seconds", Help: "Time from the headers of a request to its whole answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "requests_in_flight", Help: "Requests that are not answered yet.",
		}),
	}
	m.registry.MustRegister(m.requests, m.inFlight,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.all()...)
	m.Gauge("cache_hit_ratio", "The share of hits among the cache hits and misses since the start; 0 before the first.", m.hitRatio)
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

// Gauge tells a value that is asked for whenever Prometheus asks.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Counter tells a value that only grows, whenever Prometheus asks. labels are
// pairs of a name and its value, which tell metrics of the same name apart.
func (m *Metrics) Counter(name, help string, value func() float64, labels ...string) {
	its := prometheus.Labels{}
	for n := 0; n+1 < len(labels); n += 2 {
		its[labels[n]] = labels[n+1]
	}
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: its}, value))
}

// Untyped is a gauge that is not called so: Prometheus keeps the ending _total
// for counters, and takes it from what has no type.
func (m *Metrics) Untyped(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: name, Help: help}, value))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

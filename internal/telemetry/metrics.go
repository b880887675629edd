package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes is how many requests for the metrics are served at the same time. They have
// no rate limit; more get 503.
const maxScrapes = 4

// Metrics is the set of the server's Prometheus metrics. Labels come from small fixed
// sets, such as route patterns, methods and statuses, never from callers.
type Metrics struct {
	*events

	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// NewMetrics returns metrics that are all zero. version is the version of the
// program.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		events:   newEvents(),
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "request_duration_seconds", Help: "Time from the headers of a request to the end of its response.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "requests_in_flight", Help: "Requests that are being handled.",
		}),
	}
	m.registry.MustRegister(m.requests, m.inFlight,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.all()...)
	m.Gauge("cache_hit_ratio", "Fraction of cache lookups since the start that were hits; 0 before the first lookup.", m.hitRatio)
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "build_info", Help: "Always 1; the label has the version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(build)
	return m
}

// Begin counts a request as in flight until the returned function is called.
func (m *Metrics) Begin() func() {
	m.inFlight.Inc()
	return m.inFlight.Dec
}

// Request counts a request and its duration. route is the pattern of the route, or
// empty if no route matched.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

// Gauge registers a gauge that is read at every scrape.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
}

// Counter registers a counter that is read at every scrape. labels are pairs of a
// name and a value; they distinguish metrics of the same name.
func (m *Metrics) Counter(name, help string, value func() float64, labels ...string) {
	constLabels := prometheus.Labels{}
	for n := 0; n+1 < len(labels); n += 2 {
		constLabels[labels[n]] = labels[n+1]
	}
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: constLabels}, value))
}

// Untyped registers an untyped metric that is read at every scrape. Prometheus
// reserves the suffix _total for counters, but accepts it for untyped metrics.
func (m *Metrics) Untyped(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewUntypedFunc(prometheus.UntypedOpts{Name: name, Help: help}, value))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

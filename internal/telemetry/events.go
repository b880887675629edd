package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// events are what happens beside the answers.
type events struct {
	cache, problems, signIns, refreshes, limited, shed *prometheus.CounterVec
	panics                                             prometheus.Counter

	hits, misses atomic.Uint64
}

func newEvents() *events {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	e := &events{
		cache: counter("cache_requests_total",
			"Reads whose responses may be cached, by result: hit was served from the cache, miss from the database, bypass from the database without being stored.", "route", "result"),
		problems:  counter("problems_total", "Problems that were answered, by their code.", "code"),
		signIns:   counter("sign_ins_total", "Tries to sign in, by what came of them.", "result"),
		refreshes: counter("token_refreshes_total", "Tries to refresh a session, by what came of them; reused ended its session.", "result"),
		limited:   counter("rate_limited_total", "Requests refused because a rate limit was exhausted, by the limit.", "budget"),
		shed:      counter("requests_shed_total", "Requests shed because the server was overloaded, by the limiter.", "places"),
		panics:    prometheus.NewCounter(prometheus.CounterOpts{Name: "panics_total", Help: "Panics while a request was handled; each is a fault of the program."}),
	}
	// What has not happened yet is 0 rather than missing, so that the first time is
	// seen as a rise.
	for _, result := range []string{"ok", "refused", "unavailable", "failed"} {
		e.signIns.WithLabelValues(result)
		e.refreshes.WithLabelValues(result)
	}
	e.refreshes.WithLabelValues("reused")
	for _, budget := range []string{"default", "login", "refresh"} {
		e.limited.WithLabelValues(budget)
	}
	for _, places := range []string{"normal", "reserved", "sign_ins"} {
		e.shed.WithLabelValues(places)
	}
	return e
}

func (e *events) all() []prometheus.Collector {
	return []prometheus.Collector{e.cache, e.problems, e.signIns, e.refreshes, e.limited, e.shed, e.panics}
}

// Cache counts a read whose response may be cached, by what the cache did: hit, miss
// or bypass.
func (e *events) Cache(route, result string) {
	switch result {
	case "hit":
		e.hits.Add(1)
	case "miss":
		e.misses.Add(1)
	}
	e.cache.WithLabelValues(route, result).Inc()
}

func (e *events) hitRatio() float64 {
	hits, misses := e.hits.Load(), e.misses.Load()
	if hits == 0 {
		return 0
	}
	return float64(hits) / float64(hits+misses)
}

// Foresee tells that there may be problems with a code, and none was yet.
func (e *events) Foresee(code string) { e.problems.WithLabelValues(code) }

// Problem counts a problem that was answered.
func (e *events) Problem(code string) { e.problems.WithLabelValues(code).Inc() }

// SignIn counts a try to sign in.
func (e *events) SignIn(result string) { e.signIns.WithLabelValues(result).Inc() }

// Refresh counts a try to refresh a session.
func (e *events) Refresh(result string) { e.refreshes.WithLabelValues(result).Inc() }

// Limited counts a request that a budget did not pay.
func (e *events) Limited(budget string) { e.limited.WithLabelValues(budget).Inc() }

// Shed counts a request that found no place.
func (e *events) Shed(places string) { e.shed.WithLabelValues(places).Inc() }

// Panicked counts a panic.
func (e *events) Panicked() { e.panics.Inc() }

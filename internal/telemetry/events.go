package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// events are counters of what happens while requests are served.
type events struct {
	cache, problems, signIns, refreshes, limited, shed *prometheus.CounterVec
	panics                                             prometheus.Counter
	credentials                                        *prometheus.CounterVec
	// bySession and byToken are those of credentials, which every request counts.
	bySession, byToken prometheus.Counter

	hits, misses atomic.Uint64
}

func newEvents() *events {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	e := &events{
		cache: counter("cache_requests_total",
			"Cacheable reads by result: hit was served from the cache, miss from the database, bypass from the database while the cache was not trusted.", "route", "result"),
		problems:    counter("problems_total", "Problem responses by problem code.", "code"),
		signIns:     counter("sign_ins_total", "Sign-in attempts by result.", "result"),
		refreshes:   counter("token_refreshes_total", "Token refresh attempts by result; reused means that a used token was presented again and its session was ended.", "result"),
		limited:     counter("rate_limited_total", "Requests rejected because a rate limit was exceeded, by rate limit.", "budget"),
		shed:        counter("requests_shed_total", "Requests shed because a concurrency limit was reached, by limiter.", "places"),
		credentials: counter("requests_by_credential_total", "Requests of signed-in users by credential: the access token of a session, or an API token.", "credential"),
		panics:      prometheus.NewCounter(prometheus.CounterOpts{Name: "panics_total", Help: "Panics while handling requests; each is a bug in the server."}),
	}
	e.bySession, e.byToken = e.credentials.WithLabelValues("session"), e.credentials.WithLabelValues("token")
	// Counters start at 0 rather than missing, so that the first event shows as an
	// increase.
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
	return []prometheus.Collector{e.cache, e.problems, e.signIns, e.refreshes, e.limited, e.shed, e.panics, e.credentials}
}

// Cache counts a cacheable read by its result: hit, miss or bypass.
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

// InitProblem starts the counter of a problem code at 0.
func (e *events) InitProblem(code string) { e.problems.WithLabelValues(code) }

// Problem counts a problem response.
func (e *events) Problem(code string) { e.problems.WithLabelValues(code).Inc() }

// SignIn counts a sign-in attempt.
func (e *events) SignIn(result string) { e.signIns.WithLabelValues(result).Inc() }

// Refresh counts an attempt to refresh a session.
func (e *events) Refresh(result string) { e.refreshes.WithLabelValues(result).Inc() }

// Limited counts a request that exceeded a rate limit.
func (e *events) Limited(budget string) { e.limited.WithLabelValues(budget).Inc() }

// Shed counts a request that was shed by a concurrency limiter.
func (e *events) Shed(places string) { e.shed.WithLabelValues(places).Inc() }

// Credential counts a request of a signed-in user, with an API token or a session.
func (e *events) Credential(apiToken bool) {
	if apiToken {
		e.byToken.Inc()
	} else {
		e.bySession.Inc()
	}
}

// Panicked counts a recovered panic.
func (e *events) Panicked() { e.panics.Inc() }

package server

import (
	"context"
	"errors"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// measure returns the metrics of the requests, and of what serves them.
func (a *App) measure() *telemetry.Metrics {
	m := telemetry.NewMetrics(BuildVersion().Version)
	for _, code := range problem.Codes() {
		m.Foresee(string(code))
	}
	m.Untyped("active_users_total", "Users with a successful request in the last 15 minutes, at all replicas together.",
		func() float64 { return float64(a.active.Count(context.Background())) })
	a.measureDatabase(m)
	if len(a.shared.connections) > 0 {
		a.measureRedis(m)
	}
	m.Counter("trash_purged_total", "What was removed from the trash for good.", func() float64 { return float64(a.house.purged.Load()) })
	m.Counter("expired_forgotten_total", "Sessions and ID tokens that were forgotten after their time.", func() float64 { return float64(a.house.forgotten.Load()) })
	m.Counter("housekeeping_failures_total", "Times that the house could not be kept though the database was there.", func() float64 { return float64(a.house.failures.Load()) })
	m.Gauge("server_ready", "Whether requests should come here: 1 from the start with the right schema until SIGTERM.",
		func() float64 { return oneIf(a.ready.Load() && !a.leaving.Load()) })
	return m
}

func (a *App) measureDatabase(m *telemetry.Metrics) {
	now := a.store.PoolStats
	m.Gauge("database_connections_active", "Connections to PostgreSQL in use.", func() float64 { return float64(now().Active) })
	m.Gauge("database_connections_open", "Open connections to PostgreSQL.", func() float64 { return float64(now().Open) })
	m.Gauge("database_connections_max", "Greatest number of connections to PostgreSQL.", func() float64 { return float64(now().Max) })
	m.Counter("database_connections_opened_total", "Connections to PostgreSQL opened since the start.", func() float64 { return float64(now().Opened) })
	m.Counter("database_pool_waits_total", "Number of times that no connection was idle.", func() float64 { return float64(now().Waits) })
	m.Counter("database_pool_wait_seconds_total", "Total time spent waiting for a connection.", func() float64 { return now().Waited.Seconds() })
	m.Counter("database_pool_timeouts_total", "Number of times that no connection became free in time.", func() float64 { return float64(now().Failures) })
}

// measureRedis reports on all Redis servers together: there may be another one for rate
// limits.
func (a *App) measureRedis(m *telemetry.Metrics) {
	sum := func(of func(ratelimit.Stats) uint64) func() float64 {
		return func() (total float64) {
			for _, redis := range a.shared.connections {
				total += float64(of(redis.Stats()))
			}
			return total
		}
	}
	const requests = "Requests to the rate limiter and the response cache, by what served them: redis, or the process while Redis was down."
	m.Counter("gate_requests_total", requests, sum(func(s ratelimit.Stats) uint64 { return s.ByRedis }), "by", "redis")
	m.Counter("gate_requests_total", requests, sum(func(s ratelimit.Stats) uint64 { return s.ByProcess }), "by", "process")
	m.Counter("redis_outages_total", "Number of times that the circuit breaker to Redis opened.", sum(func(s ratelimit.Stats) uint64 { return s.Outages }))
	m.Gauge("redis_up", "Whether Redis is used: 0 while the circuit breaker is open.", func() float64 {
		up := true
		for _, redis := range a.shared.connections {
			up = up && redis.Stats().Closed
		}
		return oneIf(up)
	})
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// serveMetrics serves the metrics at METRICS_ADDR, where that is set, until ctx is
// done.
func (a *App) serveMetrics(ctx context.Context) error {
	if a.settings.MetricsAddr == "" {
		return nil
	}
	listener, err := listen(ctx, "METRICS_ADDR", a.settings.MetricsAddr)
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "serving metrics", "address", listener.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: answerTimeout, IdleTimeout: idleTimeout,
	}
	var group errgroup.Group
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	<-ctx.Done()
	return errors.Join(server.Close(), group.Wait())
}

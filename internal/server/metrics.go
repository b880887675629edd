package server

import (
	"context"
	"errors"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/codegenapp/codegenapp/internal/gate"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// measure returns the metrics of the requests, and of what serves them.
func (a *App) measure() *telemetry.Metrics {
	m := telemetry.NewMetrics(BuildVersion().Version)
	for _, code := range problem.Codes() {
		m.InitProblem(string(code))
	}
	m.Untyped("active_users_total", "Users who were answered in the last 15 minutes, at all replicas together.",
		func() float64 { return float64(a.presence.Count(context.Background())) })
	a.measureDatabase(m)
	if len(a.redis) > 0 {
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
	m.Gauge("database_connections_active", "Connections to PostgreSQL that somebody works with.", func() float64 { return float64(now().Active) })
	m.Gauge("database_connections_open", "Connections to PostgreSQL that are open.", func() float64 { return float64(now().Open) })
	m.Gauge("database_connections_max", "Connections to PostgreSQL that there may be.", func() float64 { return float64(now().Most) })
	m.Counter("database_connections_opened_total", "Connections to PostgreSQL that were made.", func() float64 { return float64(now().Opened) })
	m.Counter("database_pool_waits_total", "Times that somebody had to wait for a connection.", func() float64 { return float64(now().Waits) })
	m.Counter("database_pool_wait_seconds_total", "How long they waited in all.", func() float64 { return now().Waited.Seconds() })
	m.Counter("database_pool_timeouts_total", "Times that somebody got no connection in time, or gave up.", func() float64 { return float64(now().GivenUp) })
}

// measureRedis tells of all Redis servers together: there may be one more for
// counting.
func (a *App) measureRedis(m *telemetry.Metrics) {
	sum := func(of func(gate.Stats) uint64) func() float64 {
		return func() (total float64) {
			for _, redis := range a.redis {
				total += float64(of(redis.Stats()))
			}
			return total
		}
	}
	const requests = "Requests that entered through the gate, by who answered: redis, or the process alone while Redis was away."
	m.Counter("gate_requests_total", requests, sum(func(s gate.Stats) uint64 { return s.Answered }), "by", "redis")
	m.Counter("gate_requests_total", requests, sum(func(s gate.Stats) uint64 { return s.Alone }), "by", "process")
	m.Counter("redis_outages_total", "Times that Redis was lost.", sum(func(s gate.Stats) uint64 { return s.Outages }))
	m.Gauge("redis_up", "Whether Redis is asked: 0 while the circuit is open.", func() float64 {
		up := true
		for _, redis := range a.redis {
			up = up && redis.Stats().Here
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

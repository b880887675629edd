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

// newMetrics returns the metrics of the server and of its connections.
func (a *App) newMetrics() *telemetry.Metrics {
	m := telemetry.NewMetrics(BuildVersion().Version)
	for _, code := range problem.Codes() {
		m.InitProblem(string(code))
	}
	m.Untyped("active_users_total", "Users with a successful request in the last 15 minutes, over all replicas.",
		func() float64 { return float64(a.active.Count(context.Background())) })
	a.addDatabaseMetrics(m)
	if len(a.shared.connections) > 0 {
		a.addRedisMetrics(m)
	}
	m.Gauge("event_streams", "Open streams of events.", func() float64 { return float64(a.events.Count()) })
	m.Counter("trash_purged_total", "Projects and specifications that were deleted from the trash for good.", func() float64 { return float64(a.housekeeping.purged.Load()) })
	m.Counter("expired_forgotten_total", "Expired sessions, ID tokens and invitations that were deleted.", func() float64 { return float64(a.housekeeping.expired.Load()) })
	m.Counter("audit_events_deleted_total", "Audit events that were deleted after their retention.", func() float64 { return float64(a.housekeeping.audit.Load()) })
	m.Counter("history_deleted_total", "Changes of projects that were deleted after their retention.", func() float64 { return float64(a.housekeeping.history.Load()) })
	m.Counter("audit_events_suppressed_total", "Audit events of rejected sign-ins that were not stored, because there were too many.", func() float64 { return float64(a.auth.SuppressedEvents()) })
	m.Counter("housekeeping_failures_total", "Housekeeping runs that failed although the database was reachable.", func() float64 { return float64(a.housekeeping.failures.Load()) })
	m.Gauge("server_ready", "1 if the server accepts requests: from the first check of the schema until SIGTERM.",
		func() float64 { return boolValue(a.acceptsRequests()) })
	return m
}

func (a *App) addDatabaseMetrics(m *telemetry.Metrics) {
	stats := a.store.PoolStats
	m.Gauge("database_connections_active", "Connections to PostgreSQL in use.", func() float64 { return float64(stats().Active) })
	m.Gauge("database_connections_open", "Open connections to PostgreSQL.", func() float64 { return float64(stats().Open) })
	m.Gauge("database_connections_max", "Maximum number of connections to PostgreSQL.", func() float64 { return float64(stats().Max) })
	m.Counter("database_connections_opened_total", "Connections to PostgreSQL that were opened.", func() float64 { return float64(stats().Opened) })
	m.Counter("database_pool_waits_total", "Acquisitions of a connection that had to wait.", func() float64 { return float64(stats().Waits) })
	m.Counter("database_pool_wait_seconds_total", "Total time spent waiting for a connection.", func() float64 { return stats().Waited.Seconds() })
	m.Counter("database_pool_timeouts_total", "Acquisitions of a connection that timed out or were cancelled.", func() float64 { return float64(stats().Failures) })
}

// addRedisMetrics sums over all Redis servers: rate limits may have one of their own.
func (a *App) addRedisMetrics(m *telemetry.Metrics) {
	sum := func(of func(ratelimit.Stats) uint64) func() float64 {
		return func() (total float64) {
			for _, redis := range a.shared.connections {
				total += float64(of(redis.Stats()))
			}
			return total
		}
	}
	const requests = "Requests whose rate limit was checked, by where: redis, or the process while Redis was unreachable."
	m.Counter("gate_requests_total", requests, sum(func(s ratelimit.Stats) uint64 { return s.ByRedis }), "by", "redis")
	m.Counter("gate_requests_total", requests, sum(func(s ratelimit.Stats) uint64 { return s.ByProcess }), "by", "process")
	m.Counter("redis_outages_total", "Times that Redis became unreachable.", sum(func(s ratelimit.Stats) uint64 { return s.Outages }))
	m.Counter("redis_timeouts_total", "Calls to Redis without a reply in time. A single one does not open the circuit breaker.", sum(func(s ratelimit.Stats) uint64 { return s.Timeouts }))
	m.Gauge("redis_up", "1 if Redis is used, 0 while the circuit breaker is open.", func() float64 {
		up := true
		for _, redis := range a.shared.connections {
			up = up && redis.Stats().Closed
		}
		return boolValue(up)
	})
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// serveMetrics serves the metrics at METRICS_ADDR, if that is set, until ctx is done.
func (a *App) serveMetrics(ctx context.Context) error {
	if a.settings.MetricsAddr == "" {
		return nil
	}
	listener, err := ListenOn(ctx, "METRICS_ADDR", a.settings.MetricsAddr)
	if err != nil {
		return err
	}
	a.log.InfoContext(ctx, "serving metrics", "address", listener.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: responseTimeout, IdleTimeout: idleTimeout,
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

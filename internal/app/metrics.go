package app

import "github.com/codegenapp/codegenapp/internal/telemetry"

// metrics are those of the requests, and of what serves them.
func (a *App) metrics() *telemetry.Metrics {
	m := telemetry.NewMetrics(BuildVersion().Version)
	m.Gauge("database_connections_active", "Connections to PostgreSQL that somebody works with.",
		func() float64 { return float64(a.store.Connections().Active) })
	m.Gauge("database_connections_open", "Connections to PostgreSQL that are open.",
		func() float64 { return float64(a.store.Connections().Open) })
	m.Gauge("database_connections_max", "Connections to PostgreSQL that there may be.",
		func() float64 { return float64(a.store.Connections().Most) })
	return m
}

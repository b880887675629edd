// Package server is the composition root: it reads the settings, wires the other
// packages together, and runs the commands. It decides nothing about projects
// or people.
package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

// sessionsPerUser is how many live sessions a user has at most.
const sessionsPerUser = 20

// App is the server, wired but not yet listening.
type App struct {
	settings *Settings
	log      *slog.Logger
	store    *postgres.Store
	api      *httpapi.API
	handler  http.Handler
	edge     edge
	metrics  *telemetry.Metrics
	traces   *telemetry.Traces
	shared   *shared
	active   *activeUsers
	house    house
	// ready is true once the database is there, leaving when the end has begun.
	ready, leaving atomic.Bool
}

// Logger returns the log that the settings ask for.
func Logger(s *Settings, w io.Writer) *slog.Logger {
	return telemetry.NewLogger(w, telemetry.LogConfig{Level: slog.Level(s.LogLevel), Text: s.LogFormat == "text", Project: s.GoogleProject})
}

// New wires the server. It reaches no dependency yet, so it succeeds while they
// are away.
func New(ctx context.Context, s *Settings, log *slog.Logger) (*App, error) {
	f := &findings{}
	edge := s.edge(f, log)
	if err := f.err(); err != nil {
		return nil, err
	}
	traces, err := s.traces(log)
	if err != nil {
		return nil, err
	}
	store, err := postgres.Open(ctx, postgres.Config{
		URL: string(s.DatabaseURL), PoolSize: s.PoolSize, MaxOverflow: s.PoolOverflow, ExecMode: s.ExecMode,
		Trace: ofDatabase(traces),
	})
	if err != nil {
		return nil, err
	}
	keys, err := s.keyRing()
	if err != nil {
		store.Close()
		return nil, err
	}
	log.InfoContext(ctx, "access tokens are signed", "key", keys.Signer().String(), "published", len(keys.Public()))
	a := &App{settings: s, log: log, store: store, edge: edge, traces: traces}
	if a.shared, err = a.openShared(ctx); err != nil {
		store.Close()
		return nil, err
	}
	a.active = newActiveUsers(time.Now, a.shared.counter())
	a.metrics = a.measure()
	limits := admission.New(s.PoolSize+s.PoolOverflow, a.metrics.Shed)
	limiter, responses := traced(traces, a.shared)
	a.api, a.handler = httpapi.New(httpapi.Config{
		Identity: identityService(s, keys, admittedStore{store, limits.Normal}, responses, log), PublicKeys: keys.Public(),
		Outline: requirements.NewService(store, requirements.Limits{
			ProjectsPerUser: s.MaxProjects, SpecificationsPerProject: s.MaxSpecifications, ItemsPerSpecification: s.MaxItems,
		}),
		Limiter: limiter, Limits: s.limits(), Cache: responses, Admission: limits,
		Database: store.Ping, Redis: a.shared.check(), Ready: func() bool { return a.ready.Load() && !a.leaving.Load() },
		SecretKey: []byte(s.SecretKey), MaxBodyBytes: s.MaxBodyBytes,
		Proxies: edge.proxies, Origins: s.CORSOrigins, RequireHTTPS: s.requireHTTPS(),
		Version: BuildVersion().Version, Metrics: a.metrics, MetricsElsewhere: s.MetricsAddr != "", Traces: traces, OnUser: a.active.Touch,
		Log: log, Now: time.Now,
	})
	return a, nil
}

// limits are the rates of the settings; nil if there are to be none.
func (s *Settings) limits() *httpapi.Limits {
	if !s.RateLimitEnabled {
		return nil
	}
	return &httpapi.Limits{
		Default: s.RateLimitDefault.Named("default"), Login: s.RateLimitAuth.Named("login"), Refresh: s.RateLimitRefresh.Named("refresh"),
	}
}

func identityService(s *Settings, keys *auth.KeyRing, store auth.Store, responses auth.Invalidator, log *slog.Logger) *auth.Service {
	return auth.NewService(store,
		google.New(google.Config{
			Issuer: s.GoogleIssuer, ClientIDs: s.GoogleClientIDs, ClientSecret: string(s.GoogleClientSecret),
			Project: s.GoogleProject, UserStore: s.GoogleUserStore, HostedDomains: s.GoogleHostedDomains, Log: log,
		}),
		auth.NewAccessTokens(auth.AccessConfig{
			Keys: keys, Issuer: s.JWTIssuer, Audience: s.JWTAudience,
			Lifetime: time.Duration(s.AccessLifetime), Now: time.Now,
		}),
		keys.Refresh(), responses,
		auth.SessionPolicy{
			Idle: time.Duration(s.RefreshLifetime), MaxAge: time.Duration(s.SessionMaxAge), PerUser: sessionsPerUser,
			ReuseGrace: time.Duration(s.ReuseGrace), Admins: s.AdminEmails,
		}, log)
}

// Handler serves the contract.
func (a *App) Handler() http.Handler { return a.handler }

// Close gives back what New took.
func (a *App) Close() {
	a.store.Close()
	a.shared.close()
	a.traces.Close()
}

// Listen opens the address of HTTP_ADDR.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	return listen(ctx, "HTTP_ADDR", addr)
}

func listen(ctx context.Context, setting, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", setting, err)
	}
	return listener, nil
}

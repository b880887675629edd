// Package server is the composition root: it reads the settings, wires the other
// packages together, and runs the server and the commands. It contains no rules about
// projects or users.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/events"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/postgres"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/telemetry"
)

const (
	// maxSessions is how many live sessions a user may have.
	maxSessions = 20
	// maxMemberships is how many projects may be shared with a user.
	maxMemberships = 1000
	// maxInvitations is how many open invitations to a project there may be.
	maxInvitations = 50
	// maxMembers is the largest MAX_MEMBERS_PER_PROJECT: all members fit on one page.
	maxMembers = 500
)

// App is the server, wired but not yet listening.
type App struct {
	settings     *Settings
	log          *slog.Logger
	tlsFiles     *certificate // nil unless the server terminates TLS
	store        *postgres.Store
	traces       *telemetry.Traces
	metrics      *telemetry.Metrics
	shared       *shared
	auth         *auth.Service
	active       *activeUsers
	events       *events.Hub
	api          *httpapi.API
	handler      http.Handler
	housekeeping housekeepingStats
	proxies      middleware.Proxies
	// ready is true once the database is usable, stopping once the shutdown begins.
	ready, stopping atomic.Bool
	// running is the number of requests in progress.
	running atomic.Int64
}

// Logger returns the logger that the settings select.
func Logger(s *Settings, w io.Writer) *slog.Logger {
	return telemetry.NewLogger(w, telemetry.LogConfig{Level: slog.Level(s.LogLevel), Format: telemetry.Format(s.LogFormat), Project: s.GoogleProject})
}

// New wires the server. It connects to nothing yet, so it succeeds while PostgreSQL
// and Redis are unreachable.
func New(ctx context.Context, s *Settings, log *slog.Logger) (_ *App, err error) {
	a := &App{settings: s, log: log}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	edge, err := s.edgeConfig(log)
	if err != nil {
		return nil, err
	}
	a.tlsFiles, a.proxies = edge.certificate, edge.proxies
	if a.traces, err = telemetry.NewTraces(s.TraceConfig(log)); err != nil {
		return nil, err
	}
	if a.store, err = s.openStore(ctx, a.traces); err != nil {
		return nil, err
	}
	keys, err := s.keyRing()
	if err != nil {
		return nil, err
	}
	log.InfoContext(ctx, "access tokens are signed", "key", keys.Signer().String(), "published", len(keys.Public()))
	if a.shared, err = a.openShared(ctx); err != nil {
		return nil, err
	}
	a.active = newActiveUsers(time.Now, a.shared.counter())
	a.metrics = a.newMetrics()
	limits := admission.New(s.PoolSize+s.PoolOverflow, a.metrics.Shed)
	limiter, responses := traced(a.traces, a.shared)
	config := a.apiConfig()
	a.events = a.newEvents(ctx, limits)
	invalidates := invalidator{events: a.events}
	if responses != nil {
		invalidates.cache = responses
	}
	a.auth = newAuthService(s, keys, admittedStore{a.store, limits.Normal}, invalidates, log)
	config.Auth, config.Events, config.FeedRetention = a.auth, a.events, time.Duration(s.FeedRetention)
	config.PublicKeys = keys.Public()
	config.Limiter, config.Cache, config.Admission = limiter, responses, limits
	config.Health.Redis = a.shared.check()
	config.Network.Proxies, config.Network.Public = edge.proxies, edge.public
	a.api, a.handler = httpapi.New(config)
	return a, nil
}

// apiConfig returns the part of the API's configuration that comes from the settings
// and from a itself.
func (a *App) apiConfig() httpapi.Config {
	s := a.settings
	limits := requirements.Limits{
		ProjectsPerUser: s.MaxProjects, SpecificationsPerProject: s.MaxSpecifications, ItemsPerSpecification: s.MaxItems,
	}
	return httpapi.Config{
		Requirements: requirements.NewService(a.store, limits),
		History:      history.NewService(a.store, limits),
		Members:      members.NewService(a.store, members.Limits{PerProject: s.MaxMembers, PerUser: maxMemberships, Invitations: maxInvitations}),
		Limits:       s.limits(),
		SecretKey:    []byte(s.SecretKey),
		Health:       httpapi.Health{Database: a.store.Ping, Ready: a.acceptsRequests},
		Capacity:     httpapi.Capacity{MaxBodyBytes: s.MaxBodyBytes},
		Network:      httpapi.Network{Origins: s.CORSOrigins, RequireHTTPS: s.requireHTTPS()},
		Telemetry: httpapi.Telemetry{
			Version: BuildVersion().Version, Metrics: a.metrics, MetricsElsewhere: s.MetricsAddr != "", Traces: a.traces,
			OnUser: a.active.Touch, Log: a.log, Now: time.Now,
		},
	}
}

// acceptsRequests reports whether load balancers should send requests here.
func (a *App) acceptsRequests() bool { return a.ready.Load() && !a.stopping.Load() }

// limits returns the rate limits, or nil if they are disabled.
func (s *Settings) limits() *httpapi.Limits {
	if !s.RateLimitEnabled {
		return nil
	}
	return &httpapi.Limits{
		Default: s.RateLimitDefault.Named("default"), Login: s.RateLimitAuth.Named("login"), Refresh: s.RateLimitRefresh.Named("refresh"),
	}
}

func (s *Settings) openStore(ctx context.Context, traces *telemetry.Traces) (*postgres.Store, error) {
	return postgres.Open(ctx, postgres.Config{
		URL: string(s.DatabaseURL), PoolSize: s.PoolSize, MaxOverflow: s.PoolOverflow, ExecMode: s.ExecMode,
		Trace: ofDatabase(traces), Hold: admission.Hold,
	})
}

func newAuthService(s *Settings, keys *auth.KeyRing, store auth.Store, responses auth.Invalidator, log *slog.Logger) *auth.Service {
	provider := google.New(google.Config{
		Issuer: s.GoogleIssuer, ClientIDs: s.GoogleClientIDs, ClientSecret: string(s.GoogleClientSecret),
		Project: s.GoogleProject, UserStore: s.GoogleUserStore, HostedDomains: s.GoogleHostedDomains, Log: log,
	})
	tokens := auth.NewAccessTokens(auth.AccessConfig{
		Keys: keys, Issuer: s.JWTIssuer, Audience: s.JWTAudience,
		Lifetime: time.Duration(s.AccessLifetime), Now: time.Now,
	})
	return auth.NewService(store, provider, tokens, keys.Refresh(), responses, auth.SessionPolicy{
		Idle: time.Duration(s.RefreshLifetime), MaxAge: time.Duration(s.SessionMaxAge), PerUser: maxSessions,
		ReuseGrace: time.Duration(s.ReuseGrace), Admins: s.AdminEmails,
	}, log)
}

// Wrap puts a handler around that of the API, for a command that serves more. It is
// called before Serve.
func (a *App) Wrap(around func(http.Handler) http.Handler) { a.handler = around(a.handler) }

// Handler returns the HTTP handler of the API.
func (a *App) Handler() http.Handler { return a.handler }

// Close releases what New has opened.
func (a *App) Close() {
	if a.events != nil {
		a.events.Close()
	}
	if a.auth != nil {
		a.auth.Close()
	}
	if a.store != nil {
		a.store.Close()
	}
	if a.shared != nil {
		a.shared.close()
	}
	if a.traces != nil {
		a.traces.Close()
	}
}

// Listen opens a listener at the address of HTTP_ADDR.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	return ListenOn(ctx, "HTTP_ADDR", addr)
}

// ListenOn opens a listener at the address of a setting. Its error says what to change.
func ListenOn(ctx context.Context, setting, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return listener, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &portInUseError{setting, addr}
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s is %s, but a port below 1024 needs the capability CAP_NET_BIND_SERVICE: grant it, or choose another port, such as %s=:8080",
			setting, addr, setting)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is %s, which is not an address of this machine: leave the host empty for all of its addresses", setting, addr)
	default:
		return nil, fmt.Errorf("listen on %s: %w", setting, err)
	}
}

// portInUseError is an EADDRINUSE that says what to do.
type portInUseError struct{ setting, addr string }

// Error says what to do.
func (e *portInUseError) Error() string {
	return fmt.Sprintf("%s is %s, but another program uses that port: end it, or choose another one, such as %s=%s",
		e.setting, e.addr, e.setting, nextPort(e.addr))
}

// Unwrap returns the cause.
func (*portInUseError) Unwrap() error { return syscall.EADDRINUSE }

// nextPort is the address with the next port.
func nextPort(addr string) string {
	host, port, _ := net.SplitHostPort(addr) // the settings were checked
	number, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(number%65535+1))
}

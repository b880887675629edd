// Package httpapi is HTTP ⇄ rules: it reads requests strictly, asks packages
// identity and outline, and writes answers and problems as the contract says.
//
// Begin with routes.go: one line for each operation. The way of a request is
// middleware.go, routes.go, endpoint.go, then the file of its noun. It knows no
// SQL and holds no business rule.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// prefix is where the contract begins.
const prefix = "/api/v1"

const defaultConnections = 16

// Config is what the API needs.
type Config struct {
	Identity *auth.Service
	Outline  *requirements.Service
	// PublicKeys verify access tokens; they are published if there are any.
	PublicKeys []auth.PublicKey
	// Limiter applies Limits; nil for none.
	Limiter ratelimit.Limiter
	Limits  *Limits
	// Cache caches responses; nil for none.
	Cache Cache
	// Database is nil if the database answers, Redis if Redis does; Redis itself
	// is nil where there is none.
	Database, Redis func(context.Context) error
	// Ready is false before the server has started and while it drains.
	Ready func() bool
	// SecretKey authenticates page tokens and sign-ins that are under way; at
	// least 32 bytes.
	SecretKey []byte
	// MaxBodyBytes is the largest request body.
	MaxBodyBytes int64
	// Admission bounds how many operations work at the same time; nil for the bounds of
	// 16 connections to the database.
	Admission *admission.Limits
	// Proxies are believed in what they say of their callers.
	Proxies Proxies
	// RequireHTTPS refuses what came over plain HTTP.
	RequireHTTPS bool
	// Origins are those whose pages may call from a browser, use cookies and be
	// returned to after a sign-in, beside the server's own, as CheckOrigins
	// passes them.
	Origins []string
	Version string
	// Metrics are told of each request, and served, unless MetricsElsewhere; nil
	// counts nothing.
	Metrics          Metrics
	MetricsElsewhere bool
	// Traces follow each request; nil follows none.
	Traces Traces
	// OnUser, if not nil, is called with the user of every successful request.
	OnUser func(user string)
	Log    *slog.Logger
	Now    func() time.Time
}

// Metrics is what the API tells of requests. Routes are patterns of routes.go
// without the method, or empty.
type Metrics interface {
	// Begin is called when a request begins, and what it returns when it ends.
	Begin() func()
	Request(method, route string, status int, took time.Duration)
	// Cache reports what the cache did for a read: hit, miss or bypass.
	Cache(route, result string)
	// Problem tells of a problem that was answered.
	Problem(code string)
	// SignIn and Refresh tell what came of a try: see resultOf.
	SignIn(result string)
	Refresh(result string)
	// Limited reports a request that exceeded the named rate limit.
	Limited(limit string)
	// Shed reports a request that the named limiter has shed.
	Shed(limiter string)
	// Panicked tells of a panic.
	Panicked()
	Handler() http.Handler
}

// Traces is what follows a request through the program.
type Traces interface {
	// Begin is told of a request when it begins, by words of ours alone: a method
	// that we know, or OTHER, and a pattern of routes.go without the method, or
	// nothing. The request goes on in the context that it returns; what it returns
	// beside is told the status of the answer, unless it is nil.
	Begin(ctx context.Context, r *http.Request, method, route string) (context.Context, func(status int))
}

// untraced follows nothing.
type untraced struct{}

func (untraced) Begin(ctx context.Context, _ *http.Request, _, _ string) (context.Context, func(int)) {
	return ctx, nil
}

// uncounted counts nothing, where the contract is all that is wanted.
type uncounted struct{}

func (uncounted) Begin() func()                              { return func() {} }
func (uncounted) Request(string, string, int, time.Duration) {}
func (uncounted) Cache(string, string)                       {}
func (uncounted) Problem(string)                             {}
func (uncounted) SignIn(string)                              {}
func (uncounted) Refresh(string)                             {}
func (uncounted) Limited(string)                             {}
func (uncounted) Shed(string)                                {}
func (uncounted) Panicked()                                  {}
func (uncounted) Handler() http.Handler                      { return http.NotFoundHandler() }

// API serves the contract.
type API struct {
	Config
	huma            huma.API
	pageTokens      pageTokens
	attempts        attempts
	crossOrigin     *http.CrossOriginProtection
	exports         *exports
	locations       *locations
	database, redis *check
	// order is the patterns of the operations as routes.go lists them.
	order []string
	// known is the operations by their patterns, with the prefix.
	known map[string]route
	// defaultRate is charged to most requests, if there are limits.
	defaultRate []ratelimit.Rate
	// contractVersion identifies the contract in the cache.
	contractVersion func() string
}

// New returns the API and its handler.
func New(c Config) (*API, http.Handler) {
	setUpHuma()
	if c.Metrics == nil {
		c.Metrics = uncounted{}
	}
	if c.Traces == nil {
		c.Traces = untraced{}
	}
	mux := http.NewServeMux()
	if c.Admission == nil {
		c.Admission = admission.New(defaultConnections, c.Metrics.Shed)
	}
	a := &API{
		Config: c, pageTokens: newPageTokens(c.SecretKey), attempts: newAttempts(c.SecretKey, c.Now),
		crossOrigin: trustOrigins(c.Origins), exports: newExports(c.Admission.MaxExports),
		locations: newLocations(), known: map[string]route{},
	}
	a.contractVersion = sync.OnceValue(a.contractDigest)
	if c.Limits != nil {
		a.defaultRate = []ratelimit.Rate{c.Limits.Default}
	}
	a.database, a.redis = &check{probe: c.Database, now: c.Now}, &check{probe: c.Redis, now: c.Now}
	a.huma = humago.NewWithPrefix(mux, prefix, contract())
	a.routes()
	a.describe()
	a.plainRoutes(mux)
	return a, a.wrap(mux)
}

// Package httpapi translates between HTTP and the rules: it reads requests strictly,
// calls packages auth and requirements, and writes responses and problems as the
// contract says.
//
// Begin with routes.go, which has a line for each operation. A request passes through
// the middlewares in [API.wrap], then endpoint.go, then the file of its noun. The
// package contains no SQL and no business rule.
//
// Some types are exported only because huma ignores embedded types that are not:
// AcceptIn, DiffIn, PageIn, ListIn, IdempotentIn, CreatedOut, ParentOut, UserView, TokenView, Conditions, Match,
// MatchedProjectIn, MatchedSpecificationIn and MatchedItemIn. No other package uses
// them.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/events"
	"github.com/codegenapp/codegenapp/internal/history"
	"github.com/codegenapp/codegenapp/internal/httpapi/docs"
	"github.com/codegenapp/codegenapp/internal/httpapi/login"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/httpapi/workspace"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/seal"
)

// prefix is the path of the API.
const prefix = "/api/v1"

const defaultConnections = 16

// Config is what the API needs.
type Config struct {
	Auth         *auth.Service
	Requirements *requirements.Service
	History      *history.Service
	Members      *members.Service
	// Events are the streams of live updates, which replay revisions of FeedRetention.
	Events        *events.Hub
	FeedRetention time.Duration
	// PublicKeys verify access tokens. They are published if there are any.
	PublicKeys []auth.PublicKey
	// SecretKey authenticates page tokens and OAuth states; at least 32 bytes.
	SecretKey []byte

	// Limiter applies Limits; nil for none.
	Limiter ratelimit.Limiter
	Limits  *Limits
	// Cache caches responses; nil for none.
	Cache Cache

	Health
	Capacity
	Network
	Telemetry
}

// Health holds the checks of the API's dependencies.
type Health struct {
	// Database is nil if the database responds, Redis if Redis does. Redis itself is
	// nil without Redis.
	Database, Redis func(context.Context) error
	// Ready is false before the server has started and while it drains.
	Ready func() bool
}

// Capacity is how much the API does at the same time.
type Capacity struct {
	// MaxBodyBytes is the largest request body.
	MaxBodyBytes int64
	// Admission bounds how many operations run at the same time. Nil means the bounds of
	// 16 connections to the database.
	Admission *admission.Limits
}

// Network configures proxies, HTTPS and the origins of browsers.
type Network struct {
	// Proxies are trusted in what they report about their callers.
	Proxies middleware.Proxies
	// Public is where clients reach the server; empty if each request says it.
	Public middleware.PublicURL
	// RequireHTTPS rejects requests over plain HTTP.
	RequireHTTPS bool
	// Origins are trusted besides the server's own: their pages may call from a
	// browser, use cookies, and be the end of a sign-in. middleware.CheckOrigins
	// accepts them.
	Origins []string
}

// Telemetry is what observes the API.
type Telemetry struct {
	// Version is that of the program.
	Version string
	// Metrics count requests and are served, unless MetricsElsewhere; nil counts
	// nothing.
	Metrics          Metrics
	MetricsElsewhere bool
	// Traces make a span of each request; nil makes none.
	Traces middleware.Traces
	// OnUser is called with the user of each successful request; nil if unused.
	OnUser func(user string)
	Log    *slog.Logger
	Now    func() time.Time
}

// Metrics counts what the API does.
type Metrics interface {
	middleware.Metrics

	// SignIn and Refresh count results; see resultOf.
	SignIn(result string)
	Refresh(result string)
	// Limited counts a request beyond the named rate limit.
	Limited(limit string)
	// Credential counts a request of a signed-in user, with an API token or a session.
	Credential(apiToken bool)
	// Shed counts a request that the named concurrency limiter rejected.
	Shed(limiter string)
	Handler() http.Handler
}

// noMetrics counts nothing, for an API that only renders the contract.
type noMetrics struct{}

func (noMetrics) Begin() func()                              { return func() {} }
func (noMetrics) Request(string, string, int, time.Duration) {}
func (noMetrics) Cache(string, string)                       {}
func (noMetrics) Problem(string)                             {}
func (noMetrics) SignIn(string)                              {}
func (noMetrics) Refresh(string)                             {}
func (noMetrics) Limited(string)                             {}
func (noMetrics) Credential(bool)                            {}
func (noMetrics) Shed(string)                                {}
func (noMetrics) Panicked()                                  {}
func (noMetrics) Handler() http.Handler                      { return http.NotFoundHandler() }

// API serves the contract.
type API struct {
	Config
	contract        *openapi.Contract
	huma            huma.API
	mux             *http.ServeMux
	browser         *login.Login
	pages           *docs.Pages
	workspace       *workspace.Workspace
	pageTokens      seal.Key
	exports         *exports
	locations       *locations
	shared          *sharedLocations
	database, redis *check
	// order is the patterns of the operations as routes.go lists them.
	order []string
	// operations and known are the operations by pattern, known with the prefix.
	operations map[string]operation
	known      map[string]route
	// defaultRate limits most requests, if there are limits.
	defaultRate []ratelimit.Rate
}

// New returns the API and its handler.
func New(c Config) (*API, http.Handler) {
	setUpHuma()
	if c.Metrics == nil {
		c.Metrics = noMetrics{}
	}
	mux := http.NewServeMux()
	if c.Admission == nil {
		c.Admission = admission.New(defaultConnections, c.Metrics.Shed)
	}
	a := &API{
		Config: c, contract: newContract(), pageTokens: seal.NewKey(c.SecretKey, "page tokens"), exports: newExports(c.Admission.MaxExports),
		locations: newLocations(), shared: newSharedLocations(),
		operations: map[string]operation{}, known: map[string]route{},
		database: &check{probe: c.Database, now: c.Now}, redis: &check{probe: c.Redis, now: c.Now},
	}
	if c.Limits != nil {
		a.defaultRate = []ratelimit.Rate{c.Limits.Default}
	}
	a.browser = login.New(login.Config{
		Auth: c.Auth, Prefix: prefix, StateKey: seal.NewKey(c.SecretKey, "OAuth login state"), Origins: c.Origins, Now: c.Now,
		Report:   func(r *http.Request, err error) problem.Code { return problem.Code(problemOf(r, err).Code) },
		OnSignIn: func(err error) { a.Metrics.SignIn(resultOf(err)) },
	})
	a.huma = humago.NewWithPrefix(mux, prefix, a.contract.Huma())
	a.routes()
	describeLogin(a.huma.OpenAPI())
	a.contract.Complete()
	a.plainRoutes(mux)
	return a, a.wrap(mux)
}

// wrap puts the middlewares around the routes, the outermost first.
func (a *API) wrap(mux *http.ServeMux) http.Handler {
	a.mux = mux
	m := middleware.New(middleware.Config{
		Mux: mux, Fail: a.fail, Missing: a.missing, Proxies: a.Proxies, Public: a.Public, RequireHTTPS: a.RequireHTTPS, Origins: a.Origins, CookiePath: prefix + "/auth/",
		Metrics: a.Metrics, Traces: a.Traces, Log: a.Log, Now: a.Now,
		OnUser: a.OnUser,
	})
	return middleware.Chain(mux,
		middleware.CloseAfterChunked,
		a.withRequestInfo(m),
		middleware.Drain,
		m.LogRequests,
		m.Recover,
		middleware.SecurityHeaders,
		m.CORS,
		m.LimitHeaders,
		m.CheckExpect,
		m.CheckHTTPS,
		middleware.Compress(prefix+"/auth/", "/health", "/metrics"),
		middleware.NotModified,
		a.proveTokens,
		a.limitAndCache,
		m.NotFound,
	)
}

// requestInfo is what is known of a request besides its input.
type requestInfo struct {
	middleware.Info

	route route
	// caller is the result of the access token, once it is verified.
	caller *caller
	// limits reports the rate limits that the request was charged to.
	limits rateLimitHeaders
	// write is the mark of the request in the cache, if it changes content.
	write *write
	// shown is the location of the item that the response is about.
	shown location
	// at is the location of the content, if another user owns it.
	at auth.Location
}

// owner returns the user whose content a request of a verified caller is about.
func (i *requestInfo) owner() auth.UserID {
	if i.at.IsZero() {
		return i.caller.actor.User
	}
	return i.at.Owner
}

type requestInfoKey struct{}

// requestInfoFrom returns the info of a request; an empty one outside of a request.
func requestInfoFrom(ctx context.Context) *requestInfo {
	if info, ok := ctx.Value(requestInfoKey{}).(*requestInfo); ok {
		return info
	}
	return &requestInfo{}
}

// withRequestInfo finds the route of a request, reads its ID and its connection, and
// starts its span. Health checks and metrics have none, since they come each second.
func (a *API) withRequestInfo(m *middleware.Middleware) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			route := a.routeOf(a.mux, r)
			info := &requestInfo{route: route, Info: middleware.Info{
				Connection: m.Connection(r), RequestID: middleware.RequestID(r), Route: route.path,
			}}
			w.Header().Set("X-Request-Id", info.RequestID)
			ctx := middleware.NewContext(context.WithValue(r.Context(), requestInfoKey{}, info), &info.Info)
			if !exempt(route, r) {
				ctx = m.StartSpan(ctx, r, &info.Info)
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// address is the caller's address, past the trusted proxies. The zero Addr, if it is
// unknown, counts as a caller of its own.
func (*API) address(r *http.Request) netip.Addr { return requestInfoFrom(r.Context()).Address }

// limitBits is the part of an IPv6 address that a rate limit goes by: a customer gets
// at least a /64, and could otherwise use another address for each request.
const limitBits = 64

// limitKey is what a rate limit by address goes by: of IPv6 the /64.
func limitKey(addr netip.Addr) string {
	if !addr.Is6() {
		return addr.String()
	}
	prefix, err := addr.Prefix(limitBits)
	if err != nil { // the address has a zone; addresses from middleware have none
		return addr.String()
	}
	return prefix.String()
}

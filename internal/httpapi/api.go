// Package httpapi is HTTP ⇄ rules: it reads requests strictly, asks packages
// identity and outline, and writes answers and problems as the contract says.
//
// Begin with routes.go: one line for each operation. The way of a request is
// middleware.go, routes.go, endpoint.go, then the file of its noun. It knows no
// SQL and holds no business rule.
package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/seal"
)

// prefix is where the contract begins.
const prefix = "/api/v1"

const defaultWorking = 16

// Config is what the API needs.
type Config struct {
	Identity *auth.Service
	Outline  *requirements.Service
	// PublicKeys verify access tokens; they are published if there are any.
	PublicKeys []auth.PublicKey
	// Gate holds callers to Limits, where there are any, and remembers answers
	// where it Remembers.
	Gate      auth.Gate
	Limits    *Limits
	Remembers bool
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
	// MaxWorking is how many operations work at once, as many as there are
	// connections to the database; those for sign-ins, and those that end sessions,
	// come on top. 16 if it is not given.
	MaxWorking int
	// MaxReading is how many reads of content work at once beside them; as many as
	// MaxWorking if it is not given.
	MaxReading int
	// MaxExports is how many exports there are at once; each holds a connection
	// to the database.
	MaxExports int
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
	// Saw is told of each user who is answered; nil if nobody wants to know.
	Saw func(auth.Slot)
	Log *slog.Logger
	Now func() time.Time
}

// Metrics is what the API tells of requests. Routes are patterns of routes.go
// without the method, or empty.
type Metrics interface {
	// Begin is called when a request begins, and what it returns when it ends.
	Begin() func()
	Request(method, route string, status int, took time.Duration)
	// Cache tells of a read of which answers are kept: hit, miss or bypass.
	Cache(route, result string)
	// Problem tells of a problem that was answered.
	Problem(code string)
	// SignIn and Refresh tell what came of a try: see resultOf.
	SignIn(result string)
	Refresh(result string)
	// Limited tells of a request that the named budget did not pay.
	Limited(budget string)
	// Shed tells of a request that found none of the named places.
	Shed(places string)
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
	pageTokens      seal.Key
	attempts        attempts
	crossOrigin     *http.CrossOriginProtection
	exports         *exports
	hall            hall
	database, redis *check
	// order is the patterns of the operations as routes.go lists them.
	order []string
	// known is the operations by their patterns, with the prefix.
	known map[string]route
	// defaultRate is what most requests are paid from, if there are limits.
	defaultRate []auth.Rate
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
	working := cmp.Or(c.MaxWorking, defaultWorking)
	a := &API{
		Config: c, pageTokens: seal.NewKey(c.SecretKey, "page tokens"), attempts: newAttempts(c.SecretKey, c.Now),
		crossOrigin: trustOrigins(c.Origins), exports: newExports(c.MaxExports),
		hall: newHall(working, cmp.Or(c.MaxReading, working), c.Metrics.Shed), known: map[string]route{},
	}
	if c.Limits != nil {
		a.defaultRate = []auth.Rate{c.Limits.Default}
	}
	a.database, a.redis = &check{probe: c.Database, now: c.Now}, &check{probe: c.Redis, now: c.Now}
	a.huma = humago.NewWithPrefix(mux, prefix, contract())
	a.routes()
	a.describe()
	a.plainRoutes(mux)
	return a, a.wrap(mux)
}

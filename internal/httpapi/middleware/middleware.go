// Package middleware holds what each request passes through before it reaches its
// route: request ID, log line, panics, proxies, HTTPS, CORS, header limits, 304 and
// 404. Package httpapi puts the pieces in order.
//
// It depends on neither the operations of the API nor the library that registers them.
package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
)

// Config is what the middlewares need.
type Config struct {
	// Mux holds the routes; it decides about 404, 405 and Allow.
	Mux *http.ServeMux
	// Fail writes the problem of an error. Missing responds where there is no route.
	Fail    func(http.ResponseWriter, *http.Request, error)
	Missing http.HandlerFunc
	// Proxies are trusted in what they report about their callers.
	Proxies Proxies
	// Public is where clients reach the server; empty if the requests say it.
	Public PublicURL
	// RequireHTTPS rejects requests over plain HTTP.
	RequireHTTPS bool
	// Origins are those whose pages may read responses, as CheckOrigins accepts
	// them. Below CookiePath they may also use cookies.
	Origins    []string
	CookiePath string
	Metrics    Metrics
	// Traces is nil if requests are not traced.
	Traces Traces
	// OnUser is called with the user of each successful request; nil if unused.
	OnUser func(user string)
	Log    *slog.Logger
	Now    func() time.Time
}

// Metrics counts requests. Routes are patterns without the method, or empty for a
// request without a route.
type Metrics interface {
	// Begin is called when a request begins, the function it returns when it ends.
	Begin() func()
	Request(method, route string, status int, took time.Duration)
	// Cache counts a cacheable read: hit, miss or bypass.
	Cache(route, result string)
	// Problem counts a problem in a response.
	Problem(code string)
	// Panicked counts a panic.
	Panicked()
}

// Traces makes a span of each request.
type Traces interface {
	// Begin starts the span. The method is a known one or OTHER, the route a pattern
	// without the method or empty: nothing of the caller's own choice. The request
	// continues in the returned context. The returned function, if not nil, ends the
	// span with the status of the response.
	Begin(ctx context.Context, r *http.Request, method, route string) (context.Context, func(status int))
}

// Middleware makes handlers that stand around the routes.
type Middleware struct{ Config }

// New returns the middlewares.
func New(c Config) *Middleware { return &Middleware{c} }

// Info is what is known of a request whatever its route. Handlers further inside
// add to it; the log line shows it.
type Info struct {
	Connection

	RequestID string
	// Route is the pattern of the route without the method; empty without a route.
	Route string
	// User is the authenticated user, once the access token is verified.
	User string
	// Cache is hit, miss or bypass for a cacheable read.
	Cache string
	// Problem is the problem in the response, if any.
	Problem *Problem
	// Streaming is when a stream of events began, zero for other responses. The metrics
	// count its time until then: how long it lasts is up to the client.
	Streaming time.Time

	endSpan func(status int)
}

// Problem is what the log line says of a problem.
type Problem struct {
	Code   string
	Status int
	Cause  error
}

type infoKey struct{}

// NewContext returns a context with the info of its request.
func NewContext(ctx context.Context, info *Info) context.Context {
	return context.WithValue(ctx, infoKey{}, info)
}

// InfoFrom returns the info of the request; an empty one outside of a request.
func InfoFrom(ctx context.Context) *Info {
	if info, ok := ctx.Value(infoKey{}).(*Info); ok {
		return info
	}
	return &Info{}
}

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// RequestID returns the caller's X-Request-Id if it has the right form, else a new
// one.
func RequestID(r *http.Request) string {
	if name := r.Header.Get("X-Request-Id"); requestIDForm.MatchString(name) {
		return name
	}
	return id.New[Info]().String()
}

// StartSpan starts the span of a request, if requests are traced. LogRequests ends
// it.
func (m *Middleware) StartSpan(ctx context.Context, r *http.Request, info *Info) context.Context {
	if m.Traces != nil {
		ctx, info.endSpan = m.Traces.Begin(ctx, r, knownMethod(r.Method), info.Route)
	}
	return ctx
}

// Chain puts the middlewares around a handler. The first one is the outermost.
func Chain(h http.Handler, around ...func(http.Handler) http.Handler) http.Handler {
	for _, wrap := range slices.Backward(around) {
		h = wrap(h)
	}
	return h
}

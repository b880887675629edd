// Package login is the browser's part of signing in: the redirects to Google and
// back, the cookie of the refresh token, the OAuth state, and the protection
// against cross-site request forgery.
//
// The rules of sessions and tokens are those of package auth.
package login

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/seal"
)

// NoStore is the Cache-Control of every response with a token or a state in it.
const NoStore = "no-store"

// Config is what the browser's part of signing in needs.
type Config struct {
	Auth *auth.Service
	// Prefix is the path of the API, such as /api/v1.
	Prefix string
	// StateKey authenticates the cookies of sign-ins that are not complete.
	StateKey seal.Key
	// Origins are trusted besides the server's own: their pages may send requests
	// with a cookie, receive authorization codes, and be the end of a sign-in.
	Origins []string
	// Report notes a failed sign-in for the log line of its request, and returns the
	// code of its problem.
	Report func(*http.Request, error) problem.Code
	// OnSignIn is called with the result of each sign-in.
	OnSignIn func(error)
	Now      func() time.Time
}

// Login is the browser's part of signing in.
type Login struct {
	Config

	states states
	// crossOrigin protects against requests that another site makes a browser send. It
	// knows only the server's own origin.
	crossOrigin *http.CrossOriginProtection
}

// New returns it.
func New(c Config) *Login {
	return &Login{Config: c, states: states{key: c.StateKey, now: c.Now}, crossOrigin: http.NewCrossOriginProtection()}
}

// Client is the origin of a request, for sessions and the audit log.
func Client(r *http.Request) auth.Client {
	info := middleware.InfoFrom(r.Context())
	return auth.Client{IP: info.Address.String(), UserAgent: middleware.Clip(r.UserAgent(), 500), RequestID: info.RequestID}
}

// Caller is the origin of a request that needs no access token. Inputs embed it. It
// is exported because huma ignores embedded types that are not.
type Caller struct{ request *http.Request }

// Resolve reads the request.
func (c *Caller) Resolve(ctx huma.Context) []error {
	c.request, _ = humago.Unwrap(ctx)
	return nil
}

// Request is the request itself.
func (c *Caller) Request() *http.Request { return c.request }

// Client is the origin of the request.
func (c *Caller) Client() auth.Client { return Client(c.request) }

// secure reports whether the caller's connection is HTTPS.
func secure(r *http.Request) bool { return middleware.InfoFrom(r.Context()).Secure }

// public is where the browser reaches the server.
func public(r *http.Request) middleware.PublicURL { return middleware.InfoFrom(r.Context()).Public }

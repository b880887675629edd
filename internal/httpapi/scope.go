package httpapi

import (
	"context"
	"net/http"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/login"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// tokenScope is what an operation requires of an API token. The table of routes has one
// for each operation of signed-in users; the zero value is invalid. Sessions may do
// everything that their user may.
type tokenScope int

const (
	_ tokenScope = iota
	// anyToken is for what every token may do, whatever its scopes.
	anyToken
	reads
	writes
	manages
	// sessionOnly is for what no token may do.
	sessionOnly
)

// needs is the scope that the store checks; that of sessionOnly is not reached.
func (s tokenScope) needs() auth.Scope {
	switch s {
	case reads:
		return auth.ScopeRead
	case writes:
		return auth.ScopeWrite
	case manages:
		return auth.ScopeManage
	default:
		return auth.AnyScope
	}
}

// security is the requirement in the contract: a session, or an API token. The scope is
// the role that OpenAPI 3.1 allows for schemes other than OAuth.
func (s tokenScope) security() []map[string][]string {
	session := map[string][]string{openapi.SessionScheme: {}}
	switch s {
	case sessionOnly:
		return []map[string][]string{session}
	case anyToken:
		return []map[string][]string{session, {openapi.TokenScheme: {}}}
	default:
		return []map[string][]string{session, {openapi.TokenScheme: {string(s.needs())}}}
	}
}

// check panics if the table of routes is wrong. A cached response is given to each live
// token, so it must need no scope that a token can lack.
func (s tokenScope) check(pattern string, op operation) {
	if s < anyToken || s > sessionOnly || op.cached && s != reads && s != anyToken {
		panic("routes: the scope of " + pattern + " does not fit")
	}
}

// proven reports whether a credential certainly belongs to its user: an access token by
// its signature, an API token once the store has found it.
func (a *API) proven(actor auth.Actor) bool { return actor.Token.IsZero() || a.Auth.TokenProven(actor) }

// proveTokens rejects API tokens that are not live, and makes those prove themselves again
// that were rejected later.
func (a *API) proveTokens(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info := requestInfoFrom(r.Context())
		if !info.route.signed {
			next.ServeHTTP(w, r)
			return
		}
		caller := a.callerOf(r)
		if caller.err == nil {
			a.Metrics.Credential(!caller.actor.Token.IsZero())
		}
		if caller.err != nil || caller.actor.Token.IsZero() {
			next.ServeHTTP(w, r)
			return
		}
		info.limits.header = w.Header()
		if err := a.proveToken(r, caller); err != nil {
			a.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
		if p := info.Problem; p != nil && p.Code == string(problem.TokenRevoked) {
			a.Auth.ForgetToken(caller.actor)
		}
	})
}

// proveToken finds an API token in the store before the first request with it at this
// replica is charged to its user, and before its user is logged or their cache is
// touched. Until then the address is charged: a caller can make up a token that names
// another user.
func (a *API) proveToken(r *http.Request, caller *caller) error {
	actor := caller.actor
	actor.From = login.Client(r)
	if !a.Auth.TokenProven(actor) {
		if err := a.consume(r.Context(), a.limitKeys(requestInfoFrom(r.Context()).route, r)...); err != nil {
			return err
		}
		if err := a.queryToken(r, actor); err != nil {
			return err
		}
		requestInfoFrom(r.Context()).User = caller.user
	}
	a.Auth.NoteTokenUse(r.Context(), actor)
	return nil
}

// queryToken asks the store for a token, within the concurrency limiter.
func (a *API) queryToken(r *http.Request, actor auth.Actor) error {
	limiter := requestInfoFrom(r.Context()).route.limiter
	_, err := limited(r.Context(), limiter, limitKey(a.address(r)), requestTimeout, func(ctx context.Context) (*struct{}, error) {
		return nil, a.Auth.ProveToken(ctx, actor)
	})
	return err
}

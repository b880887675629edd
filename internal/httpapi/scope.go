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

// proveToken finds an API token in the store before the first request with it at this
// replica is charged to its user, and before its user is logged or their cache is
// touched. Until then the address is charged: a caller can make up a token that names
// another user.
func (a *API) proveToken(r *http.Request) error {
	info := requestInfoFrom(r.Context())
	if !info.route.signed {
		return nil
	}
	caller := a.callerOf(r)
	if caller.err != nil {
		return nil
	}
	a.Metrics.Credential(!caller.actor.Token.IsZero())
	if caller.actor.Token.IsZero() {
		return nil
	}
	actor := caller.actor
	actor.From = login.Client(r)
	if !a.Auth.TokenProven(actor) {
		address := limitKey(a.address(r))
		if err := a.consume(r.Context(), a.limitKeys(info.route, r)...); err != nil {
			return err
		}
		if err := a.queryToken(r, actor, address); err != nil {
			return err
		}
		info.User = caller.user
	}
	a.Auth.NoteTokenUse(r.Context(), actor)
	return nil
}

// queryToken asks the store for a token, within the concurrency limiter.
func (a *API) queryToken(r *http.Request, actor auth.Actor, address string) error {
	limiter := requestInfoFrom(r.Context()).route.limiter
	_, err := limited(r.Context(), limiter, address, requestTimeout, func(ctx context.Context) (*struct{}, error) {
		return nil, a.Auth.ProveToken(ctx, actor)
	})
	return err
}

// forgetRevoked makes a token prove itself again if the request was rejected for it.
func (a *API) forgetRevoked(r *http.Request) {
	info := requestInfoFrom(r.Context())
	if p := info.Problem; p != nil && p.Code == string(problem.TokenRevoked) && info.caller != nil && !info.caller.actor.Token.IsZero() {
		a.Auth.ForgetToken(info.caller.actor)
	}
}

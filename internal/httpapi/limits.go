package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
)

// Limits is how often callers may ask.
type Limits struct {
	// Default holds for a user's requests, else for those of an address. Login
	// holds for an address, Refresh for a session.
	Default, Login, Refresh identity.Rate
}

// The routes that are not paid for like others.
const (
	loginRoute  = "POST " + prefix + "/auth/login"
	logoutRoute = "POST " + prefix + "/auth/logout"
)

// limit lets each request spend from its budget before anything else is done for
// it, and before its body is read.
func (a *API) limit(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		route := ""
		if cleanPath(r) {
			_, route = mux.Handler(r)
		}
		if a.Limits == nil || exempt(route, r) {
			next.ServeHTTP(w, r)
			return
		}
		recordOf(r.Context()).budgets = &budgets{header: w.Header()}
		if err := a.spend(r.Context(), a.payers(route, r)...); err != nil {
			a.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// exempt is what must be answered at any time: the questions of whoever runs the
// server, and those that browsers ask before a request.
func exempt(route string, r *http.Request) bool {
	_, path, _ := strings.Cut(route, " ")
	return path == "/health" || strings.HasPrefix(path, "/health/") || path == "/metrics" ||
		r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// payers says whose budget a request may be paid from: the first that has
// something left.
//
// Operations for signed-in callers are paid by the user, everything else by the
// address. A logout may be paid by either. Nobody else can use up both: neither a
// neighbour behind the same address, nor a thief with a token.
func (a *API) payers(route string, r *http.Request) []identity.Entry {
	byAddress := identity.Entry{Slot: identity.Slot(limitKey(a.address(r))), Rates: []identity.Rate{a.Limits.Default}}
	switch {
	case route == loginRoute:
		byAddress.Rates[0] = a.Limits.Login
	case route == logoutRoute || a.signed[route]:
		actor, err := a.callerOf(r)
		if err != nil {
			break
		}
		byUser := identity.Entry{Slot: actor.Slot(), Rates: []identity.Rate{a.Limits.Default}}
		if route == logoutRoute {
			return []identity.Entry{byAddress, byUser}
		}
		return []identity.Entry{byUser}
	}
	return []identity.Entry{byAddress}
}

// spendRefresh lets the session of a refresh token pay, too, before the store is
// asked about it.
func (a *API) spendRefresh(ctx context.Context, token string) error {
	if a.Limits == nil {
		return nil
	}
	slot, err := identity.SessionSlot(token)
	if err != nil {
		return err
	}
	return a.spend(ctx, identity.Entry{Slot: slot, Rates: []identity.Rate{a.Limits.Refresh}})
}

// spend lets the first entry pay that can, and tells the caller how its budget
// stands. Its fault is RateLimited.
func (a *API) spend(ctx context.Context, payers ...identity.Entry) error {
	var pass identity.Pass
	for _, entry := range payers {
		if pass = a.Gate.Enter(ctx, entry); pass.Allowed() {
			break
		}
	}
	recordOf(ctx).budgets.add(a.Now(), pass.Standings)
	for _, s := range pass.Standings {
		if !s.Allowed {
			f := fault.New(fault.RateLimited, "More than %s. Wait as long as Retry-After says.", inWords(s.Rate))
			f.RetryAfter = s.RetryAfter
			return f
		}
	}
	return nil
}

// inWords is a rate for people.
func inWords(r identity.Rate) string {
	count, unit, _ := strings.Cut(r.String(), "/")
	noun, article := "requests", "a"
	if count == "1" {
		noun = "request"
	}
	if unit == "hour" {
		article = "an"
	}
	return strings.Join([]string{count, noun, article, unit}, " ")
}

package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Limits is how often callers may ask.
type Limits struct {
	// Default holds for a user's requests, else for those of an address. Login
	// holds for an address, Refresh for a session.
	Default, Login, Refresh auth.Rate
}

// The routes that are not paid for like others.
const (
	loginRoute  = "POST " + prefix + "/auth/login"
	logoutRoute = "POST " + prefix + "/auth/logout"
)

// exempt is what must be answered at any time: the questions of whoever runs the
// server, and those that browsers ask before a request.
func exempt(route route, r *http.Request) bool {
	return route.path == "/health" || strings.HasPrefix(route.path, "/health/") || route.path == "/metrics" ||
		r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// payers says whose budget a request may be paid from: the first that has
// something left.
//
// Operations for signed-in callers are paid by the user, everything else by the
// address. A logout may be paid by either. Nobody else can use up both: neither a
// neighbour behind the same address, nor a thief with a token.
func (a *API) payers(route route, r *http.Request) []auth.Entry {
	logout := route.pattern == logoutRoute
	if !logout && !route.signed {
		return []auth.Entry{a.byAddress(route, r)}
	}
	caller := a.callerOf(r)
	if caller.err != nil {
		return []auth.Entry{a.byAddress(route, r)}
	}
	byUser := auth.Entry{Slot: caller.slot, Rates: a.defaultRate}
	if logout {
		return []auth.Entry{a.byAddress(route, r), byUser}
	}
	return []auth.Entry{a.remembered(byUser, caller.actor, route, r)}
}

// byAddress is paid by the address.
func (a *API) byAddress(route route, r *http.Request) auth.Entry {
	e := auth.Entry{Slot: auth.Slot(limitKey(a.address(r))), Rates: a.defaultRate}
	if route.pattern == loginRoute && a.Limits != nil {
		e.Rates = []auth.Rate{a.Limits.Login}
	}
	return e
}

// spendRefresh lets the session of a refresh token pay, too, before the store is
// asked about it.
func (a *API) spendRefresh(ctx context.Context, token string) error {
	if a.Limits == nil {
		return nil
	}
	slot, err := auth.SessionSlot(token)
	if err != nil {
		return err
	}
	_, _, err = a.spend(ctx, auth.Entry{Slot: slot, Rates: []auth.Rate{a.Limits.Refresh}})
	return err
}

// spend lets the first entry pay that can, and tells the caller how its budget
// stands. Its fault is RateLimited.
func (a *API) spend(ctx context.Context, payers ...auth.Entry) (e auth.Entry, pass auth.Pass, err error) {
	for _, e = range payers {
		if pass = a.Gate.Enter(ctx, e); pass.Allowed() {
			break
		}
	}
	if len(pass.Standings) > 0 {
		requestInfoFrom(ctx).budgets.add(a.Now(), pass.Standings)
	}
	for _, s := range pass.Standings {
		if !s.Allowed {
			f := problem.New(problem.RateLimited, "More than %s. Wait as long as Retry-After says.", inWords(s.Rate))
			f.RetryAfter = s.RetryAfter
			a.Metrics.Limited(s.Rate.Name)
			return e, pass, f
		}
	}
	return e, pass, nil
}

// inWords is a rate for people.
func inWords(r auth.Rate) string {
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

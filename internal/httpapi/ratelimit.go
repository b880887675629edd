package httpapi

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/ratelimit"
)

// Limits is how often clients may call.
type Limits struct {
	// Default holds for a user, or for an address without a token. Login holds for an
	// address, Refresh for a session.
	Default, Login, Refresh ratelimit.Rate
}

// The routes with rate limits of their own.
const (
	loginRoute  = "POST " + prefix + "/auth/login"
	logoutRoute = "POST " + prefix + "/auth/logout"
)

// exempt reports whether a request is never limited: the operator's health checks and
// metrics, and the preflight requests of browsers.
func exempt(route route, r *http.Request) bool {
	return route.path == "/health" || strings.HasPrefix(route.path, "/health/") || route.path == "/metrics" ||
		r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// charge is a key, and the rates that a request is charged with.
type charge struct {
	key   ratelimit.Key
	rates []ratelimit.Rate
}

// limitKeys returns the keys to try, in order; the first with capacity is charged.
//
// Operations for signed-in users are charged to the user, everything else to the
// address. A logout may be charged to either, and no other client can exhaust both:
// neither a neighbour behind the same address, nor a thief with a token.
func (a *API) limitKeys(route route, r *http.Request) []charge {
	byAddress := charge{ratelimit.Key(limitKey(a.address(r))), a.defaultRate}
	if route.pattern == loginRoute && a.Limits != nil {
		byAddress.rates = []ratelimit.Rate{a.Limits.Login}
	}
	logout := route.pattern == logoutRoute
	if !logout && !route.signed {
		return []charge{byAddress}
	}
	caller := a.callerOf(r)
	if caller.err != nil || !a.proven(caller.actor) {
		return []charge{byAddress}
	}
	byUser := charge{ratelimit.Key(caller.user), a.defaultRate}
	if logout {
		return []charge{byAddress, byUser}
	}
	return []charge{byUser}
}

// consume charges a request to the first key that has capacity. Its error is
// RateLimited.
func (a *API) consume(ctx context.Context, keys ...charge) error {
	if a.Limits == nil {
		return nil
	}
	var decision ratelimit.Decision
	for _, k := range keys {
		if decision = a.Limiter.Allow(ctx, k.key, k.rates); decision.Allowed() {
			break
		}
	}
	return a.decided(ctx, decision)
}

// decided reports a decision to the client in headers. Its error is RateLimited if the
// decision is to reject the request.
func (a *API) decided(ctx context.Context, d ratelimit.Decision) error {
	if len(d) > 0 {
		requestInfoFrom(ctx).limits.add(a.Now(), d)
	}
	for _, s := range d {
		if !s.Allowed {
			f := problem.New(problem.RateLimited, "More than %s. Wait as long as Retry-After says.", rateInWords(s.Rate))
			f.RetryAfter = s.RetryAfter
			a.Metrics.Limited(s.Rate.Name)
			return f
		}
	}
	return nil
}

// consumeRefresh charges a refresh to the session of its token, too, before the store
// is queried.
func (a *API) consumeRefresh(ctx context.Context, token string) error {
	if a.Limits == nil {
		return nil
	}
	session, err := auth.SessionOf(token)
	if err != nil {
		return err
	}
	return a.consume(ctx, charge{ratelimit.Key(session.String()), []ratelimit.Rate{a.Limits.Refresh}})
}

// rateInWords is a rate for people: 100 requests a minute.
func rateInWords(r ratelimit.Rate) string {
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

// rateLimitHeaders reports to the client the limits that its request was charged to.
type rateLimitHeaders struct {
	header   http.Header
	decision ratelimit.Decision
}

// add writes all headers anew, with these limits too. RateLimit-Policy and RateLimit
// are those of draft-ietf-httpapi-ratelimit-headers; the older ones describe the limit
// with the fewest requests left. All times are rounded up: a client that waits so long
// is not too early.
func (h *rateLimitHeaders) add(now time.Time, d ratelimit.Decision) {
	h.decision = append(h.decision, d...)
	least := h.decision[0]
	var policy, limit []byte
	for n, s := range h.decision {
		if n > 0 {
			policy, limit = append(policy, ", "...), append(limit, ", "...)
		}
		policy = appendItem(policy, s.Rate.Name, ";q=", s.Rate.Requests, ";w=", seconds(s.Rate.Per))
		limit = appendItem(limit, s.Rate.Name, ";r=", s.Remaining, ";t=", seconds(s.Reset))
		if s.Remaining < least.Remaining {
			least = s
		}
	}
	reset := now.Add(least.Reset).Add(time.Second - time.Nanosecond).Unix()
	values := []string{
		string(policy), string(limit), strconv.Itoa(least.Rate.Requests), strconv.Itoa(least.Remaining), strconv.FormatInt(reset, 10),
	}
	for n, name := range [...]string{"Ratelimit-Policy", "Ratelimit", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"} {
		h.header[name] = values[n : n+1 : n+1]
	}
}

// appendItem appends an item of a structured field (RFC 9651): a name and two
// parameters. The names of our rates need no escape.
func appendItem(b []byte, name, first string, v int, second string, w int) []byte {
	b = strconv.AppendQuote(b, name)
	b = strconv.AppendInt(append(b, first...), int64(v), 10)
	return strconv.AppendInt(append(b, second...), int64(w), 10)
}

// seconds is a time in whole seconds, rounded up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// limitHeaders describes these headers in the contract.
func limitHeaders() map[string]*huma.Header {
	header := func(kind, description string, example any) *huma.Header {
		return &huma.Header{Schema: &huma.Schema{Type: kind}, Description: description, Example: example}
	}
	return map[string]*huma.Header{
		"RateLimit-Policy": header(huma.TypeString,
			"The limits that this request was charged to (draft-ietf-httpapi-ratelimit-headers): for each, by name, the number of requests `q` that it allows at once, and the number of seconds `w` in which it regains as many.",
			`"default";q=100;w=60`),
		"RateLimit": header(huma.TypeString,
			"The state of these limits: for each, by name, the number of requests `r` that remain at once, and the number of seconds `t` until it has all its requests again.",
			`"default";r=97;t=2`),
		"X-RateLimit-Limit":     header(huma.TypeInteger, "Of the limit with the fewest requests left: the number of requests that it allows at once.", 100),
		"X-RateLimit-Remaining": header(huma.TypeInteger, "Of the same limit: the number of requests that remain at once.", 97),
		"X-RateLimit-Reset":     header(huma.TypeInteger, "When the same limit has all its requests again, in seconds of Unix time.", 1795367532),
	}
}

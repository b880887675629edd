package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// preflightMaxAge is how many seconds browsers may cache a preflight: the maximum of
// Chromium.
const preflightMaxAge = 7200

var (
	// corsRequestHeaders are what a page may send. The last four are those of traces:
	// scripts of a monitoring service add them to every request.
	corsRequestHeaders = strings.Join([]string{
		"authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "last-event-id", "x-request-id",
		"baggage", "sentry-trace", "traceparent", "tracestate",
	}, ",")
	// corsResponseHeaders are what a page may read besides the headers that every page
	// may read.
	corsResponseHeaders = strings.Join([]string{
		"ETag", "Specification-ETag", "Location", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy",
		"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Idempotency-Replayed", "WWW-Authenticate",
	}, ",")
)

// CORS responds to preflights and lets pages of the allowed origins read responses,
// also errors. Other origins get no CORS headers, so the browser blocks the page; their
// preflights are treated like any OPTIONS request.
//
// It comes before everything that queries a store or counts requests. A request
// without the required HTTPS gets no preflight, so the browser never sends the
// token.
func (m *Middleware) CORS(next http.Handler) http.Handler {
	if len(m.Origins) == 0 {
		return next
	}
	anyOrigin := slices.Contains(m.Origins, AnyOrigin)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		preflight := IsPreflight(r)
		if !anyOrigin {
			w.Header().Add("Vary", "Origin")
		}
		origin := r.Header["Origin"]
		if len(origin) != 1 || !anyOrigin && !AllowsOrigin(m.Origins, origin[0]) || preflight && m.needsHTTPS(r) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin[0])
		if anyOrigin {
			h.Set("Access-Control-Allow-Origin", AnyOrigin)
		} else if strings.HasPrefix(r.URL.Path, m.CookiePath) { // only sign-in uses cookies
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if preflight {
			m.preflight(w, r)
			return
		}
		h.Set("Access-Control-Expose-Headers", corsResponseHeaders)
		next.ServeHTTP(w, r)
	})
}

// preflight tells the browser what a page may send. A method that no route has is not
// allowed. Which methods the path has is in Allow.
func (m *Middleware) preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method")
	setAllow(w, m.allowedMethods(r))
	if method := r.Header.Get("Access-Control-Request-Method"); slices.Contains(Methods, method) {
		h.Set("Access-Control-Allow-Methods", method)
	}
	h.Set("Access-Control-Allow-Headers", corsRequestHeaders)
	h.Set("Access-Control-Max-Age", strconv.Itoa(preflightMaxAge))
	w.WriteHeader(http.StatusNoContent)
}

// IsPreflight reports whether a browser sent r to ask about another request.
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jub0bs/cors"
)

// preflightMaxAge is how many seconds browsers may cache a preflight: the maximum of
// Chromium.
const preflightMaxAge = 7200

// OriginRules say what may be listed besides https origins and those of this machine.
type OriginRules struct {
	// Any allows "*": pages of every origin, but without cookies.
	Any bool
	// Plain allows http:// origins of other machines.
	Plain bool
}

// CheckOrigins checks origins such as https://app.example.com. Its error says what is
// wrong with each invalid entry, by its position in the list.
func CheckOrigins(list []string, rules OriginRules) error {
	var bad []string
	for n, entry := range list {
		if fault := originFault(entry, rules); fault != "" {
			bad = append(bad, fmt.Sprintf("entry %d %s", n+1, fault))
		}
	}
	if bad != nil {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}

// AnyOrigin in the list of origins allows all of them.
const AnyOrigin = "*"

// mustAllow panics on what CheckOrigins rejects.
func mustAllow(c cors.Config) *cors.Middleware {
	m, err := cors.NewMiddleware(c)
	if err != nil {
		panic(fmt.Sprintf("allow origins: %v", err)) // settings are checked long before
	}
	// A rejected preflight then names its reason. The list of methods and headers is
	// in the published contract anyway.
	m.SetDebug(true)
	return m
}

func corsConfig(list []string, credentialed bool) cors.Config {
	return cors.Config{
		Origins: list, Credentialed: credentialed, MaxAgeInSeconds: preflightMaxAge,
		Methods: Methods,
		RequestHeaders: []string{
			"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "X-Request-Id",
		},
		ResponseHeaders: []string{
			"ETag", "Location", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy",
			"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Idempotency-Replayed", "WWW-Authenticate",
		},
		DangerouslyTolerateInsecureOrigins: true, // originFault has decided about them
	}
}

// originFault says what is wrong with an entry; empty if nothing is. A browser sends
// an origin in one spelling only, so another one would never match.
func originFault(entry string, rules OriginRules) string {
	if entry == AnyOrigin {
		if rules.Any {
			return ""
		}
		return "allows every origin; list those that are meant"
	}
	u, err := url.Parse(entry)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "is not an origin such as https://app.example.com"
	case u.User != nil:
		return "has a user in it, which no origin has"
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(entry, "#"):
		return "has more than scheme, host and port: an origin has no path and no slash at its end"
	case strings.Contains(entry, "*"):
		return "has a wildcard; list each origin"
	case u.Scheme == "http" && !rules.Plain && !ofThisMachine(u.Hostname()):
		return "is not https://"
	}
	if _, err := cors.NewMiddleware(cors.Config{Origins: []string{entry}}); err != nil {
		return "is not written as browsers write an origin: lower case, without the usual port, IDNA in ASCII"
	}
	return ""
}

func ofThisMachine(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}

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
	// Only sign-in uses cookies.
	withCookies := mustAllow(corsConfig(m.Origins, !anyOrigin)).Wrap(next)
	withoutCookies := mustAllow(corsConfig(m.Origins, false)).Wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsPreflight(r) {
			if m.needsHTTPS(r) || !anyOrigin && !slices.Contains(m.Origins, r.Header.Get("Origin")) {
				next.ServeHTTP(w, r)
				return
			}
			setAllow(w, m.allowedMethods(r))
		}
		if strings.HasPrefix(r.URL.Path, m.CookiePath) {
			withCookies.ServeHTTP(w, r)
			return
		}
		withoutCookies.ServeHTTP(w, r)
	})
}

// IsPreflight reports whether a browser sent r to ask about another request.
func IsPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

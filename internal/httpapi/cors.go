package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jub0bs/cors"
)

// preflightAge is how long browsers may remember a preflight: the most that
// Chromium keeps.
const preflightAge = 7200

// OriginRules say what else than a well-formed origin may be listed.
type OriginRules struct {
	// Any: "*" for pages of every origin, though never with cookies.
	Any bool
	// Plain: origins over http:// that are not of this machine.
	Plain bool
}

// CheckOrigins reads origins such as https://app.example.com. Its error says of
// each that is none what is wrong with it, by its place in the list.
func CheckOrigins(list []string, rules OriginRules) error {
	var bad []string
	for n, entry := range list {
		if wrong := wrongWith(entry, rules); wrong != "" {
			bad = append(bad, fmt.Sprintf("entry %d %s", n+1, wrong))
		}
	}
	if bad != nil {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}

// anyOrigin stands for all of them.
const anyOrigin = "*"

// mustAllow panics on what CheckOrigins refuses.
func mustAllow(c cors.Config) *cors.Middleware {
	m, err := cors.NewMiddleware(c)
	if err != nil {
		panic(fmt.Sprintf("allow origins: %v", err)) // settings are checked long before
	}
	// A refused preflight then says what it was refused for. The list of methods
	// and headers is in the published contract anyway.
	m.SetDebug(true)
	return m
}

func corsConfig(list []string, credentialed bool) cors.Config {
	return cors.Config{
		Origins: list, Credentialed: credentialed, MaxAgeInSeconds: preflightAge,
		Methods: methods,
		RequestHeaders: []string{
			"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "X-Request-Id",
		},
		ResponseHeaders: []string{
			"ETag", "Location", "X-Request-Id", "Retry-After", "RateLimit", "RateLimit-Policy",
			"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Idempotency-Replayed", "WWW-Authenticate",
		},
		DangerouslyTolerateInsecureOrigins: true, // wrongWith has decided about them
	}
}

// wrongWith says what is wrong with an entry, or nothing. A browser sends an
// origin in one spelling, so nothing else would ever match.
func wrongWith(entry string, rules OriginRules) string {
	if entry == anyOrigin {
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

// fromPages answers preflights and lets pages of the allowed origins read the
// answers, errors too. A page of another origin is told nothing, so its browser
// refuses; a preflight of one is answered like any OPTIONS.
//
// It stands before everything that asks a store or counts requests. What is to
// be refused for want of HTTPS gets no preflight: the browser then keeps the
// token to itself.
func (a *API) fromPages(mux *http.ServeMux, next http.Handler) http.Handler {
	if len(a.Origins) == 0 {
		return next
	}
	anybody := slices.Contains(a.Origins, anyOrigin)
	// Only sign-in has a use for cookies.
	signIn, elsewhere := mustAllow(corsConfig(a.Origins, !anybody)).Wrap(next), mustAllow(corsConfig(a.Origins, false)).Wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			if a.refusesPlain(r) || !anybody && !slices.Contains(a.Origins, r.Header.Get("Origin")) {
				next.ServeHTTP(w, r)
				return
			}
			allow(w, allowed(mux, r))
		}
		if strings.HasPrefix(r.URL.Path, prefix+"/auth/") {
			signIn.ServeHTTP(w, r)
			return
		}
		elsewhere.ServeHTTP(w, r)
	})
}

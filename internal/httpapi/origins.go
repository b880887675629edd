package httpapi

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// trustOrigins returns the protection against requests that another site makes a
// browser send. Beside the server's own origin it lets through those given.
func trustOrigins(origins []string) *http.CrossOriginProtection {
	protection := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if origin == anyOrigin { // which may read answers, and is trusted with nothing that a cookie does
			continue
		}
		if err := protection.AddTrustedOrigin(origin); err != nil {
			panic(fmt.Sprintf("trust an origin: %v", err)) // settings are validated long before
		}
	}
	return protection
}

// origin is the server's own, as the browser sees it.
func (a *API) origin(r *http.Request) string {
	if a.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// trusts tells whether an address lies at the server's own origin, or at one of
// those that it trusts.
func (a *API) trusts(r *http.Request, at *url.URL) bool {
	origin := at.Scheme + "://" + at.Host
	return at.Host != "" && (origin == a.origin(r) || slices.Contains(a.Origins, origin))
}

// checkOrigin refuses a request with a cookie that another site may have made
// the browser send: one that a plain form could send too, and one from an origin
// that is not trusted.
func (a *API) checkOrigin(r *http.Request) error {
	if r.Header.Get("Content-Type") != "application/json" { // in any spelling: see checkMediaType
		return notAsJSON()
	}
	if err := a.crossOrigin.Check(r); err != nil {
		return problem.New(problem.CSRFRejected, "Requests with a cookie are not taken from this origin.").Because(err)
	}
	return nil
}

func notAsJSON() error {
	return problem.New(problem.CSRFRejected, "A request with a cookie needs Content-Type: application/json.")
}

// parseAddress reads an address that browsers and this server understand alike:
// visible ASCII without the backslashes that browsers turn round, and without a
// user, which hides the host from people.
func parseAddress(text string) (*url.URL, bool) {
	invisible := func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }
	at, err := url.Parse(text)
	if err != nil || strings.ContainsFunc(text, invisible) || at.User != nil || at.Opaque != "" {
		return nil, false
	}
	// What percent signs hide counts too: somebody behind us may take them away.
	hidden := func(r rune) bool { return r == '\\' || unicode.IsControl(r) }
	if strings.Contains(at.Path, "//") || strings.ContainsFunc(at.Path, hidden) {
		return nil, false
	}
	return at, true
}

// returnable tells whether a browser may be sent to an address after a sign-in: a
// path of this server, or a page of an origin that is trusted.
func (a *API) returnable(r *http.Request, text string) bool {
	at, ok := parseAddress(text)
	if !ok {
		return false
	}
	if at.Scheme == "" && at.Host == "" {
		return strings.HasPrefix(at.Path, "/")
	}
	return a.trusts(r, at)
}

// postMessage stands for a code that Google's script hands to the page itself.
const postMessage = "postmessage"

// redirectable tells whether codes that come by an address are exchanged here.
// Google sends a code only where its client is registered; this keeps out what
// belongs to another program with the same client.
func (a *API) redirectable(r *http.Request, text string) bool {
	if text == postMessage {
		return true
	}
	at, ok := parseAddress(text)
	if !ok {
		return false
	}
	// Programs on the user's own machine (RFC 8252, section 7.3).
	loopback := at.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, at.Hostname())
	return loopback || a.trusts(r, at)
}

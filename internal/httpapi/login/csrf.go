package login

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// CheckOrigin rejects a request with a cookie that another site may have made the
// browser send: one that a plain HTML form could send too, and one from an origin
// that is not trusted.
func (l *Login) CheckOrigin(r *http.Request) error {
	if r.Header.Get("Content-Type") != "application/json" { // in any spelling: package httpapi has normalized it
		return NotJSON()
	}
	if middleware.AllowsOrigin(l.Origins, r.Header.Get("Origin")) {
		return nil
	}
	// The own origin is the one that browsers see, whatever a proxy has
	// made of the Host header.
	seen := *r
	seen.Host = public(r).Host
	if err := l.crossOrigin.Check(&seen); err != nil {
		return problem.New(problem.CSRFRejected, "Requests with a cookie are not accepted from this origin. The setting CORS_ORIGINS lists those that are.").Because(err)
	}
	return nil
}

// NotJSON is the problem of a request with a cookie that a form could have sent.
func NotJSON() error {
	return problem.New(problem.CSRFRejected, "A request with a cookie needs Content-Type: application/json.")
}

// trusts reports whether a URL is at the server's own origin or at a trusted one.
func (l *Login) trusts(r *http.Request, at *url.URL) bool {
	origin := at.Scheme + "://" + at.Host
	return at.Host != "" && (origin == public(r).Origin() || middleware.AllowsOrigin(l.Origins, origin))
}

// parseAddress parses an address that browsers and this server understand alike:
// visible ASCII without a backslash, which browsers read as a slash, and without a
// user, which hides the host from people.
func parseAddress(text string) (*url.URL, bool) {
	invisible := func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }
	at, err := url.Parse(text)
	if err != nil || strings.ContainsFunc(text, invisible) || at.User != nil || at.Opaque != "" {
		return nil, false
	}
	// Percent-encoded characters count too: a server behind this one may decode them.
	hidden := func(r rune) bool { return r == '\\' || unicode.IsControl(r) }
	if strings.Contains(at.Path, "//") || strings.ContainsFunc(at.Path, hidden) {
		return nil, false
	}
	return at, true
}

// mayReturnTo reports whether a browser may be sent to an address after a sign-in: a
// path of this server, or a page of a trusted origin.
func (l *Login) mayReturnTo(r *http.Request, text string) bool {
	at, ok := parseAddress(text)
	if !ok {
		return false
	}
	if at.Scheme == "" && at.Host == "" {
		return strings.HasPrefix(at.Path, "/")
	}
	return l.trusts(r, at)
}

// postMessage is the redirect URI of a code that Google's script passes directly to
// the page.
const postMessage = "postmessage"

// AcceptsRedirectURI reports whether authorization codes for this redirect URI are
// exchanged here. Google sends a code only to registered addresses; this keeps out
// other programs with the same client.
func (l *Login) AcceptsRedirectURI(r *http.Request, text string) bool {
	if text == postMessage {
		return true
	}
	at, ok := parseAddress(text)
	if !ok {
		return false
	}
	// Programs on the user's own machine (RFC 8252, section 7.3).
	loopback := at.Scheme == "http" && slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, at.Hostname())
	return loopback || l.trusts(r, at)
}

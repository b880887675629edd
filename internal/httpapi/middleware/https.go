package middleware

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// Connection is how a request reached the server.
type Connection struct {
	// Address is the caller's, past the trusted proxies. It is zero if unknown.
	Address netip.Addr
	// Secure reports whether the caller's connection is HTTPS, up to the first
	// trusted proxy or to this server. It decides about HSTS and cookies.
	Secure bool
	// ForwardedHTTP reports whether a trusted proxy says that it was called over
	// plain HTTP.
	ForwardedHTTP bool
	// Public is where the client has reached the server.
	Public PublicURL
}

// Connection reads the connection of r and, if the peer is a trusted proxy, what it
// reports about its caller. The proxy's report wins: TLS between proxy and server
// does not make a request secure that reached the proxy over plain HTTP.
func (m *Middleware) Connection(r *http.Request) Connection {
	peer := peerOf(r)
	c := Connection{Address: peer, Secure: r.TLS != nil}
	trusted := m.Proxies.Trust(peer)
	if trusted {
		c.Address = m.Proxies.caller(peer, r.Header["X-Forwarded-For"])
		if scheme, ok := fromTheRight(r.Header["X-Forwarded-Proto"])(); ok {
			c.Secure = strings.EqualFold(scheme, "https")
			c.ForwardedHTTP = !c.Secure
		}
	}
	c.Public = m.publicURL(r, c.Secure, trusted)
	return c
}

// needsHTTPS reports whether the request must be rejected because it came over
// plain HTTP. Health and metrics hold no secret, and probes inside the network have
// no certificate, so they are exempt; but not if they came through a proxy from
// outside.
func (m *Middleware) needsHTTPS(r *http.Request) bool {
	c := InfoFrom(r.Context()).Connection
	return m.RequireHTTPS && !c.Secure && (c.ForwardedHTTP || !isProbe(r.URL.Path))
}

// isProbe reports whether a path is one that probes request.
func isProbe(path string) bool {
	return path == "/health" || path == "/metrics" || strings.HasPrefix(path, "/health/")
}

// CheckHTTPS rejects requests over plain HTTP. A redirect would hide from the
// caller that it sends its token unencrypted.
func (m *Middleware) CheckHTTPS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m.needsHTTPS(r) {
			m.Fail(w, r, problem.New(HTTPSRequired, "The request came over plain HTTP. This server accepts only HTTPS."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

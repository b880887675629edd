package httpapi

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// arrival is how a request came here.
type arrival struct {
	// address is where it comes from, past the trusted proxies.
	address netip.Addr
	// secure: over HTTPS, as far as the trusted proxies and we can see.
	secure bool
	// saidPlain: a trusted proxy says that it was called over plain HTTP.
	saidPlain bool
}

// arrivalOf reads the connection and, if the peer is trusted, what it says of
// its own caller. That wins over the connection: plain HTTP up to the proxy is
// not mended by TLS from there.
func (a *API) arrivalOf(r *http.Request) arrival {
	peer := peerOf(r)
	came := arrival{address: peer, secure: r.TLS != nil}
	if !a.Proxies.trust(peer) {
		return came
	}
	came.address = a.Proxies.caller(peer, r.Header["X-Forwarded-For"])
	if said, ok := fromTheRight(r.Header["X-Forwarded-Proto"])(); ok {
		came.secure = strings.EqualFold(said, "https")
		came.saidPlain = !came.secure
	}
	return came
}

// secure reports whether the caller's connection is HTTPS, up to the first of
// the trusted proxies or to us. It decides about HSTS and cookies.
func (*API) secure(r *http.Request) bool { return recordOf(r.Context()).secure }

// refusesPlain reports whether the request has to be refused for want of HTTPS.
// Health and metrics hold no secret and are asked for inside, by probes that
// have no certificate; that is no reason to answer them over plain HTTP to who
// came through a proxy from outside.
func (a *API) refusesPlain(r *http.Request) bool {
	came := recordOf(r.Context()).arrival
	return a.RequireHTTPS && !came.secure && (came.saidPlain || !probed(r.URL.Path))
}

// probed are the paths that probes ask for.
func probed(path string) bool {
	return path == "/health" || path == "/metrics" || strings.HasPrefix(path, "/health/")
}

// requireHTTPS refuses what came over plain HTTP. A redirect would hide from the
// caller that it sends its token in the clear.
func (a *API) requireHTTPS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.refusesPlain(r) {
			a.fail(w, r, problem.New(httpsRequired, "The request came over plain HTTP; this server answers over HTTPS alone."))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxHeaderBytes is how large request line and headers may be together. The
// connection takes a little more, so that most of what is too large gets here
// and is answered like everything else.
const maxHeaderBytes = 64 << 10

// boundHeaders refuses headers that are too large.
func (a *API) boundHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if headerBytes(r) > maxHeaderBytes {
			a.fail(w, r, problem.New(headersTooLarge, "The request line and the headers have more than %d bytes.", maxHeaderBytes))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// endAfterChunks ends a connection of HTTP/1.1 after a body of unknown length.
// Where two servers in a row may not agree where such a body ends, nothing that
// follows it is then read as a request (RFC 9112, section 11.2). Package wire
// counts on it.
func endAfterChunks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// headerBytes is the size of request line and headers as HTTP/1.1 writes them.
func headerBytes(r *http.Request) int {
	const line = len(" HTTP/1.1\r\n")
	size := len(r.Method) + len(" ") + len(r.RequestURI) + line + len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(": \r\n") + len(value)
		}
	}
	return size
}

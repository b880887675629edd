package middleware

import (
	"maps"
	"net/http"
	"strings"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// The values of headers that every response has are made once. No code modifies
// them: Set replaces the slice, and Add copies one without spare capacity.
var (
	privateNoCache = []string{"private, no-cache"}
	secureHeaders  = map[string][]string{
		"X-Content-Type-Options":  {"nosniff"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Frame-Options":         {"DENY"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	}
	strictTransport = []string{"max-age=63072000; includeSubDomains"}
)

// SecurityHeaders sets the security headers of every response.
func SecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		maps.Copy(h, secureHeaders)
		if InfoFrom(r.Context()).Secure {
			h["Strict-Transport-Security"] = strictTransport
		}
		if r.Header.Get("Authorization") != "" {
			h["Cache-Control"] = privateNoCache
		}
		next.ServeHTTP(w, r)
	})
}

// MaxHeaderBytes is the limit for request line and headers together. net/http
// accepts more, so that most requests beyond the limit reach LimitHeaders and get a
// problem.
const MaxHeaderBytes = 64 << 10

// LimitHeaders rejects headers that are too large.
func (m *Middleware) LimitHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if headerBytes(r) > MaxHeaderBytes {
			m.Fail(w, r, problem.New(HeadersTooLarge, "The request line and the headers have more than %d bytes.", MaxHeaderBytes))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// CheckExpect rejects expectations other than 100-continue (RFC 9110, section 10.1.1).
// Over HTTP/1.1 net/http itself rejects most of them.
func (m *Middleware) CheckExpect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, line := range r.Header["Expect"] {
			if !strings.EqualFold(strings.TrimSpace(line), "100-continue") {
				m.Fail(w, r, problem.New(MalformedRequest, "The expectation in the header Expect is unknown. The server knows only 100-continue."))
				return
			}
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

// CloseAfterChunked ends an HTTP/1.1 connection after a request with a chunked
// body. Two servers in a row may disagree about where such a body ends, above all
// if the request has a Content-Length too, which net/http ignores and removes.
// With the connection closed, no bytes after the body are read as a request (RFC
// 9112, section 11.2).
//
// HTTP/1.0 has no chunks: net/http ignores its Transfer-Encoding, and RFC 9112,
// section 6.1, demands the end of the connection. The header is gone by now, so
// every connection of HTTP/1.0 ends.
func CloseAfterChunked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

package middleware

import (
	"io"
	"net/http"
	"time"
)

const (
	// maxDrained is how many bytes of a rejected body are read.
	maxDrained = 16 << 20
	// drainTime bounds how long they are awaited.
	drainTime = 2 * time.Second
)

// Drain reads and discards what is left of the body after a problem. A connection that is
// closed with unread bytes is reset, and a client that still sends may then lose the
// response (RFC 9112, section 9.6). net/http waits for such clients only if it would have
// kept the connection.
func Drain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		if r.ContentLength == 0 || r.ProtoMajor != 1 || InfoFrom(r.Context()).Problem == nil {
			return
		}
		// A client that waits for 100 (Continue) sends no body after another response.
		if r.Header.Get("Expect") != "" {
			return
		}
		connection := http.NewResponseController(w)
		if connection.Flush() != nil || connection.SetReadDeadline(time.Now().Add(drainTime)) != nil {
			return
		}
		_, _ = io.CopyN(io.Discard, r.Body, maxDrained)
	})
}

package middleware

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

const (
	// minCompressed is the size in bytes from which a response is compressed. A smaller
	// one fits into one packet in any case.
	minCompressed = 1400
	// maxCompressors bounds the responses that are compressed at the same time. Each
	// holds almost a megabyte while its client reads; further ones are not compressed.
	maxCompressors = 32
)

// compressible matches the media types that compression makes smaller.
var compressible = regexp.MustCompile(`^(text/|application/([a-z.-]+\+)?(json|yaml)\b|image/svg)`)

// Compress compresses large responses with gzip, if the client accepts that.
//
// Responses below one of the prefixes are not compressed. That is for responses with
// tokens: from the size of a compressed response, one can guess a secret that stands
// beside text of one's choice (BREACH).
func Compress(except ...string) func(http.Handler) http.Handler {
	slots := make(chan struct{}, maxCompressors)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, prefix := range except {
				if strings.HasPrefix(r.URL.Path, prefix) {
					next.ServeHTTP(w, r)
					return
				}
			}
			c := &compressor{ResponseWriter: w, slots: slots, accepted: AcceptsGzip(r.Header)}
			defer c.release()
			next.ServeHTTP(c, r)
			c.finish() // not after a panic: then the response is incomplete
		})
	}
}

// compressor holds the beginning of a response back until it is clear whether the
// response is large.
type compressor struct {
	http.ResponseWriter

	slots    chan struct{}
	accepted bool

	status  int
	held    []byte
	decided bool
	// gz is nil unless the response is compressed.
	gz *gzip.Writer
}

var gzipWriters = sync.Pool{New: func() any {
	w, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic("gzip does not know its own level: " + err.Error())
	}
	return w
}}

// Unwrap lets http.ResponseController reach the connection.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader holds the status back if only the body shows whether it is compressed.
func (c *compressor) WriteHeader(status int) {
	if c.decided || c.status != 0 {
		return
	}
	if status < http.StatusOK { // informational, the response follows
		c.ResponseWriter.WriteHeader(status)
		return
	}
	c.status = status
	length, err := strconv.Atoi(c.Header().Get("Content-Length"))
	if err == nil || !c.accepted || !c.eligible() {
		c.decide(!c.accepted || length >= minCompressed)
	}
}

// eligible reports whether the response would be compressed if it were large.
func (c *compressor) eligible() bool {
	h := c.Header()
	// An event is sent at once. A compressor would hold a slot as long as the stream.
	stream := strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
	return !stream && c.status != http.StatusNoContent && c.status != http.StatusNotModified && c.status != http.StatusPartialContent &&
		h.Get("Content-Encoding") == "" && h.Get("Set-Cookie") == "" && compressible.MatchString(h.Get("Content-Type"))
}

// decide sends the status and what was held back.
func (c *compressor) decide(large bool) {
	c.decided = true
	if large && c.eligible() {
		h := c.Header()
		h.Add("Vary", "Accept-Encoding")
		if c.accepted && c.acquire() {
			c.gz, _ = gzipWriters.Get().(*gzip.Writer) // it contains nothing else
			c.gz.Reset(c.ResponseWriter)
			h.Del("Content-Length")
			h.Set("Content-Encoding", "gzip")
			if tag := h.Get("ETag"); tag != "" {
				// Different bytes need a different strong tag (RFC 9110, section 8.8.3.3).
				h.Set("ETag", strings.TrimSuffix(tag, `"`)+`-gzip"`)
			}
		}
	}
	c.ResponseWriter.WriteHeader(c.status)
}

func (c *compressor) acquire() bool {
	select {
	case c.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// Write compresses, or passes on, or holds back.
func (c *compressor) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if !c.decided {
		if len(c.held)+len(b) < minCompressed {
			c.held = append(c.held, b...)
			return len(b), nil
		}
		c.decide(true)
		held := c.held
		c.held = nil
		if len(held) > 0 {
			if _, err := c.send(held); err != nil {
				return 0, err
			}
		}
	}
	return c.send(b)
}

func (c *compressor) send(b []byte) (int, error) {
	if c.gz != nil {
		return c.gz.Write(b)
	}
	return c.ResponseWriter.Write(b)
}

// FlushError sends what there is, for a response that is streamed.
func (c *compressor) FlushError() error {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if !c.decided {
		c.decide(true)
		if _, err := c.send(c.held); err != nil {
			return err
		}
		c.held = nil
	}
	if c.gz != nil {
		if err := c.gz.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// finish sends the rest. The client may have disconnected, which the server notices by
// itself.
func (c *compressor) finish() {
	switch {
	case c.gz != nil:
		_ = c.gz.Close()
	case c.status != 0 && !c.decided:
		c.decide(false)
		_, _ = c.ResponseWriter.Write(c.held)
	}
}

// release gives back what a compressed response held.
func (c *compressor) release() {
	if c.gz == nil {
		return
	}
	c.gz.Reset(io.Discard)
	gzipWriters.Put(c.gz)
	c.gz = nil
	<-c.slots
}

// AcceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func AcceptsGzip(h http.Header) bool {
	for entry := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, weighted := strings.Cut(entry, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			_, value, _ := strings.Cut(weight, "=")
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return !weighted || err == nil && q > 0
		}
	}
	return false
}

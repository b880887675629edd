package e2e

import (
	"bytes"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// http2Conn is an HTTP/2 connection on which a test writes frames itself, including
// frames that no client sends.
type http2Conn struct {
	*http2.Framer

	t    *testing.T
	conn net.Conn
	head bytes.Buffer
	pack *hpack.Encoder
}

func newHTTP2Conn(t *testing.T, conn net.Conn) *http2Conn {
	t.Helper()
	f := &http2Conn{t: t, conn: conn, Framer: http2.NewFramer(conn, conn)}
	f.pack = hpack.NewEncoder(&f.head)
	return f
}

// get requests a path on a stream.
func (f *http2Conn) get(stream uint32, path string, headers ...string) {
	f.t.Helper()
	must(f.t, f.tryGet(stream, path, headers...))
}

func (f *http2Conn) tryGet(stream uint32, path string, headers ...string) error {
	f.head.Reset()
	all := append([]string{":method", "GET", ":scheme", "https", ":authority", "e2e", ":path", path}, headers...)
	for n := 0; n+1 < len(all); n += 2 {
		if err := f.pack.WriteField(hpack.HeaderField{Name: all[n], Value: all[n+1]}); err != nil {
			return err
		}
	}
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.head.Bytes(), EndStream: true, EndHeaders: true})
}

// waitFor reads frames until one matches.
func (f *http2Conn) waitFor(is func(http2.Frame) bool) http2.Frame {
	f.t.Helper()
	must(f.t, f.conn.SetReadDeadline(time.Now().Add(2*waitTimeout)))
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			f.t.Fatalf("waiting for a frame: %v", err)
		}
		if is(frame) {
			return frame
		}
	}
}

// waitForHeaders waits for the headers of a response.
func (f *http2Conn) waitForHeaders(stream uint32) {
	f.t.Helper()
	f.waitFor(func(got http2.Frame) bool {
		head, ok := got.(*http2.HeadersFrame)
		return ok && head.StreamID == stream
	})
}

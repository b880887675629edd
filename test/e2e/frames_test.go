package e2e

import (
	"bytes"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is a connection of HTTP/2 on which a test writes frames by hand, also
// those that no client would.
type frames struct {
	*http2.Framer

	t    *testing.T
	conn net.Conn
	head bytes.Buffer
	pack *hpack.Encoder
}

func newFrames(t *testing.T, conn net.Conn) *frames {
	t.Helper()
	f := &frames{t: t, conn: conn, Framer: http2.NewFramer(conn, conn)}
	f.pack = hpack.NewEncoder(&f.head)
	return f
}

// get asks for a path on a stream.
func (f *frames) get(stream uint32, path string, headers ...string) {
	f.t.Helper()
	must(f.t, f.tryGet(stream, path, headers...))
}

func (f *frames) tryGet(stream uint32, path string, headers ...string) error {
	f.head.Reset()
	all := append([]string{":method", "GET", ":scheme", "https", ":authority", "e2e", ":path", path}, headers...)
	for n := 0; n+1 < len(all); n += 2 {
		if err := f.pack.WriteField(hpack.HeaderField{Name: all[n], Value: all[n+1]}); err != nil {
			return err
		}
	}
	return f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: f.head.Bytes(), EndStream: true, EndHeaders: true})
}

// await reads until a frame is the wanted one.
func (f *frames) await(is func(http2.Frame) bool) http2.Frame {
	f.t.Helper()
	must(f.t, f.conn.SetReadDeadline(time.Now().Add(2*patience)))
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

// awaitHeaders waits for the beginning of an answer.
func (f *frames) awaitHeaders(stream uint32) {
	f.t.Helper()
	f.await(func(got http2.Frame) bool {
		head, ok := got.(*http2.HeadersFrame)
		return ok && head.StreamID == stream
	})
}

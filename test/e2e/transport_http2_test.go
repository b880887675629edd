package e2e

import (
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// halfHandshakes begin TLS handshakes and do not complete them.
func halfHandshakes(s *server, _ string) {
	s.dialMany(200, func(conn net.Conn) {
		began := time.Now()
		_, _ = conn.Write([]byte{0x16, 0x03, 0x01, 0x02, 0x00, 0x01}) // the beginning of a hello
		_, _ = io.ReadAll(conn)
		s.wantWithin(headerBound, time.Since(began), "half a TLS handshake")
	})
}

// dialManyHTTP2 runs do on many concurrent HTTP/2 connections. It reads and discards what
// the server sends.
func (s *server) dialManyHTTP2(n int, do func(f *http2Conn)) {
	s.t.Helper()
	var all sync.WaitGroup
	for range n {
		f := s.dialHTTP2()
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			_, _ = io.Copy(io.Discard, f.conn) // it ends by a reset, too
		}()
		all.Go(func() {
			do(f)
			_ = f.conn.Close()
			<-answered
		})
	}
	all.Wait()
}

// rapidResets begin reads and reset each at once (CVE-2023-44487), on new connections
// when the server closes one.
func rapidResets(s *server, token string) {
	for began := time.Now(); time.Since(began) < floodDuration; {
		s.dialManyHTTP2(8, func(f *http2Conn) {
			for n := range uint32(5000) {
				err := f.tryGet(2*n+1, "/api/v1/projects", "authorization", "Bearer "+token)
				if err == nil {
					err = f.WriteRSTStream(2*n+1, http2.ErrCodeCancel)
				}
				if err != nil {
					return
				}
			}
		})
	}
}

// floodDuration is the duration of floods that no limit of a connection ends.
var floodDuration = time.Duration(testkit.Repetitions(2, 20)) * time.Second

// endlessContinuations send headers that never end (CVE-2023-45288).
func endlessContinuations(s *server, _ string) {
	s.dialManyHTTP2(8, func(f *http2Conn) {
		began, sent := time.Now(), 0
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true})
		// As many literals with new names as fit into the frame.
		field := "\x00\x01x\x7f\x81\x06" + strings.Repeat("x", 256)
		for sent < 256<<20 {
			part := strings.Repeat(field, 60)
			sent += len(part)
			if f.WriteContinuation(1, false, []byte(part)) != nil {
				break
			}
		}
		s.wantWithin(headerBound, time.Since(began), "headers without end")
		if sent > 16<<20 {
			s.t.Errorf("%d bytes of headers were taken", sent)
		}
	})
}

// controlFloods send small frames that require responses, and read none.
func controlFloods(s *server, _ string) {
	var all sync.WaitGroup
	for n := range 8 {
		f := s.dialHTTP2()
		all.Go(func() {
			for began := time.Now(); time.Since(began) < floodDuration; {
				must(s.t, f.conn.SetWriteDeadline(began.Add(floodDuration)))
				var err error
				if n%2 == 0 {
					err = f.WritePing(false, [8]byte{1})
				} else {
					err = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
				}
				if err != nil {
					break // the server has closed the connection, or stopped reading
				}
			}
		})
	}
	all.Wait()
}

// closedWindows request large responses with a flow-control window of zero. The server
// has to end each stream, or the connection.
func closedWindows(s *server, _ string) {
	const streams = 50
	f, began := s.dialHTTP2(), time.Now()
	must(s.t, f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	for n := range uint32(streams) {
		f.get(2*n+1, "/api/v1/openapi.json")
	}
	must(s.t, f.conn.SetReadDeadline(began.Add(answerBound+bodyBound+slack)))
	for given := 0; given < streams; {
		frame, err := f.ReadFrame()
		if err != nil {
			break
		}
		if _, ok := frame.(*http2.RSTStreamFrame); ok {
			given++
		}
	}
	s.wantWithin(answerBound, time.Since(began), "a window that never opens")
}

package e2e

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// A hundred requests are half-sent when the server gets SIGTERM. The rest is sent after
// the listener has closed.
func TestShutdown_CompletesAHundredRequests(t *testing.T) {
	t.Parallel()
	const requests = 100
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL)).waitReady()
	token := s.signIn(google, "ann@example.com")
	var begun []*partialRequest
	for n := range requests {
		begun = append(begun, s.sendPartial(token, fmt.Sprintf(`{"title":"In flight %d"}`, n)))
	}
	s.signal(syscall.SIGTERM)
	s.waitClosed()
	for _, h := range begun {
		h.finish()
	}
	for n, h := range begun {
		if got := h.response(); got.StatusCode != http.StatusCreated || !got.Close {
			t.Errorf("request %d is answered %s, and the connection is to be closed: %t", n, got.Status, got.Close)
		}
	}
	s.wantExit(0)
}

// partialRequest is a request whose body is half-sent and being read by the server.
type partialRequest struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	rest string
}

// sendPartial begins the creation of a project, and returns when the server reads it.
func (s *server) sendPartial(token, body string) *partialRequest {
	s.t.Helper()
	h := &partialRequest{t: s.t, conn: s.dial()}
	h.in = bufio.NewReader(h.conn)
	_, err := fmt.Fprintf(h.conn, "POST /api/v1/projects HTTP/1.1\r\nHost: e2e\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", token, len(body))
	must(s.t, err)
	for _, want := range []string{"HTTP/1.1 100 Continue\r\n", "\r\n"} { // it reads the body now
		line, err := h.in.ReadString('\n')
		must(s.t, err)
		if line != want {
			s.t.Fatalf("the server says %q, want %q", line, want)
		}
	}
	half := len(body) / 2
	_, err = io.WriteString(h.conn, body[:half])
	must(s.t, err)
	h.rest = body[half:]
	return h
}

func (h *partialRequest) finish() {
	h.t.Helper()
	_, err := io.WriteString(h.conn, h.rest)
	must(h.t, err)
}

func (h *partialRequest) response() *http.Response {
	h.t.Helper()
	got, err := http.ReadResponse(h.in, nil)
	must(h.t, err)
	_, err = io.Copy(io.Discard, got.Body)
	must(h.t, err)
	must(h.t, got.Body.Close())
	return got
}

// dial opens a connection to the server, which is closed with the test.
func (s *server) dial() net.Conn {
	s.t.Helper()
	conn, err := net.DialTimeout("tcp", s.address(), waitTimeout)
	must(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() }) // it may be closed
	return conn
}

func (s *server) address() string {
	_, address, _ := strings.Cut(s.URL, "://")
	return address
}

// waitClosed waits until the listener has closed.
func (s *server) waitClosed() {
	s.t.Helper()
	s.waitUntil("the listener is closed", func() bool {
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
}

// A proxy with keep-alive connections would continue to use them, and lose a request that
// it sends while the server closes the connection.
func TestShutdown_DrainingClosesConnections(t *testing.T) {
	t.Parallel()
	s := serve(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1", "SHUTDOWN_DRAIN=3s"))
	conn := s.dial()
	in := bufio.NewReader(conn)
	ask := func() *http.Response {
		t.Helper()
		_, err := io.WriteString(conn, "GET /health/live HTTP/1.1\r\nHost: e2e\r\n\r\n")
		must(t, err)
		return (&partialRequest{t: t, in: in}).response()
	}
	if got := ask(); got.StatusCode != http.StatusOK || got.Close {
		t.Fatalf("before, it answers %s and closes the connection: %t", got.Status, got.Close)
	}
	s.signal(syscall.SIGTERM)
	s.waitForOutput(&s.logs, `shutting down`)
	if got := ask(); got.StatusCode != http.StatusOK || !got.Close {
		t.Errorf("while it drains, it answers %s and closes the connection: %t", got.Status, got.Close)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("then the connection has %q, %v", rest, err)
	}
	s.wantExit(0)
}

func TestShutdown_DrainingClosesHTTP2Connections(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, serveEnv("postgres://user@127.0.0.1:1/none", "http://127.0.0.1:1", "SHUTDOWN_DRAIN=3s"))
	c := s.dialHTTP2()
	c.get(1, "/health/live")
	c.waitForHeaders(1)
	told := time.Now()
	s.signal(syscall.SIGTERM)
	s.waitForOutput(&s.logs, `shutting down`)
	c.get(3, "/health/live")
	answered, parted := false, false
	c.waitFor(func(got http2.Frame) bool {
		switch got := got.(type) {
		case *http2.HeadersFrame:
			answered = answered || got.StreamID == 3
		case *http2.GoAwayFrame:
			parted = parted || got.ErrCode == http2.ErrCodeNo && got.LastStreamID >= 3
		}
		return answered && parted // in either order
	})
	if took := time.Since(told); took > 2*time.Second {
		t.Errorf("it said so after %s, and at the end it says so anyway", took)
	}
	s.wantExit(0)
}

// dialHTTP2 opens an HTTP/2 connection on which the test writes frames.
func (s *server) dialHTTP2() *http2Conn {
	s.t.Helper()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	conn, err := dialer.DialContext(context.WithoutCancel(s.t.Context()), "tcp", s.address())
	must(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() }) // it may be closed
	_, err = io.WriteString(conn, http2.ClientPreface)
	must(s.t, err)
	f := newHTTP2Conn(s.t, conn)
	must(s.t, f.WriteSettings())
	return f
}

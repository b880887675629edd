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

// TestSIGTERMAnswersAHundredInFlight holds a hundred requests half-sent while the
// server is told to end, and sends the rest when it lets nobody in any more.
func TestSIGTERMAnswersAHundredInFlight(t *testing.T) {
	t.Parallel()
	const requests = 100
	db, google := testkit.NewDatabase(t), testkit.NewIssuer(t)
	s := serve(t, serveEnv(db.Service, google.URL)).ready()
	token := s.signIn(google, "ann@example.com")
	var begun []*halfSent
	for n := range requests {
		begun = append(begun, s.sendHalf(token, fmt.Sprintf(`{"title":"In flight %d"}`, n)))
	}
	s.signal(syscall.SIGTERM)
	s.awaitClosed()
	for _, h := range begun {
		h.sendRest()
	}
	for n, h := range begun {
		if got := h.answer(); got.StatusCode != http.StatusCreated || !got.Close {
			t.Errorf("request %d is answered %s, and the connection is to be closed: %t", n, got.Status, got.Close)
		}
	}
	s.wantExit(0)
}

// halfSent is a request of which the server reads the body, half of which is here.
type halfSent struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	rest string
}

// sendHalf begins the creation of a project, and returns when the server reads it.
func (s *server) sendHalf(token, body string) *halfSent {
	s.t.Helper()
	h := &halfSent{t: s.t, conn: s.dial()}
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

func (h *halfSent) sendRest() {
	h.t.Helper()
	_, err := io.WriteString(h.conn, h.rest)
	must(h.t, err)
}

func (h *halfSent) answer() *http.Response {
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
	conn, err := net.DialTimeout("tcp", s.address(), patience)
	must(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() }) // it may be closed
	return conn
}

func (s *server) address() string {
	_, address, _ := strings.Cut(s.URL, "://")
	return address
}

// awaitClosed waits until the server lets nobody in any more.
func (s *server) awaitClosed() {
	s.t.Helper()
	s.await("nobody is let in any more", func() bool {
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
}

// A proxy that keeps connections would go on using those it has, and lose what it
// sends on one at the moment at which that is closed.
func TestADrainingServerPartsFromItsConnections(t *testing.T) {
	t.Parallel()
	s := serve(t, serveEnv("postgres://nobody@127.0.0.1:1/none", "http://127.0.0.1:1", "SHUTDOWN_DRAIN=3s"))
	conn := s.dial()
	in := bufio.NewReader(conn)
	ask := func() *http.Response {
		t.Helper()
		_, err := io.WriteString(conn, "GET /health/live HTTP/1.1\r\nHost: e2e\r\n\r\n")
		must(t, err)
		return (&halfSent{t: t, in: in}).answer()
	}
	if got := ask(); got.StatusCode != http.StatusOK || got.Close {
		t.Fatalf("before, it answers %s and closes the connection: %t", got.Status, got.Close)
	}
	s.signal(syscall.SIGTERM)
	s.awaitText(&s.logs, `shutting down`)
	if got := ask(); got.StatusCode != http.StatusOK || !got.Close {
		t.Errorf("while it drains, it answers %s and closes the connection: %t", got.Status, got.Close)
	}
	if rest, err := io.ReadAll(in); len(rest) > 0 || err != nil {
		t.Errorf("then the connection has %q, %v", rest, err)
	}
	s.wantExit(0)
}

func TestADrainingServerPartsFromItsHTTP2Connections(t *testing.T) {
	t.Parallel()
	s := serveTLS(t, serveEnv("postgres://nobody@127.0.0.1:1/none", "http://127.0.0.1:1", "SHUTDOWN_DRAIN=3s"))
	c := s.dialHTTP2()
	c.get(1, "/health/live")
	c.awaitHeaders(1)
	told := time.Now()
	s.signal(syscall.SIGTERM)
	s.awaitText(&s.logs, `shutting down`)
	c.get(3, "/health/live")
	answered, parted := false, false
	c.await(func(got http2.Frame) bool {
		switch got := got.(type) {
		case *http2.HeadersFrame:
			answered = answered || got.StreamID == 3
		case *http2.GoAwayFrame:
			parted = parted || got.ErrCode == http2.ErrCodeNo && got.LastStreamID >= 3
		}
		return answered && parted // in whichever order
	})
	if took := time.Since(told); took > 2*time.Second {
		t.Errorf("it said so after %s, and at the end it says so anyway", took)
	}
	s.wantExit(0)
}

// dialHTTP2 opens a connection of HTTP/2 on which frames are written by hand.
func (s *server) dialHTTP2() *frames {
	s.t.Helper()
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}}
	conn, err := dialer.DialContext(context.WithoutCancel(s.t.Context()), "tcp", s.address())
	must(s.t, err)
	s.t.Cleanup(func() { _ = conn.Close() }) // it may be closed
	_, err = io.WriteString(conn, http2.ClientPreface)
	must(s.t, err)
	f := newFrames(s.t, conn)
	must(s.t, f.WriteSettings())
	return f
}

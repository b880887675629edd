package server

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// newBoundedServer starts a server with these bounds.
func newBoundedServer(t *testing.T, most, perAddress int, trusted bool) (address string) {
	t.Helper()
	c := newConnections(func(netip.Addr) bool { return trusted })
	c.most, c.perAddress = most, perAddress
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	s.Config.ConnState = c.state
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // it may be closed
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// request sends a request and reads the status line of its response.
func request(t *testing.T, conn net.Conn) bool {
	t.Helper()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return false
	}
	_, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 200 OK")))
	return err == nil
}

// waitClosed waits until the server has closed the connection.
func waitClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // net returns it as it is
			t.Fatal("the server does not close the connection")
		}
	}
}

func TestConnections_SilentOneMakesRoomFirst(t *testing.T) {
	t.Parallel()
	address := newBoundedServer(t, 3, 100, false)
	idle := dial(t, address)
	if !request(t, idle) {
		t.Fatal("the first connection gets no response")
	}
	silent, later := dial(t, address), dial(t, address)
	fourth := dial(t, address)
	waitClosed(t, silent)
	for name, conn := range map[string]net.Conn{"an idle one": idle, "a later silent one": later, "the new one": fourth} {
		if !request(t, conn) {
			t.Errorf("%s was closed", name)
		}
	}
}

func TestConnections_OneAddressIsBounded(t *testing.T) {
	t.Parallel()
	address := newBoundedServer(t, 100, 2, false)
	first, second := dial(t, address), dial(t, address)
	if !request(t, first) || !request(t, second) {
		t.Fatal("a connection within the bound gets no response")
	}
	waitClosed(t, dial(t, address))
	if !request(t, first) {
		t.Error("an older connection was closed")
	}
	_ = first.Close()
	deadline := time.Now().Add(time.Minute)
	for !request(t, dial(t, address)) { // until the server has noticed
		if time.Now().After(deadline) {
			t.Fatal("a closed connection makes no room")
		}
	}

	proxied := newBoundedServer(t, 100, 2, true)
	conns := []net.Conn{dial(t, proxied), dial(t, proxied), dial(t, proxied)}
	for n, conn := range conns {
		if !request(t, conn) {
			t.Errorf("connection %d of a trusted proxy was closed", n+1)
		}
	}
}

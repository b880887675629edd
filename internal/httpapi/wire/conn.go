package wire

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
)

// errNoRequest makes net/http answer 400, which [conn.Write] replaces.
var errNoRequest = errors.New("wire: not one request of HTTP")

// conn is a connection of HTTP/1.1.
type conn struct {
	net.Conn

	refuse  func(Reason) []byte
	framing framing
	// fault is why nothing more is read; zero while all is well.
	fault Reason
}

// Read watches what net/http reads. It stops before a head that must not be
// taken for a request is complete.
func (c *conn) Read(b []byte) (int, error) {
	if c.fault != 0 {
		return 0, errNoRequest
	}
	n, err := c.Conn.Read(b)
	good, fault := c.framing.watch(b[:n])
	if fault == 0 {
		return n, err
	}
	c.fault = fault
	if good == 0 {
		return 0, errNoRequest
	}
	return good, nil
}

// Write replaces the answers that net/http gives by itself. It writes each of
// them at once, and none of ours begins like them.
func (c *conn) Write(b []byte) (int, error) {
	reason, its := ownAnswer(b)
	if !its {
		return c.Conn.Write(b)
	}
	if c.fault != 0 {
		reason = c.fault
	}
	if _, err := c.Conn.Write(c.refuse(reason)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// CloseWrite lets net/http end an answer while its caller still sends.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// secureConn is a conn over TLS. Only such a one has a ConnectionState: by it
// net/http knows that a request came over HTTPS.
type secureConn struct {
	*conn

	tls *tls.Conn
}

// ConnectionState becomes the TLS of each request.
func (c secureConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

// ownHead follows the status line of net/http's own answers. Ours have more
// headers, and a body of JSON never holds a line break.
var ownHead = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")

// ownAnswer reports whether net/http wrote b by itself, and why.
func ownAnswer(b []byte) (Reason, bool) {
	const status = len("HTTP/1.1 ")
	if len(b) < status+3 || b[status] != '4' && b[status] != '5' || !bytes.HasPrefix(b, []byte("HTTP/1.")) {
		return 0, false
	}
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	code, said, _ := bytes.Cut(line[status:], []byte(" "))
	if string(code) == "417" { // this one has other headers; we never answer it
		return BadExpectation, true
	}
	if !bytes.HasPrefix(b[len(line):], ownHead) {
		return 0, false
	}
	switch string(code) {
	case "431":
		return HeadersTooLarge, true
	case "501":
		return BadTransferEncoding, true
	case "505":
		return BadVersion, true
	}
	switch _, why, _ := bytes.Cut(said, []byte(": ")); string(why) {
	case "missing required Host header":
		return NoHost, true
	case "malformed Host header":
		return BadHost, true
	default:
		return Malformed, true
	}
}

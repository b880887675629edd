// Package wire stands between TCP and net/http. What net/http refuses by itself,
// before there is a request, it answers in words of its own; here these answers
// are replaced by ours. And what it would serve although it is no honest request,
// with two ways to tell where its body ends, is refused.
//
// It does the handshakes of TLS, because net/http lets nobody between TLS and
// itself. It knows no route and writes no answer: a [Config] brings them. Of
// HTTP/2 it sees nothing: there frames tell where a body ends.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

// Reason is why something that came was not taken for a request.
type Reason uint8

// The reasons.
const (
	Malformed Reason = iota
	NoHost
	BadHost
	FoldedHeader
	BadFraming
	BadTransferEncoding
	BadVersion
	BadExpectation
	HeadersTooLarge
	PlainHTTP
)

const (
	// handshakeTimeout is how long a handshake may take.
	handshakeTimeout = 5 * time.Second
	// linger is how long somebody who is refused may take to read why.
	linger = 500 * time.Millisecond
)

// Config says how connections are treated.
type Config struct {
	// Refuse makes the whole answer of HTTP/1.1 to what is no request.
	Refuse func(reason Reason, overHTTPS bool) []byte
	// TLS is nil for connections without it.
	TLS *tls.Config
	// Log is told at DEBUG of handshakes that failed.
	Log *slog.Logger
}

// Listen returns the listener from which net/http takes its connections.
func Listen(inner net.Listener, c Config) net.Listener {
	if c.TLS == nil {
		return plainListener{inner, c}
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &secureListener{Listener: inner, config: c, ready: make(chan accepted), closed: ctx.Done(), stop: stop}
	l.work.Go(func() { l.accept(ctx) })
	return l
}

type plainListener struct {
	net.Listener

	config Config
}

// Accept waits for the next connection.
func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, refuse: func(r Reason) []byte { return l.config.Refuse(r, false) }}, nil
}

// secureListener does handshakes beside each other, and gives out connections
// that have theirs behind them.
type secureListener struct {
	net.Listener

	config Config
	ready  chan accepted
	closed <-chan struct{}
	stop   context.CancelFunc
	work   sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

// Accept waits for the next connection.
func (l *secureListener) Accept() (net.Conn, error) {
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends the listener and the handshakes that are under way.
func (l *secureListener) Close() error {
	l.stop()
	err := l.Listener.Close()
	l.work.Wait()
	return err
}

// give hands a connection to net/http, or closes it if nobody takes it any more.
func (l *secureListener) give(a accepted) {
	select {
	case l.ready <- a:
	case <-l.closed:
		if a.conn != nil {
			_ = a.conn.Close() // its caller has not been served yet
		}
	}
}

func (l *secureListener) accept(ctx context.Context) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			l.give(accepted{err: err})
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		l.work.Go(func() {
			if c := l.handshake(ctx, raw); c != nil {
				l.give(accepted{conn: c})
			}
		})
	}
}

// handshake returns what net/http takes, or nil: connections of HTTP/2 as they
// are, because it must know them by their type.
func (l *secureListener) handshake(ctx context.Context, raw net.Conn) net.Conn {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	c := tls.Server(raw, l.config.TLS)
	err := c.HandshakeContext(ctx)
	if err == nil {
		if c.ConnectionState().NegotiatedProtocol == "h2" {
			return c
		}
		refuse := func(r Reason) []byte { return l.config.Refuse(r, true) }
		return secureConn{conn: &conn{Conn: c, refuse: refuse}, tls: c}
	}
	if strange, ok := errors.AsType[tls.RecordHeaderError](err); ok && strange.Conn != nil && looksLikeHTTP(strange.RecordHeader) {
		farewell(raw, l.config.Refuse(PlainHTTP, false))
	}
	_ = raw.Close() // it was never of use
	l.config.Log.DebugContext(ctx, "a TLS handshake failed", "error", err)
	return nil
}

// looksLikeHTTP reports whether what came instead of a handshake is a request of
// plain HTTP.
func looksLikeHTTP(start [5]byte) bool {
	return slices.Contains([]string{"GET /", "HEAD ", "POST ", "PUT /", "PATCH", "DELET", "OPTIO", "TRACE", "CONNE"}, string(start[:]))
}

// farewell sends a last answer so that it arrives: closing a connection with
// unread bytes would take it back.
func farewell(c net.Conn, answer []byte) {
	if err := c.SetDeadline(time.Now().Add(linger)); err != nil {
		return
	}
	if _, err := c.Write(answer); err != nil {
		return
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, c, 64<<10) // until the caller closes, or the deadline
	}
}

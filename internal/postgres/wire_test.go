package postgres_test

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

// wiretap sees what a store's connections send: how many flights, and which
// statements were in them. A flight begins with the first byte that is sent
// after something was received.
type wiretap struct {
	flights atomic.Int64

	mu         sync.Mutex
	statements []*pgx.QueuedQuery
}

// tap makes the connections of a store go through the tap.
func (w *wiretap) tap(c *postgres.Config) {
	c.Dial = func(config *pgx.ConnConfig) {
		config.Tracer = w
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, network, address)
			tapped := &tappedConn{Conn: conn, tap: w}
			tapped.heard.Store(true)
			return tapped, err
		}
	}
}

// count is how many flights f takes.
func (w *wiretap) count(f func()) int {
	before := w.flights.Load()
	f()
	return int(w.flights.Load() - before)
}

// sent is what f sends, but for what begins, confines and ends a transaction.
func (w *wiretap) sent(f func()) []*pgx.QueuedQuery {
	w.mu.Lock()
	w.statements = nil
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.statements
}

// TraceBatchStart implements pgx.BatchTracer.
func (w *wiretap) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.statements = append(w.statements, data.Batch.QueuedQueries...)
	return ctx
}

func (*wiretap) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*wiretap) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (*wiretap) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (*wiretap) TraceQueryStart(c context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return c
}

type tappedConn struct {
	net.Conn
	tap   *wiretap
	heard atomic.Bool
}

// SyscallConn lets the store look whether the server has closed the connection.
func (c *tappedConn) SyscallConn() (syscall.RawConn, error) {
	return c.Conn.(syscall.Conn).SyscallConn()
}

func (c *tappedConn) Write(p []byte) (int, error) {
	if c.heard.Swap(false) {
		c.tap.flights.Add(1)
	}
	return c.Conn.Write(p)
}

func (c *tappedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.heard.Store(true)
	}
	return n, err
}

// proxy stands between a store and PostgreSQL and can be made to fail.
type proxy struct {
	// URL is the service's, through the proxy.
	URL string

	t      testing.TB
	target string

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
	mood     mood
}

// mood is what a proxy does to what PostgreSQL answers.
type mood int

const (
	honest mood = iota
	// cutting: the next answer is swallowed, and its connection cut; then the
	// proxy is honest again, so that whatever is repeated arrives.
	cutting
	// silent: answers are swallowed, and the connection stays.
	silent
)

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatalf("a URL of testkit's: %v", err)
	}
	p := &proxy{t: t, target: u.Host}
	p.start("127.0.0.1:0")
	u.Host = p.listener.Addr().String()
	p.URL = u.String()
	t.Cleanup(p.stop)
	return p
}

func (p *proxy) start(address string) {
	p.t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		p.t.Fatalf("listen: %v", err)
	}
	p.mu.Lock()
	p.listener = listener
	p.mu.Unlock()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(near)
		}
	}()
}

// stop closes the door and cuts everybody off.
func (p *proxy) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener.Close()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// reset cuts everybody off in a way that their next write notices, and lets
// them in again.
func (p *proxy) reset() {
	p.t.Helper()
	p.mu.Lock()
	for _, c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // closes with a reset
		}
	}
	p.mu.Unlock()
	p.stop()
	p.restart()
}

// restart opens the same door again.
func (p *proxy) restart() {
	p.t.Helper()
	p.start(p.listener.Addr().String())
}

func (p *proxy) feel(m mood) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mood = m
}

func (p *proxy) feels() mood {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mood
}

func (p *proxy) serve(near net.Conn) {
	far, err := net.Dial("tcp", p.target)
	if err != nil {
		near.Close()
		return
	}
	p.mu.Lock()
	p.conns = append(p.conns, near, far)
	p.mu.Unlock()
	go func() {
		p.pass(far, near, func() mood { return honest })
		far.Close()
	}()
	p.pass(near, far, p.feels)
	near.Close()
	far.Close()
}

// pass copies until one side ends or the mood cuts.
func (p *proxy) pass(to, from net.Conn, feels func() mood) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		switch feels() {
		case cutting:
			p.feel(honest)
			return
		case silent:
			continue
		case honest:
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

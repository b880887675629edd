package postgres_test

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

// sniffer observes what a store's connections send: the number of round trips, and the
// statements of batches. A round trip begins with the first byte that is sent after
// something was received.
type sniffer struct {
	roundTrips atomic.Int64

	mu         sync.Mutex
	statements []*pgx.QueuedQuery
}

// attach makes the sniffer observe the connections of a store.
func (w *sniffer) attach(c *postgres.Config) {
	c.Dial = func(config *pgx.ConnConfig) {
		config.Tracer = w
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, network, address)
			sniffed := &sniffedConn{Conn: conn, sniffer: w}
			sniffed.received.Store(true)
			return sniffed, err
		}
	}
}

// count returns the number of round trips of f.
func (w *sniffer) count(f func()) int {
	before := w.roundTrips.Load()
	f()
	return int(w.roundTrips.Load() - before)
}

// sent returns the statements of the batches that f sends.
func (w *sniffer) sent(f func()) []*pgx.QueuedQuery {
	w.mu.Lock()
	w.statements = nil
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.statements
}

// TraceBatchStart implements pgx.BatchTracer.
func (w *sniffer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.statements = append(w.statements, data.Batch.QueuedQueries...)
	return ctx
}

func (*sniffer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*sniffer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (*sniffer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (*sniffer) TraceQueryStart(c context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return c
}

type sniffedConn struct {
	net.Conn
	sniffer  *sniffer
	received atomic.Bool
}

func (c *sniffedConn) Write(p []byte) (int, error) {
	if c.received.Swap(false) {
		c.sniffer.roundTrips.Add(1)
	}
	return c.Conn.Write(p)
}

func (c *sniffedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.received.Store(true)
	}
	return n, err
}

// proxy forwards between a store and PostgreSQL, and can be made to fail.
type proxy struct {
	// URL is the service's, through the proxy.
	URL string

	t      testing.TB
	target string

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
	mode     proxyMode
}

// proxyMode is what a proxy does with the responses of PostgreSQL.
type proxyMode int

const (
	passThrough proxyMode = iota
	// cutNextResponse drops the next response and closes its connection. Then the proxy
	// passes through again, so what is repeated arrives.
	cutNextResponse
	// blackHole drops all responses and leaves the connections open.
	blackHole
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

// stop closes the listener and all connections.
func (p *proxy) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener.Close()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// reset closes all connections so that the next write on them fails, and accepts new
// ones.
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

// restart listens at the same address again.
func (p *proxy) restart() {
	p.t.Helper()
	p.start(p.listener.Addr().String())
}

func (p *proxy) setMode(m proxyMode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
}

func (p *proxy) currentMode() proxyMode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode
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
		p.pass(far, near, func() proxyMode { return passThrough })
		far.Close()
	}()
	p.pass(near, far, p.currentMode)
	near.Close()
	far.Close()
}

// pass copies until one side closes or the mode cuts the connection.
func (p *proxy) pass(to, from net.Conn, mode func() proxyMode) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		switch mode() {
		case cutNextResponse:
			p.setMode(passThrough)
			return
		case blackHole:
			continue
		case passThrough:
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

package fleet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy passes connections on, and is where they are cut, held up, or led to
// another server.
type Proxy struct {
	listener net.Listener
	holdUp   atomic.Int64
	swallow  atomic.Bool

	mu     sync.Mutex
	target string
	open   map[net.Conn]bool
}

// NewProxy passes on to a target, host:port.
func NewProxy(ctx context.Context, target string) (*Proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	p := &Proxy{listener: l, target: target, open: map[net.Conn]bool{}}
	go p.serve(context.WithoutCancel(ctx))
	return p, nil
}

// Address is where it listens.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

func (p *Proxy) serve(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // it was closed
		}
		go p.connect(ctx, client)
	}
}

func (p *Proxy) connect(ctx context.Context, client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	dialer := net.Dialer{Timeout: time.Second}
	server, err := dialer.DialContext(ctx, "tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	p.mu.Lock()
	p.open[client], p.open[server] = true, true
	p.mu.Unlock()
	go p.pass(client, server)
	p.pass(server, client)
}

// pass passes on what comes until an end closes, and then closes both.
func (p *Proxy) pass(from, to net.Conn) {
	defer p.forget(from, to)
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		if wait := p.holdUp.Load(); wait > 0 {
			time.Sleep(time.Duration(wait)) //nolint:forbidigo // it is what a slow network does
		}
		if p.swallow.Load() {
			continue
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) forget(ends ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range ends {
		_ = end.Close()
		delete(p.open, end)
	}
}

// Cut closes every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

// Lead leads new connections to another server, and cuts those there are.
func (p *Proxy) Lead(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.Cut()
}

// HoldUp holds up each piece that passes for so long.
func (p *Proxy) HoldUp(each time.Duration) { p.holdUp.Store(int64(each)) }

// Swallow lets nothing through any more, as a network does that loses every packet.
func (p *Proxy) Swallow() { p.swallow.Store(true) }

// Heal ends whatever was done. What was swallowed in the middle of a connection
// cannot be sent again, so those are cut.
func (p *Proxy) Heal() {
	p.holdUp.Store(0)
	if p.swallow.Swap(false) {
		p.Cut()
	}
}

package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy passes connections on, and is where they are cut, held up, or led to
// another server.
type proxy struct {
	listener net.Listener
	// holdUp is how long each piece is held up, in nanoseconds; swallow lets
	// nothing through any more, as a network does that loses every packet.
	holdUp  atomic.Int64
	swallow atomic.Bool

	mu     sync.Mutex
	target string
	open   map[net.Conn]bool
}

func newProxy(ctx context.Context, target string) (*proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	p := &proxy{listener: l, target: target, open: map[net.Conn]bool{}}
	go p.serve(context.WithoutCancel(ctx))
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) serve(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // it was closed
		}
		go p.connect(ctx, client)
	}
}

func (p *proxy) connect(ctx context.Context, client net.Conn) {
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
func (p *proxy) pass(from, to net.Conn) {
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

func (p *proxy) forget(ends ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range ends {
		_ = end.Close()
		delete(p.open, end)
	}
}

// cut closes every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.open {
		_ = conn.Close()
	}
}

// lead leads new connections to another server, and cuts those there are.
func (p *proxy) lead(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.cut()
}

// heal ends whatever was done. What was swallowed in the middle of a connection
// cannot be sent again, so those are cut.
func (p *proxy) heal() {
	p.holdUp.Store(0)
	if p.swallow.Swap(false) {
		p.cut()
	}
}

package fleet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Proxy forwards TCP connections. It can cut them, delay them, drop their bytes, or send
// them to another target.
type Proxy struct {
	listener  net.Listener
	delay     atomic.Int64
	blackhole atomic.Bool

	mu     sync.Mutex
	target string
	open   map[net.Conn]bool
}

// NewProxy starts a proxy to a target, host:port.
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
	go p.relay(client, server)
	p.relay(server, client)
}

// relay copies bytes until one end closes, and then closes both.
func (p *Proxy) relay(from, to net.Conn) {
	defer p.closeAll(from, to)
	chunk := make([]byte, 32<<10)
	for {
		n, err := from.Read(chunk)
		if err != nil {
			return
		}
		if wait := p.delay.Load(); wait > 0 {
			time.Sleep(time.Duration(wait)) //nolint:forbidigo // simulates a slow network
		}
		if p.blackhole.Load() {
			continue
		}
		if _, err := to.Write(chunk[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) closeAll(ends ...net.Conn) {
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

// Retarget sends new connections to another server, and cuts the existing ones.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.Cut()
}

// Delay delays each chunk.
func (p *Proxy) Delay(each time.Duration) { p.delay.Store(int64(each)) }

// Blackhole drops all bytes, like a network that loses every packet.
func (p *Proxy) Blackhole() { p.blackhole.Store(true) }

// Heal ends delays and drops. Dropped bytes cannot be sent again, so after a blackhole
// all connections are cut.
func (p *Proxy) Heal() {
	p.delay.Store(0)
	if p.blackhole.Swap(false) {
		p.Cut()
	}
}

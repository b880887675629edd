package server

import (
	"container/list"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

const (
	// maxConnections is how many connections may be open. A silent one costs about
	// 20 kB.
	maxConnections = 4096
	// maxConnectionsPerAddress is how many of them one address may have, unless it is a
	// trusted proxy.
	maxConnectionsPerAddress = maxConnections / 2
)

// connections bounds how many connections are open. A connection beyond the bound of
// its address is closed. One beyond the bound of all takes the place of the one that
// has waited longest without a request; those that never sent one go first. If all have
// a request, the new one is closed.
type connections struct {
	most, perAddress int
	trusted          func(netip.Addr) bool

	mu        sync.Mutex
	open      map[net.Conn]*waiting
	byAddress map[netip.Addr]int
	// silent never sent a request; idle wait for the next one. Both begin with the
	// longest wait.
	silent, idle list.List
}

// waiting is where a connection waits; no list while it has a request.
type waiting struct {
	list    *list.List
	element *list.Element
}

func newConnections(trusted func(netip.Addr) bool) *connections {
	return &connections{
		most: maxConnections, perAddress: maxConnectionsPerAddress, trusted: trusted,
		open: map[net.Conn]*waiting{}, byAddress: map[netip.Addr]int{},
	}
}

// state follows a connection. It is the ConnState of the server.
func (c *connections) state(conn net.Conn, now http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch now {
	case http.StateNew:
		c.add(conn)
	case http.StateActive:
		c.wait(conn, nil)
	case http.StateIdle:
		c.wait(conn, &c.idle)
	case http.StateClosed, http.StateHijacked:
		c.remove(conn)
	}
}

func (c *connections) add(conn net.Conn) {
	from := addressOf(conn)
	c.open[conn] = &waiting{}
	c.byAddress[from]++
	c.wait(conn, &c.silent)
	if c.byAddress[from] > c.perAddress && !c.trusted(from) {
		_ = conn.Close() // the server reports StateClosed
		return
	}
	if len(c.open) <= c.most {
		return
	}
	c.wait(conn, nil) // not the new one itself
	defer c.wait(conn, &c.silent)
	for _, queue := range []*list.List{&c.silent, &c.idle} {
		if first := queue.Front(); first != nil {
			longest, _ := first.Value.(net.Conn)
			c.wait(longest, nil) // it is closed once
			_ = longest.Close()
			return
		}
	}
	_ = conn.Close() // all others have a request
}

// wait moves a connection to the end of a list, or out of all.
func (c *connections) wait(conn net.Conn, to *list.List) {
	w, ok := c.open[conn]
	if !ok {
		return
	}
	if w.list != nil {
		w.list.Remove(w.element)
	}
	*w = waiting{list: to}
	if to != nil {
		w.element = to.PushBack(conn)
	}
}

func (c *connections) remove(conn net.Conn) {
	if _, ok := c.open[conn]; !ok {
		return
	}
	c.wait(conn, nil)
	delete(c.open, conn)
	from := addressOf(conn)
	if c.byAddress[from]--; c.byAddress[from] == 0 {
		delete(c.byAddress, from)
	}
}

// addressOf is the address of the other end; the zero one of a connection without.
func addressOf(conn net.Conn) netip.Addr {
	at, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	return at.Addr().Unmap()
}

// Package load makes requests over HTTP/1.1 as fast as they are answered: a
// closed loop of a fixed number of connections, each with one request under way.
//
// It writes requests and reads answers by hand over a plain connection, because
// it shares the processors with the servers that it measures. It looks at every
// answer; the first that is not the wanted one ends a run.
package load

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// answerWithin is how long an answer may take; no server that we measure waits
// longer for anything.
const responseTimeout = 30 * time.Second

// Caller makes the requests of one connection, one after the other.
type Caller interface {
	// Next appends the next request, as it goes over the wire, to buffer, and
	// says what its answer has to be. last is the answer before, nil for the
	// first request.
	Next(buffer []byte, last *Response) ([]byte, Want)
}

// Want describes the expected response.
type Want struct {
	Status int
	// Prefix and Suffix are what the body begins and ends with, and Contains is a part.
	Prefix, Suffix, Contains []byte
}

// Response is a response. It is valid until the next request of its connection.
type Response struct {
	Status int
	// ETag is the header of that name.
	ETag []byte
	Body []byte
}

// Result is what a run was.
type Result struct {
	Requests int
	Elapsed  time.Duration
	// latencies are sorted.
	latencies []time.Duration
}

// ResultOf is the result of a run that was measured elsewhere.
func ResultOf(elapsed time.Duration, latencies []time.Duration) Result {
	slices.Sort(latencies)
	return Result{Requests: len(latencies), Elapsed: elapsed, latencies: latencies}
}

// PerSecond is how many requests were answered in a second.
func (r Result) PerSecond() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// Percentile is the latency that so many percent of the requests did not exceed.
func (r Result) Percentile(percent float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(len(r.latencies)-1, int(float64(len(r.latencies))*percent/100))]
}

// Clients are callers with a connection each.
type Clients struct{ connections []*connection }

// Connect gives each caller a connection, in turn to each of the addresses.
func Connect(ctx context.Context, addresses []string, callers []Caller) (*Clients, error) {
	clients := &Clients{}
	for n, caller := range callers {
		c := &connection{address: addresses[n%len(addresses)], caller: caller}
		if err := c.dial(ctx); err != nil {
			clients.Close()
			return nil, err
		}
		clients.connections = append(clients.connections, c)
	}
	return clients, nil
}

// Close ends all connections.
func (c *Clients) Close() {
	for _, connection := range c.connections {
		connection.close()
	}
}

// Run lets all callers make requests for the duration, and returns after the last
// response.
func (c *Clients) Run(ctx context.Context, d time.Duration) (Result, error) {
	var over atomic.Bool
	timer := time.AfterFunc(d, func() { over.Store(true) })
	defer timer.Stop()
	stop := context.AfterFunc(ctx, func() { over.Store(true) })
	defer stop()

	began := time.Now()
	errs := make([]error, len(c.connections))
	var all sync.WaitGroup
	for n, connection := range c.connections {
		all.Go(func() {
			if errs[n] = connection.run(ctx, &over, began.Add(d+responseTimeout)); errs[n] != nil {
				over.Store(true)
			}
		})
	}
	all.Wait()
	elapsed := time.Since(began)

	var latencies []time.Duration
	for _, connection := range c.connections {
		latencies = append(latencies, connection.latencies...)
	}
	for _, err := range errs { // one is enough; the others follow from it
		if err != nil {
			return Result{}, err
		}
	}
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	if len(latencies) == 0 {
		return Result{}, errors.New("no request was made")
	}
	return ResultOf(elapsed, latencies), nil
}

// Once makes one request over a connection of its own.
func Once(ctx context.Context, address string, caller Caller) (Response, error) {
	c := &connection{address: address, caller: caller}
	if err := c.dial(ctx); err != nil {
		return Response{}, err
	}
	defer c.close()
	if err := c.conn.SetDeadline(time.Now().Add(responseTimeout)); err != nil {
		return Response{}, fmt.Errorf("bound the wait for %s: %w", address, err)
	}
	err := c.exchange()
	return c.answer, err
}

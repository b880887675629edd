package httpapi

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// placeWait is how long an operation waits for a place.
	placeWait = 500 * time.Millisecond
	// waitingForEach is how many may wait for each place. More would wait in vain.
	waitingForEach = 8
	// A request that was shed is to be repeated after retryFrom at the earliest, and
	// within retryOver more: all at once would be the same flood again.
	retryFrom, retryOver = 500 * time.Millisecond, 2500 * time.Millisecond
)

// places are how many operations of a kind work at once. Those that find none
// wait a little, and are shed when even the queue is full: a server that takes on
// more than it can do ends nothing in time. Only work takes a place, neither the
// reading of a body nor the writing of an answer, which are as slow as the caller.
type places struct {
	name    string
	taken   chan struct{}
	waiting atomic.Int64
	// coming are at the gate, and will want a place.
	coming atomic.Int64
	// shed is told of each request that found no place.
	shed func(name string)
}

func newPlaces(name string, most int, shed func(string)) *places {
	return &places{name: name, taken: make(chan struct{}, max(most, 1)), shed: shed}
}

// room is how many may wait.
func (p *places) room() int64 { return int64(waitingForEach * cap(p.taken)) }

// crowded reports whether whoever comes now will find no room to wait: there is a
// queue, and with those who come already it is full. Without a queue it is the gate
// that is slow, and nobody is turned away for that.
func (p *places) crowded() bool {
	waiting := p.waiting.Load()
	return waiting >= int64(cap(p.taken)) && waiting+p.coming.Load() >= p.room()
}

// take takes a place, which the caller gives back by leave. Its fault is
// Unavailable.
func (p *places) take(ctx context.Context) error {
	select {
	case p.taken <- struct{}{}:
		return nil
	default:
	}
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > p.room() {
		return p.refuse()
	}
	patience := time.NewTimer(placeWait)
	defer patience.Stop()
	select {
	case p.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return problem.New(problem.Unavailable, "The request was cancelled.").Because(ctx.Err())
	case <-patience.C:
		return p.refuse()
	}
}

func (p *places) leave() { <-p.taken }

// refuse is the problem of who found no place.
func (p *places) refuse() error {
	p.shed(p.name)
	f := problem.New(problem.Unavailable, "The server has more to do at the moment than it can. Repeat the request after as long as Retry-After says.")
	f.RetryAfter = retryFrom + rand.N(retryOver) //nolint:gosec // spreads load, keeps no secret
	return f
}

// hall is all places. Reads have their own, since they share connections; sign-ins,
// since they wait for Google; and so has whoever wants to end a session, which has to
// succeed whatever else goes on.
type hall struct{ work, reads, signIns, ends *places }

func newHall(work, reads int, shed func(string)) hall {
	return hall{
		work: newPlaces("work", work, shed), reads: newPlaces("reads", reads, shed),
		signIns: newPlaces("sign_ins", work, shed), ends: newPlaces("ends", max(work/4, 2), shed),
	}
}

// of is the places of an operation.
func (h hall) of(op operation) *places {
	switch {
	case op.place == forSignIns:
		return h.signIns
	case op.place == forEnds:
		return h.ends
	case op.kept:
		return h.reads
	default:
		return h.work
	}
}

// place says which places an operation takes; the zero one those for work.
type place int

const (
	forWork place = iota
	forSignIns
	forEnds
)

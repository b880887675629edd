package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// mostTogether is how many reads travel together at most: who is last waits for
// the answers of all others.
const mostTogether = 16

// sharing lets reads travel together when more want to than there are pipelines
// for them. Nobody waits for others to come: a read that finds a pipeline free
// leads it at once, and takes along who waits by then; when its answers have come,
// the first of those who wait meanwhile leads the next.
//
// Why: docs/decisions/0021-reads-travel-together.md.
type sharing struct {
	// off is true behind a pooler: it may let each transaction run on another
	// connection, which is not prepared as ours are.
	off atomic.Bool
	// most is how many pipelines there are at once.
	most int

	mu       sync.Mutex
	underWay int
	waiting  []*passenger
}

// passenger is a read that may travel with others.
type passenger struct {
	flight flight
	// err is what came of it, when told says so.
	err error
	// told tells who waits that it leads the next pipeline, or else that it was
	// carried by another.
	told chan bool
}

// end says what came of it.
func (p *passenger) end(err error) {
	p.err = err
	if p.told != nil {
		p.told <- false
	}
}

// share lets a flight travel with others.
func (s *Store) share(ctx context.Context, f flight) (err error) {
	if s.tracer != nil {
		ctx = s.tracer.TraceBatchStart(ctx, nil, pgx.TraceBatchStartData{Batch: f.batch()})
		defer func() { s.tracer.TraceBatchEnd(ctx, nil, pgx.TraceBatchEndData{Err: err}) }()
	}
	p := &passenger{flight: f}
	if s.sharing.wait(p) {
		if leads, err := s.beTold(ctx, p); err != nil || !leads {
			return err
		}
	}
	defer s.sharing.handOn()
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if s.sharing.off.Load() { // the first connection has shown that there is a pooler
		return errNotCarried
	}
	carry(ctx, conn.Conn(), s.sharing.board(p))
	return p.err
}

// beTold waits for as long as one may wait for a connection, and tells whether p
// leads now, or else what came of it.
func (s *Store) beTold(ctx context.Context, p *passenger) (leads bool, err error) {
	patience := time.NewTimer(acquireTimeout)
	defer patience.Stop()
	select {
	case leads = <-p.told:
		return leads, p.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = context.DeadlineExceeded
	}
	if s.sharing.leave(p) {
		s.acquireFailures.Add(1)
		return false, unavailable(fmt.Errorf("wait for a connection: %w", err))
	}
	return <-p.told, p.err // it is under way already
}

// wait puts p among those who wait, unless it can have a pipeline.
func (h *sharing) wait(p *passenger) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.underWay < h.most {
		h.underWay++
		return false
	}
	p.told = make(chan bool, 1)
	h.waiting = append(h.waiting, p)
	return true
}

// leave takes p from those who wait. It is false if another carries p, or p is to
// lead.
func (h *sharing) leave(p *passenger) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := slices.Index(h.waiting, p)
	if n < 0 {
		return false
	}
	h.waiting = slices.Delete(h.waiting, n, n+1)
	return true
}

// board is p and those who wait, the first first, as many as may travel together.
func (h *sharing) board(p *passenger) []*passenger {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := min(mostTogether-1, len(h.waiting))
	together := append(append(make([]*passenger, 0, 1+n), p), h.waiting[:n]...)
	h.waiting = slices.Delete(h.waiting, 0, n)
	return together
}

// handOn lets the first of those who wait lead a pipeline instead of the caller.
func (h *sharing) handOn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) == 0 {
		h.underWay--
		return
	}
	h.waiting[0].told <- true
	h.waiting = slices.Delete(h.waiting, 0, 1)
}

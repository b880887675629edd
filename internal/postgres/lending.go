package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// acquireTimeout is how long a request waits for a connection.
	acquireTimeout = 500 * time.Millisecond
	// keptBackOf is the part of the connections that is kept back: one of so many.
	keptBackOf = 8
	// fewConnections are enough to keep one back all the same.
	fewConnections = 4
)

// lending keeps some connections back, so that sessions can be ended and health be
// asked for while everything else waits for the database.
type lending struct {
	general chan struct{}
	// waits counts those who had to wait for a connection, waited for how long, and
	// givenUp those who got none.
	waits, waited, givenUp atomic.Int64
}

func newLending(most int) lending {
	keptBack := most / keptBackOf
	if most >= fewConnections {
		keptBack = max(keptBack, 1)
	}
	return lending{general: make(chan struct{}, most-keptBack)}
}

// lent is a connection until it is released.
type lent struct {
	*pgxpool.Conn

	general chan struct{}
}

// Release gives the connection back.
func (l *lent) Release() {
	l.Conn.Release()
	if l.general != nil {
		<-l.general
	}
}

// acquire lends a connection, to the urgent also one that is kept back. A pool that
// is exhausted or cannot connect is Unavailable.
func (s *Store) acquire(ctx context.Context, urgent bool) (*lent, error) {
	waiting, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	l := &lent{}
	if !urgent {
		if err := s.lending.turn(waiting); err != nil {
			return nil, unavailable(fmt.Errorf("wait for a connection: %w", err))
		}
		l.general = s.lending.general
	}
	var err error
	if l.Conn, err = s.pool.Acquire(waiting); err == nil {
		return l, nil
	}
	if l.general != nil {
		<-l.general
	}
	s.lending.givenUp.Add(1)
	return nil, unavailable(fmt.Errorf("acquire a connection: %w", hideDetail(err)))
}

// turn waits until one of the connections for everybody is free.
func (l *lending) turn(ctx context.Context) error {
	select {
	case l.general <- struct{}{}:
		return nil
	default:
	}
	began := time.Now()
	defer func() { l.waited.Add(int64(time.Since(began))) }()
	l.waits.Add(1)
	select {
	case l.general <- struct{}{}:
		return nil
	case <-ctx.Done():
		l.givenUp.Add(1)
		return ctx.Err()
	}
}

// PoolStats is how many connections there are, and how it went to get one.
type PoolStats struct {
	Active, Open, Most int32
	// Waits counts those who had to wait for one, Waited how long in all, GivenUp
	// those who got none, Opened the connections that were made.
	Waits, GivenUp, Opened int64
	Waited                 time.Duration
}

// PoolStats tells how many connections there are now.
func (s *Store) PoolStats() PoolStats {
	now := s.pool.Stat()
	return PoolStats{
		Active: now.AcquiredConns(), Open: now.TotalConns(), Most: now.MaxConns(), Opened: now.NewConnsCount(),
		Waits: s.lending.waits.Load(), GivenUp: s.lending.givenUp.Load(), Waited: time.Duration(s.lending.waited.Load()),
	}
}

package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// acquireTimeout is how long a request waits for a connection. Package admission lets
// no more requests work than there are connections, and reserves some for ends of
// sessions and health checks; so a request waits only while connections are opened.
const acquireTimeout = 500 * time.Millisecond

// acquire takes a connection from the pool. A pool that is exhausted or cannot connect
// is Unavailable.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		s.acquireFailures.Add(1)
		return nil, unavailable(fmt.Errorf("acquire a connection: %w", hideDetail(err)))
	}
	return conn, nil
}

// PoolStats describes the connections, and the waits for one.
type PoolStats struct {
	Active, Open, Max int32
	// Waits counts the times that no connection was idle, Waited is how long they took
	// in all, Failures counts those without a connection in the end, Opened the
	// connections that were opened.
	Waits, Failures, Opened int64
	Waited                  time.Duration
}

// PoolStats describes the connections now.
func (s *Store) PoolStats() PoolStats {
	now := s.pool.Stat()
	return PoolStats{
		Active: now.AcquiredConns(), Open: now.TotalConns(), Max: now.MaxConns(), Opened: now.NewConnsCount(),
		Waits: now.EmptyAcquireCount(), Waited: now.EmptyAcquireWaitTime(), Failures: s.acquireFailures.Load(),
	}
}

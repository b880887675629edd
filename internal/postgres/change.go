package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// changeAttempts bounds how often a change is tried when the database asks
	// to repeat it (40001, 40P01), or a connection proved dead before anything
	// was sent.
	changeAttempts = 3
	// rollbackTimeout bounds the cleaning up after a failed change, which goes
	// on when the caller has left.
	rollbackTimeout = 5 * time.Second
)

// tx is a confined transaction. What it locks and reads is sent at once, the
// first together with the begin; what it writes waits, and travels with the next
// flight or with the commit. So a change that locks, decides and writes takes
// two round trips, however much it writes.
type tx struct {
	store   *Store
	who     confinement
	conn    *pgxpool.Conn
	pending flight
	// began is the database's time at the begin.
	began time.Time
}

// inTx runs decide in a transaction confined by who and commits it.
func (s *Store) inTx(ctx context.Context, who confinement, decide func(*tx) error) error {
	var err error
	for range changeAttempts {
		var begun bool
		if begun, err = s.attempt(ctx, who, decide); !repeatable(err, begun) {
			break
		}
	}
	return translate(err)
}

// attempt runs one transaction. It tells whether one had begun when it failed.
func (s *Store) attempt(ctx context.Context, who confinement, decide func(*tx) error) (begun bool, err error) {
	t := &tx{store: s, who: who}
	defer func() {
		if t.conn == nil {
			return
		}
		if err != nil {
			rollback(ctx, t.conn)
		}
		t.conn.Release()
	}()
	if err := decide(t); err != nil {
		return !t.began.IsZero(), err
	}
	return !t.began.IsZero(), t.commit(ctx)
}

// read sends everything up to these queries, and them, in one flight.
func (t *tx) read(ctx context.Context, queries ...query) error {
	for _, q := range queries {
		if err := t.ahead(ctx, q); err != nil {
			return err
		}
	}
	return t.send(ctx)
}

// ahead lets a query wait for the next flight; its answer is read there.
func (t *tx) ahead(ctx context.Context, q query) error {
	s, err := record(ctx, q)
	t.pending = append(t.pending, s)
	return err
}

// write lets a statement wait for the next flight. Its error shows there.
func (t *tx) write(ctx context.Context, q query) error {
	s, err := record(ctx, q)
	s.read = nil
	t.pending = append(t.pending, s)
	return err
}

// send sends what is pending, the first time after begin and confinement.
func (t *tx) send(ctx context.Context) error {
	f := t.pending
	t.pending = nil
	if t.conn == nil {
		conn, err := t.store.acquire(ctx)
		if err != nil {
			return err
		}
		t.conn = conn
		f = append(flight{{sql: cmp.Or(t.who.begin, "begin isolation level read committed")}, t.who.statement(&t.began)}, f...)
	}
	return f.send(ctx, t.conn)
}

// commit sends what is pending together with the commit.
func (t *tx) commit(ctx context.Context) error {
	if t.conn == nil && len(t.pending) == 0 {
		return nil
	}
	t.pending = append(t.pending, statement{sql: "commit"})
	if err := t.send(ctx); err != nil {
		return err
	}
	if status := t.conn.Conn().PgConn().TxStatus(); status != 'I' {
		return fmt.Errorf("the transaction is %c after the commit", status)
	}
	return nil
}

// rollback ends a failed transaction. A connection where that fails, or that is
// not idle afterwards, is closed by the pool when it comes back.
func rollback(ctx context.Context, conn *pgxpool.Conn) {
	if conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, _ = conn.Exec(ctx, "rollback") // the pool closes what is not idle
}

// repeatable reports whether a change that failed with err did nothing and may
// succeed when it is tried again.
func repeatable(err error, begun bool) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		// What was seen before a connection died in the middle may be out already.
		return err != nil && !begun && pgconn.SafeToRetry(err)
	case pg.ConstraintName == "idempotency_keys_pkey": // another request used the key meanwhile, so there is an answer now
		return true
	default:
		return pg.Code == "40001" || pg.Code == "40P01" // serialization_failure, deadlock_detected
	}
}

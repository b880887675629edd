package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// maxTxAttempts bounds how often a transaction is tried when PostgreSQL reports
	// 40001 or 40P01, or when its connection proved dead before anything was sent.
	maxTxAttempts = 3
	// rollbackTimeout bounds the rollback of a failed transaction, which does not
	// observe the caller's cancellation.
	rollbackTimeout = 5 * time.Second
)

// tx is a transaction in a tenant scope. Reads and locks are sent at once, the
// first together with the begin. Writes are queued, and sent with the next read or
// with the commit. So a transaction that locks, decides and writes takes two round
// trips, however much it writes. If its last statement decides, it takes one.
type tx struct {
	store  *Store
	scope  scope
	conn   *pgxpool.Conn
	queued batch
	// opened is what the first statement has returned: the time at the begin, and the role.
	opened opened
	// committed is true once the commit was sent.
	committed bool
}

// inTx runs work in a transaction in a tenant scope and commits it.
func (s *Store) inTx(ctx context.Context, in scope, work func(*tx) error) error {
	var err error
	for range maxTxAttempts {
		var begun bool
		if begun, err = s.tryTx(ctx, in, work); !retryable(err, begun) {
			break
		}
	}
	return translate(err)
}

// tryTx runs one transaction. It reports whether the transaction had begun when it
// failed.
func (s *Store) tryTx(ctx context.Context, in scope, work func(*tx) error) (begun bool, err error) {
	t := &tx{store: s, scope: in}
	ok := false
	defer func() {
		if t.conn == nil {
			return
		}
		if !ok { // also if work panics
			abort(ctx, t.conn, err)
		}
		t.conn.Release()
	}()
	if err = work(t); err == nil {
		err = t.commit(ctx)
	}
	ok = err == nil
	return !t.opened.at.IsZero(), t.denied(err)
}

// denied turns the error of a statement for which the role of a member has no right into
// PermissionDenied.
func (t *tx) denied(err error) error {
	switch {
	case !t.scope.shared || sqlState(err) != "42501": // insufficient_privilege
		return err
	case t.opened.role == "viewer":
		return problem.New(problem.PermissionDenied, "You can read this project but not change it. Its owner can make you an editor.")
	default:
		return problem.New(problem.PermissionDenied, "You can edit this project; this operation is for its owner alone.")
	}
}

// read sends what is queued and these queries in one round trip.
func (t *tx) read(ctx context.Context, queries ...query) error {
	if err := t.queue(ctx, queries...); err != nil {
		return err
	}
	return t.send(ctx)
}

// readAndCommit is read, and commits the transaction in the same round trip.
func (t *tx) readAndCommit(ctx context.Context, queries ...query) error {
	if err := t.queue(ctx, queries...); err != nil {
		return err
	}
	return t.commit(ctx)
}

// queue queues queries; their results are read with the next round trip.
func (t *tx) queue(ctx context.Context, queries ...query) error {
	for _, q := range queries {
		s, err := record(ctx, q, t.scope.label, t.store.hold)
		if err != nil {
			return err
		}
		t.queued = append(t.queued, s)
	}
	return nil
}

// write queues statements without results; an error shows with the next round trip.
func (t *tx) write(ctx context.Context, queries ...query) error {
	first := len(t.queued)
	err := t.queue(ctx, queries...)
	for n := range t.queued[first:] {
		t.queued[first+n].read = nil
	}
	return err
}

// send sends what is queued, the first time after the begin and the tenant scope.
func (t *tx) send(ctx context.Context) error {
	b := t.queued
	t.queued = nil
	if t.conn == nil {
		conn, err := t.store.acquire(ctx)
		if err != nil {
			return err
		}
		t.conn = conn
		begin := "begin isolation level read committed"
		if t.scope.snapshot {
			begin = "begin isolation level repeatable read, read only"
		}
		b = append(batch{{sql: begin}, t.scope.statement(&t.opened)}, b...)
	}
	return b.send(ctx, t.conn)
}

// commit sends what is queued together with the commit.
func (t *tx) commit(ctx context.Context) error {
	if t.committed || t.conn == nil && len(t.queued) == 0 {
		return nil
	}
	t.committed = true
	t.queued = append(t.queued, statement{sql: "commit"})
	if err := t.send(ctx); err != nil {
		return err
	}
	if status := t.conn.Conn().PgConn().TxStatus(); status != 'I' {
		return fmt.Errorf("the transaction status is %c after the commit", status)
	}
	return nil
}

// abort ends a failed transaction. If the rollback fails, or leaves the connection
// other than idle, the pool closes the connection on release. So does abort where
// neither its results nor its prepared statements can be trusted any more.
func abort(ctx context.Context, conn *pgxpool.Conn, because error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	if errors.Is(because, errWrongScope) || hasStaleStatement(because) {
		_ = conn.Conn().Close(ctx) // it is not used again
		return
	}
	if conn.Conn().PgConn().TxStatus() != 'I' {
		_, _ = conn.Exec(ctx, "rollback") // the pool closes a connection that is not idle
	}
}

// retryable reports whether a transaction that failed with err had no effect and
// may succeed when it is tried again.
func retryable(err error, begun bool) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		// Once the transaction has begun, work has seen data that may be out already.
		return err != nil && !begun && pgconn.SafeToRetry(err)
	case pg.ConstraintName == "idempotency_keys_pkey": // another request used the key meanwhile, so there is a saved response now
		return true
	default:
		return pg.Code == "40001" || pg.Code == "40P01" // serialization_failure, deadlock_detected
	}
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
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

// tx is a confined transaction as sqlc's DBTX. Queries are sent at once, the
// first together with the begin; statements that only execute wait, and travel
// with the next query or with the commit. So a change that locks, decides and
// writes takes two round trips, however much it writes.
type tx struct {
	store   *Store
	who     confinement
	q       *db.Queries
	conn    *pgxpool.Conn
	pending pgx.Batch
	// began is the database's time at the begin.
	began time.Time
}

// inTx runs decide in a transaction confined by who and commits it.
func (s *Store) inTx(ctx context.Context, who confinement, decide func(*tx) error) error {
	var err error
	for range changeAttempts {
		if err = s.attempt(ctx, who, decide); !repeatable(err) {
			break
		}
	}
	return translate(err)
}

func (s *Store) attempt(ctx context.Context, who confinement, decide func(*tx) error) (err error) {
	t := &tx{store: s, who: who}
	t.q = db.New(t)
	defer func() {
		if t.conn == nil {
			return
		}
		if err != nil {
			t.rollback(ctx)
		}
		t.conn.Release()
	}()
	if err := decide(t); err != nil {
		return err
	}
	return t.commit(ctx)
}

// begun queues the begin and the confinement if nothing was sent yet, and
// returns a function that reads their answers.
func (t *tx) begun(ctx context.Context, batch *pgx.Batch) (func(pgx.BatchResults) error, error) {
	if t.conn != nil {
		return func(pgx.BatchResults) error { return nil }, nil
	}
	conn, err := t.store.acquire(ctx)
	if err != nil {
		return nil, err
	}
	t.conn = conn
	batch.Queue("begin")
	t.who.queue(batch)
	return func(results pgx.BatchResults) error {
		if _, err := results.Exec(); err != nil {
			return err
		}
		t.began, err = t.who.read(results)
		return err
	}, nil
}

// flight sends what is pending and then last, and hands last's result to read.
func (t *tx) flight(ctx context.Context, last string, args []any, read func(pgx.BatchResults) error) (err error) {
	var batch pgx.Batch
	readBegin, err := t.begun(ctx, &batch)
	if err != nil {
		return err
	}
	waiting := t.pending.QueuedQueries
	batch.QueuedQueries = append(batch.QueuedQueries, waiting...)
	t.pending = pgx.Batch{}
	batch.Queue(last, args...)

	results := t.conn.SendBatch(ctx, &batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	if err := readBegin(results); err != nil {
		return err
	}
	for range waiting {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	return read(results)
}

// Exec lets the statement wait for the next flight. Its error shows there; what
// it affects must not be asked for.
func (t *tx) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	t.pending.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

// QueryRow sends everything up to this query and reads its one row.
func (t *tx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return rowFunc(func(into ...any) error {
		return t.flight(ctx, sql, args, func(results pgx.BatchResults) error {
			return results.QueryRow().Scan(into...)
		})
	})
}

// rowFunc reads one row into its arguments.
type rowFunc func(into ...any) error

func (f rowFunc) Scan(into ...any) error { return f(into...) }

// Query is refused: a change reads the rows it locks, one query each.
func (t *tx) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errors.New("a change reads a list")
}

// commit sends what is pending together with the commit.
func (t *tx) commit(ctx context.Context) error {
	if t.conn == nil && len(t.pending.QueuedQueries) == 0 {
		return nil
	}
	return t.flight(ctx, "commit", nil, func(results pgx.BatchResults) error {
		tag, err := results.Exec()
		if err != nil {
			return err
		}
		if tag.String() != "COMMIT" {
			return fmt.Errorf("the database answered the commit with %s", tag)
		}
		return nil
	})
}

// rollback ends a failed transaction. A connection where that fails, or that is
// not idle afterwards, is closed by the pool when it comes back.
func (t *tx) rollback(ctx context.Context) {
	if t.conn.Conn().PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackTimeout)
	defer cancel()
	_, _ = t.conn.Exec(ctx, "rollback") // the pool closes what is not idle
}

// repeatable reports whether a change that failed with err did nothing and may
// succeed when it is tried again.
func repeatable(err error) bool {
	switch sqlState(err) {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return true
	default:
		return err != nil && pgconn.SafeToRetry(err)
	}
}

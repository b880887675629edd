package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/identity"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
)

// as returns the queries that read for the actor, each in one round trip: the
// confinement and the query are one batch, which is one implicit transaction.
func (s *Store) as(actor identity.Actor) *db.Queries {
	return db.New(&reader{store: s, who: confineTo(actor)})
}

// reader makes every query a confined one, without the query knowing it.
type reader struct {
	store *Store
	who   confinement
}

// Query sends the confinement and the query in one flight. A connection that
// proved dead before anything was sent is replaced once.
func (r *reader) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := r.query(ctx, sql, args)
	if err != nil && pgconn.SafeToRetry(err) {
		rows, err = r.query(ctx, sql, args)
	}
	return rows, translate(err)
}

func (r *reader) query(ctx context.Context, sql string, args []any) (pgx.Rows, error) {
	conn, err := r.store.acquire(ctx)
	if err != nil {
		return nil, err
	}
	var batch pgx.Batch
	r.who.queue(&batch)
	batch.Queue(sql, args...)
	results := conn.SendBatch(ctx, &batch)
	if _, err := r.who.read(results); err != nil {
		_ = results.Close() // of a refused flight; the refusal is what matters
		conn.Release()
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		conn.Release()
		return nil, err
	}
	return &confinedRows{Rows: rows, results: results, conn: conn}, nil
}

// QueryRow is Query for one row.
func (r *reader) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := r.Query(ctx, sql, args...)
	return &oneRow{rows: rows, err: err}
}

// Exec is refused: what writes goes through Change.
func (r *reader) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, errors.New("a read-only query executes a statement")
}

// confinedRows gives the connection back when the rows are closed.
type confinedRows struct {
	pgx.Rows
	results pgx.BatchResults
	conn    *pgxpool.Conn
	err     error
}

func (r *confinedRows) Close() {
	if r.conn == nil {
		return
	}
	r.Rows.Close()
	r.err = r.results.Close()
	r.conn.Release()
	r.conn = nil
}

func (r *confinedRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

func (r *confinedRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return translate(err)
	}
	return translate(r.err)
}

// oneRow is the first of some rows, or pgx.ErrNoRows.
type oneRow struct {
	rows pgx.Rows
	err  error
}

func (r *oneRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/postgres/internal/db"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// query runs one generated query and stores its result. It is called twice: first
// against a recorder, which records the statement, then against a replayer, which
// reads the result. So several generated queries share a round trip.
type query func(*db.Queries) error

// get is a query whose result goes to *to.
func get[T any](to *T, run func(*db.Queries) (T, error)) query {
	return func(q *db.Queries) (err error) {
		*to, err = run(q)
		return err
	}
}

// statement is one statement of a batch.
type statement struct {
	sql  string
	args []any
	// read reads the result; nil for statements without one.
	read func(pgx.BatchResults) error
}

// record returns the statement of a query, after the label of its scope. The bytes of its
// rows are counted by hold.
func record(ctx context.Context, q query, label string, hold holdFunc) (statement, error) {
	var r recorder
	if err := q(db.New(&r)); !errors.Is(err, errRecorded) {
		return statement{}, fmt.Errorf("the query made no statement: %w", err)
	}
	read := func(results pgx.BatchResults) error { return q(db.New(replayer{results, hold})) }
	return statement{sql: label + r.sql, args: r.args, read: read}, ctx.Err()
}

// batch is a list of statements that are sent in one round trip.
type batch []statement

// send sends the batch and reads the results in order, up to the first error.
func (b batch) send(ctx context.Context, conn *pgxpool.Conn) (err error) {
	queued := &pgx.Batch{}
	for _, s := range b {
		queued.Queue(s.sql, s.args...)
	}
	results := conn.SendBatch(ctx, queued)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	for _, s := range b {
		if s.read == nil {
			_, err = results.Exec()
		} else {
			err = s.read(results)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read runs queries for the actor. Together with the tenant scope they are one
// round trip, one transaction and one snapshot.
func (s *Store) read(ctx context.Context, actor auth.Actor, queries ...query) error {
	return translate(s.readIn(ctx, scopeToReadOf(actor), queries...))
}

// readAs is read, and returns the role of the actor in the project that the request is
// about.
func (s *Store) readAs(ctx context.Context, actor auth.Actor, queries ...query) (requirements.Role, error) {
	var to opened
	err := translate(s.readOpened(ctx, scopeToReadOf(actor), &to, queries...))
	return to.projectRole(), err
}

// readIn runs queries in a tenant scope.
func (s *Store) readIn(ctx context.Context, in scope, queries ...query) error {
	return s.readOpened(ctx, in, nil, queries...)
}

// readOpened is readIn, and stores what the first statement returns in *to, unless that is
// nil. It repeats the queries once where their connection was of no use: a read changes
// nothing, so that is safe.
func (s *Store) readOpened(ctx context.Context, in scope, to *opened, queries ...query) error {
	b := batch{in.statement(to)}
	for _, q := range queries {
		recorded, err := record(ctx, q, in.label, s.hold)
		if err != nil {
			return err
		}
		b = append(b, recorded)
	}
	again, err := s.sendRead(ctx, b)
	if again && ctx.Err() == nil {
		_, err = s.sendRead(ctx, b)
	}
	return err
}

// sendRead sends a batch that reads. It reports whether another connection may
// succeed where this one failed.
func (s *Store) sendRead(ctx context.Context, b batch) (again bool, err error) {
	conn, err := s.acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	if len(b) > 2 && s.pooled.Load() {
		// Elsewhere the implicit transaction of a batch is repeatable read; see
		// prepareConn.
		b = slices.Concat(batch{{sql: "begin isolation level repeatable read, read only"}}, b, batch{{sql: "commit"}})
	}
	if err = b.send(ctx, conn); err == nil {
		return false, nil
	}
	again = conn.Conn().IsClosed() || hasStaleStatement(err)
	abort(ctx, conn, err)
	return again, err
}

// hasStaleStatement reports whether err means that a statement was prepared for a
// table that has changed since, or was deallocated.
func hasStaleStatement(err error) bool {
	state := sqlState(err)
	return state == "0A000" || state == "26000" // feature_not_supported: cached plan must not change result type; invalid_sql_statement_name
}

var errRecorded = errors.New("the statement is recorded")

// recorder implements db.DBTX. It records the statement of a query instead of
// sending it.
type recorder struct {
	sql  string
	args []any
}

// Exec records the statement.
func (r *recorder) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r.sql, r.args = sql, args
	return pgconn.CommandTag{}, errRecorded
}

// Query records the statement.
func (r *recorder) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.sql, r.args = sql, args
	return nil, errRecorded
}

// QueryRow records the statement.
func (r *recorder) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	r.sql, r.args = sql, args
	return recordedRow{}
}

type recordedRow struct{}

func (recordedRow) Scan(...any) error { return errRecorded }

// replayer implements db.DBTX. It returns the next result of a batch to a query.
type replayer struct {
	results pgx.BatchResults
	hold    holdFunc
}

// holdFunc counts the bytes of a row that the caller of a query holds. Its error ends
// the query.
type holdFunc func(ctx context.Context, bytes int) error

// Exec returns the next result.
func (r replayer) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return r.results.Exec()
}

// Query returns the next rows.
func (r replayer) Query(ctx context.Context, _ string, _ ...any) (pgx.Rows, error) {
	rows, err := r.results.Query()
	return &countedRows{Rows: rows, ctx: ctx, hold: r.hold}, err
}

// QueryRow returns the next row.
func (r replayer) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := r.Query(ctx, sql, args...)
	return firstRow{rows, err}
}

// countedRows counts the bytes of rows against the budget of the request, if it has
// one. Rows beyond the budget are read from the connection but not kept.
type countedRows struct {
	pgx.Rows

	ctx  context.Context //nolint:containedctx // lives as long as one query
	hold holdFunc
	full error
}

// Next counts the next row.
func (r *countedRows) Next() bool {
	if !r.Rows.Next() {
		return false
	}
	size := 0
	for _, value := range r.RawValues() {
		size += len(value)
	}
	if r.full = r.hold(r.ctx, size); r.full != nil {
		r.Close()
		return false
	}
	return true
}

// Err returns the error that ended the rows.
func (r *countedRows) Err() error {
	if r.full != nil {
		return r.full
	}
	return r.Rows.Err()
}

// firstRow is the first of some rows.
type firstRow struct {
	rows pgx.Rows
	err  error
}

// Scan reads the row.
func (r firstRow) Scan(dest ...any) error {
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
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

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
)

// query makes one generated query and keeps what it answers. It runs twice:
// first to learn the statement, before anything is sent, then to read its
// answer. So several queries travel together, and none of them knows.
type query func(*db.Queries) error

// statement is one statement of a flight.
type statement struct {
	sql  string
	args []any
	// read reads the answer; nil for statements that have none.
	read func(results) error
}

// results are the answers to statements that were sent together, in their order.
type results interface {
	Exec() (pgconn.CommandTag, error)
	Query() (pgx.Rows, error)
	QueryRow() pgx.Row
}

// record learns the statement of a query.
func record(ctx context.Context, q query) (statement, error) {
	var r recorder
	if err := q(db.New(&r)); !errors.Is(err, errRecorded) {
		return statement{}, fmt.Errorf("a query made no statement: %w", err)
	}
	answer := func(its results) error { return q(db.New(player{its})) }
	return statement{sql: r.sql, args: r.args, read: answer}, ctx.Err()
}

// flight is statements that travel together, in one round trip.
type flight []statement

func (f flight) batch() *pgx.Batch {
	batch := &pgx.Batch{}
	for _, s := range f {
		batch.Queue(s.sql, s.args...)
	}
	return batch
}

// send sends the flight and reads the answers in order, up to the first error.
func (f flight) send(ctx context.Context, conn *pgxpool.Conn) (err error) {
	its := conn.SendBatch(ctx, f.batch())
	defer func() {
		if closed := its.Close(); err == nil {
			err = closed
		}
	}()
	return f.read(its)
}

// read reads the answers in order, up to the first error.
func (f flight) read(its results) error {
	for _, s := range f {
		if s.read == nil {
			if _, err := its.Exec(); err != nil {
				return err
			}
		} else if err := s.read(its); err != nil {
			return err
		}
	}
	return nil
}

// read makes queries for the actor in one round trip: the confinement and the
// queries are one transaction, which shows one moment. It may travel with others; if
// their connection ends before the answer has come, it is sent again, alone.
func (s *Store) read(ctx context.Context, actor auth.Actor, queries ...query) error {
	f := flight{confineTo(actor).statement(nil)}
	for _, q := range queries {
		s, err := record(ctx, q)
		if err != nil {
			return translate(err)
		}
		f = append(f, s)
	}
	if s.sharing.off.Load() {
		return translate(s.alone(ctx, f))
	}
	err := s.share(ctx, f)
	if err != nil && ctx.Err() == nil && (pgconn.SafeToRetry(err) || errors.Is(err, errNotCarried)) {
		err = s.alone(ctx, f)
	}
	return translate(err)
}

// alone sends a flight that reads on any connection. A connection that proved dead
// before anything was sent is replaced once.
func (s *Store) alone(ctx context.Context, f flight) error {
	if len(f) > 2 { // each would show a moment of its own
		f = slices.Concat(flight{{sql: "begin isolation level repeatable read, read only"}}, f, flight{{sql: "commit"}})
	}
	err := s.fly(ctx, f)
	if err != nil && pgconn.SafeToRetry(err) {
		err = s.fly(ctx, f)
	}
	return err
}

// fly sends a flight that is a transaction of its own.
func (s *Store) fly(ctx context.Context, f flight) error {
	conn, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	err = f.send(ctx, conn)
	if err != nil {
		rollback(ctx, conn)
	}
	return err
}

var errRecorded = errors.New("the statement is recorded")

// recorder notes the statement of a query instead of sending it.
type recorder struct {
	sql  string
	args []any
}

// Exec notes the statement.
func (r *recorder) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	r.sql, r.args = sql, args
	return pgconn.CommandTag{}, errRecorded
}

// Query notes the statement.
func (r *recorder) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	r.sql, r.args = sql, args
	return nil, errRecorded
}

// QueryRow notes the statement.
func (r *recorder) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	r.sql, r.args = sql, args
	return noRow{}
}

type noRow struct{}

func (noRow) Scan(...any) error { return errRecorded }

// player hands the next answer of a flight to a query.
type player struct{ results }

// Exec reads the answer of a statement.
func (p player) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return p.results.Exec()
}

// Query reads the rows of a query.
func (p player) Query(context.Context, string, ...any) (pgx.Rows, error) { return p.results.Query() }

// QueryRow reads the one row of a query.
func (p player) QueryRow(context.Context, string, ...any) pgx.Row { return p.results.QueryRow() }

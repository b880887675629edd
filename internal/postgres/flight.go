package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/codegenapp/codegenapp/internal/identity"
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
	read func(pgx.BatchResults) error
}

// record learns the statement of a query.
func record(ctx context.Context, q query) (statement, error) {
	var r recorder
	if err := q(db.New(&r)); !errors.Is(err, errRecorded) {
		return statement{}, fmt.Errorf("a query made no statement: %w", err)
	}
	answer := func(results pgx.BatchResults) error { return q(db.New(player{results})) }
	return statement{sql: r.sql, args: r.args, read: answer}, ctx.Err()
}

// flight is statements that travel together, in one round trip.
type flight []statement

// send sends the flight and reads the answers in order, up to the first error.
func (f flight) send(ctx context.Context, conn *pgxpool.Conn) (err error) {
	var batch pgx.Batch
	for _, s := range f {
		batch.Queue(s.sql, s.args...)
	}
	results := conn.SendBatch(ctx, &batch)
	defer func() {
		if closed := results.Close(); err == nil {
			err = closed
		}
	}()
	for _, s := range f {
		if s.read == nil {
			if _, err := results.Exec(); err != nil {
				return err
			}
		} else if err := s.read(results); err != nil {
			return err
		}
	}
	return nil
}

// read makes queries for the actor in one round trip: the confinement and the
// queries are one batch, which is one implicit transaction. A connection that
// proved dead before anything was sent is replaced once.
func (s *Store) read(ctx context.Context, actor identity.Actor, queries ...query) error {
	f := flight{confineTo(actor).statement(nil)}
	several := len(queries) > 1
	if several { // they have to show one moment, not one each
		f = append(flight{{sql: "begin isolation level repeatable read, read only"}}, f...)
	}
	for _, q := range queries {
		s, err := record(ctx, q)
		if err != nil {
			return translate(err)
		}
		f = append(f, s)
	}
	if several {
		f = append(f, statement{sql: "commit"})
	}
	err := s.fly(ctx, f)
	if err != nil && pgconn.SafeToRetry(err) {
		err = s.fly(ctx, f)
	}
	return translate(err)
}

// fly sends a flight that is a transaction of its own.
func (s *Store) fly(ctx context.Context, f flight) error {
	conn, err := s.acquire(ctx, false)
	if err != nil {
		return err
	}
	defer conn.Release()
	err = f.send(ctx, conn.Conn)
	if err != nil {
		rollback(ctx, conn.Conn)
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
type player struct{ results pgx.BatchResults }

// Exec reads the answer of a statement.
func (p player) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return p.results.Exec()
}

// Query reads the rows of a query.
func (p player) Query(context.Context, string, ...any) (pgx.Rows, error) { return p.results.Query() }

// QueryRow reads the one row of a query.
func (p player) QueryRow(context.Context, string, ...any) pgx.Row { return p.results.QueryRow() }

package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// carryTimeout bounds a pipeline whose leader has no bound of its own.
const carryTimeout = 5 * time.Second

// errNotCarried is what comes of a flight whose answer never came.
var errNotCarried = errors.New("the connection ended before the answer came")

// carry sends the flights of several passengers over one connection, in one round
// trip, and tells each that waits what came of its own. Each is a transaction of
// its own, ended by its Sync; upon an error PostgreSQL goes on behind the next
// (PostgreSQL 15, section 55.2.4, "Pipelining"). It goes on when its leader's
// caller leaves, since the others have not.
func carry(ctx context.Context, conn *pgx.Conn, all []*passenger) {
	if len(all) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = whoeverLeaves(ctx)
		defer cancel()
	}
	var cause error
	left := all
	defer func() { // also in a panic: nobody must wait for ever
		for _, p := range left {
			p.end(errors.Join(errNotCarried, cause))
		}
	}()
	statements, cause := prepare(ctx, conn, all)
	if cause != nil {
		return
	}
	pipeline := conn.PgConn().StartPipeline(ctx)
	defer func() { _ = pipeline.Close() }() // a connection that is not idle is closed when it is released
	a := answers{pipeline: pipeline, types: conn.TypeMap()}
	if cause = a.ask(all, statements); cause != nil {
		return
	}
	for _, p := range all {
		err := a.answer(p.flight)
		if cause = err; outdated(err) {
			_ = conn.Close(ctx) // the next connection learns them anew
		}
		if conn.IsClosed() {
			return
		}
		left = left[1:]
		p.end(err)
	}
}

// outdated reports an error that the statements a connection knows will meet again
// and again, since what they were prepared for has changed: 0A000, a cached plan
// would have other columns, and 26000, there is no such statement any more.
func outdated(err error) bool {
	state := sqlState(err)
	return state == "0A000" || state == "26000"
}

// whoeverLeaves is a context with the deadline of ctx, which ends by nothing else.
func whoeverLeaves(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(carryTimeout)
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}

// prepare lets the connection know the statements of all. What it knows already
// costs nothing.
func prepare(ctx context.Context, conn *pgx.Conn, all []*passenger) ([]*pgconn.StatementDescription, error) {
	known := make([]*pgconn.StatementDescription, 0, 2*len(all))
	for _, p := range all {
		for _, s := range p.flight {
			its, err := conn.Prepare(ctx, s.sql, s.sql)
			if err != nil {
				return nil, err
			}
			known = append(known, its)
		}
	}
	return known, nil
}

// answers is what comes back on a pipeline.
type answers struct {
	pipeline *pgconn.Pipeline
	types    *pgtype.Map
}

// ask sends all flights.
func (a answers) ask(all []*passenger, statements []*pgconn.StatementDescription) error {
	var values pgx.ExtendedQueryBuilder
	for _, p := range all {
		for _, s := range p.flight {
			if err := values.Build(a.types, statements[0], s.args); err != nil {
				return err
			}
			// Not SendQueryStatement, which costs PostgreSQL no description: of statements
			// that are skipped upon an error, pgx 5.12 takes the next for the one before.
			a.pipeline.SendQueryPrepared(statements[0].Name, values.ParamValues, values.ParamFormats, values.ResultFormats)
			statements = statements[1:]
		}
		a.pipeline.SendPipelineSync()
	}
	return a.pipeline.Flush()
}

// answer reads the answer to a flight, up to its Sync.
func (a answers) answer(f flight) error {
	err := f.read(a)
	for {
		got, rest := a.pipeline.GetResults()
		if _, ended := got.(*pgconn.PipelineSync); ended {
			return err
		}
		if _, answered := errors.AsType[*pgconn.PgError](rest); !answered && got == nil {
			return errors.Join(err, rest)
		}
		if err == nil {
			err = rest
		}
	}
}

func (a answers) next() (*pgconn.ResultReader, error) {
	got, err := a.pipeline.GetResults()
	if err != nil {
		return nil, err
	}
	result, ok := got.(*pgconn.ResultReader)
	if !ok {
		return nil, fmt.Errorf("%w: %T instead", errNotCarried, got)
	}
	return result, nil
}

// Exec reads the answer of a statement.
func (a answers) Exec() (pgconn.CommandTag, error) {
	result, err := a.next()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return result.Close()
}

// Query reads the rows of a query.
func (a answers) Query() (pgx.Rows, error) {
	result, err := a.next()
	if err != nil {
		return nil, err
	}
	return pgx.RowsFromResultReader(a.types, result), nil
}

// QueryRow reads the one row of a query.
func (a answers) QueryRow() pgx.Row {
	rows, err := a.Query()
	return row{rows, err}
}

// row is the first row of an answer.
type row struct {
	rows pgx.Rows
	err  error
}

// Scan reads the row, as pgx.Row says.
func (r row) Scan(fields ...any) error {
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
	if err := r.rows.Scan(fields...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

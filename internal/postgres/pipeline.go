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
var errNotCarried = errors.New("the shared connection gave no answer")

// carry sends the flights of several passengers over one connection, in one round
// trip, and tells each that waits what came of its own. Each is a transaction of
// its own, ended by its Sync; upon an error PostgreSQL goes on behind the next
// (PostgreSQL 15, section 55.2.4, "Pipelining"). It goes on when its leader's
// caller leaves, since the others have not.
//
// Of one's failure the others hear nothing: whoever is left when the connection
// ends is told that, and not what the last one before had been answered.
func carry(ctx context.Context, conn *pgx.Conn, all []*passenger) {
	if _, bounded := ctx.Deadline(); !bounded || len(all) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = whoeverLeaves(ctx)
		defer cancel()
	}
	left, leader := all, all[0]
	a := answers{types: conn.TypeMap()}
	defer func() { // also in a panic: nobody must wait for ever
		for _, p := range left {
			p.end(errors.Join(errNotCarried, a.broken))
		}
	}()
	left, statements, err := prepare(ctx, conn, all)
	if a.broken = err; err != nil || len(left) == 0 {
		return
	}
	a.pipeline = conn.PgConn().StartPipeline(ctx)
	defer func() {
		_ = a.pipeline.Close() // a connection that is not idle is closed when it is released
		if a.spent {
			_ = conn.Close(ctx)
		}
	}()
	if a.broken = a.ask(left, statements); a.broken != nil {
		return
	}
	for len(left) > 0 {
		p := left[0]
		err := a.to(p, p == leader)
		left = left[1:]
		p.end(err)
		if a.broken != nil {
			return
		}
	}
}

// whoeverLeaves is a context with the deadline of ctx, which ends by nothing else.
func whoeverLeaves(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(carryTimeout)
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}

// prepare lets the connection know the statements of all; what it knows already
// costs nothing. Whoever has one that PostgreSQL refuses is told so; the others are
// left.
func prepare(ctx context.Context, conn *pgx.Conn, all []*passenger) (left []*passenger, known []*pgconn.StatementDescription, err error) {
	left, known = make([]*passenger, 0, len(all)), make([]*pgconn.StatementDescription, 0, 2*len(all))
next:
	for n, p := range all {
		before := len(known)
		for _, s := range p.flight {
			its, err := conn.Prepare(ctx, s.sql, s.sql)
			if _, refused := errors.AsType[*pgconn.PgError](err); refused && !conn.IsClosed() {
				known = known[:before]
				p.end(err)
				continue next
			}
			if err != nil {
				return append(left, all[n:]...), nil, err
			}
			known = append(known, its)
		}
		left = append(left, p)
	}
	return left, known, nil
}

// answers is what comes back on a pipeline.
type answers struct {
	pipeline *pgconn.Pipeline
	types    *pgtype.Map
	// broken is why no more answers come, once none do.
	broken error
	// spent says that the connection must not be used again.
	spent bool
}

// ask sends all flights.
func (a *answers) ask(all []*passenger, statements []*pgconn.StatementDescription) error {
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

// to reads the answer to a passenger. Who reads it is the leader: a panic over the
// answer of another is not the leader's, and that one is asked again, alone, to
// panic where it belongs.
func (a *answers) to(p *passenger, leads bool) (err error) {
	if !leads {
		defer func() {
			if recover() != nil {
				a.broken = errNotCarried
				err = errNotCarried
			}
		}()
	}
	err = a.answer(p.flight)
	switch {
	case errors.Is(err, errAnotherUser): // so nothing that follows can be trusted
		a.spent, a.broken = true, errNotCarried
	case stale(err):
		a.spent = true
		err = errors.Join(errNotCarried, err)
	case a.broken != nil:
		err = errors.Join(err, a.broken)
	}
	return err
}

// stale reports whether err means that the connection's prepared statements are not
// good any more: a table has changed, or somebody has discarded them. pgx prepares
// such a statement anew only where it has prepared it by itself.
func stale(err error) bool {
	state := sqlState(err)
	return state == "0A000" || state == "26000" // feature_not_supported: the plan's result type; invalid_sql_statement_name
}

// answer reads the answer to a flight, up to its Sync.
func (a *answers) answer(f flight) error {
	err := f.read(a)
	for {
		got, rest := a.pipeline.GetResults()
		if _, ended := got.(*pgconn.PipelineSync); ended {
			return err
		}
		if _, answered := errors.AsType[*pgconn.PgError](rest); !answered && got == nil {
			a.broken = errors.Join(errNotCarried, rest)
			return err
		}
		if err == nil {
			err = rest
		}
	}
}

func (a *answers) next() (*pgconn.ResultReader, error) {
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
func (a *answers) Exec() (pgconn.CommandTag, error) {
	result, err := a.next()
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return result.Close()
}

// Query reads the rows of a query.
func (a *answers) Query() (pgx.Rows, error) {
	result, err := a.next()
	if err != nil {
		return nil, err
	}
	return pgx.RowsFromResultReader(a.types, result), nil
}

// QueryRow reads the one row of a query.
func (a *answers) QueryRow() pgx.Row {
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
	_, err := pgx.CollectOneRow(r.rows, func(its pgx.CollectableRow) (struct{}, error) {
		return struct{}{}, its.Scan(fields...)
	})
	return err
}

package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tracer tells of what is sent: the names of statements, and states of failures.
// Arguments, and the texts of PostgreSQL, hold what users write.
type tracer struct {
	begin func(ctx context.Context, statements []string) (context.Context, func(failure string))
}

var (
	_ pgx.QueryTracer = tracer{}
	_ pgx.BatchTracer = tracer{}
)

// endKey is where a context keeps what is told of the end.
type endKey struct{}

func (t tracer) start(ctx context.Context, statements ...string) context.Context {
	ctx, end := t.begin(ctx, statements)
	return context.WithValue(ctx, endKey{}, end)
}

func (t tracer) end(ctx context.Context, err error) {
	if end, ok := ctx.Value(endKey{}).(func(string)); ok {
		end(failureOf(err))
	}
}

// TraceQueryStart tells of one statement.
func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return t.start(ctx, nameOf(data.SQL))
}

// TraceQueryEnd tells how it ended.
func (t tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.end(ctx, data.Err)
}

// TraceBatchStart tells of a flight.
func (t tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	names := make([]string, len(data.Batch.QueuedQueries))
	for n, q := range data.Batch.QueuedQueries {
		names[n] = nameOf(q.SQL)
	}
	return t.start(ctx, names...)
}

// TraceBatchQuery tells nothing: the statements of a flight have one end.
func (tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd tells how the flight ended.
func (t tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	t.end(ctx, data.Err)
}

// nameOf is what a statement is called: generated ones begin with their name,
// others are known by their first word.
func nameOf(sql string) string {
	if its, ok := strings.CutPrefix(sql, "-- name: "); ok {
		name, _, _ := strings.Cut(its, " ")
		return name
	}
	if strings.Contains(sql, "set_config('role'") {
		return "confine"
	}
	words := strings.Fields(sql)
	if len(words) == 0 {
		return "ping"
	}
	return strings.ToLower(words[0])
}

// failureOf is the kind of a failure, without anything of its text.
func failureOf(err error) string {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil, errors.Is(err, pgx.ErrNoRows):
		return ""
	case ok:
		return pg.Code
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "connection"
	}
}

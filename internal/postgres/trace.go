package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tracer reports the names of statements and the states of failures. It reports
// neither arguments nor messages of PostgreSQL: they contain what users wrote.
type tracer struct {
	begin func(ctx context.Context, statements []string) (context.Context, func(failure string))
}

var (
	_ pgx.QueryTracer = tracer{}
	_ pgx.BatchTracer = tracer{}
)

// endKey is the context key of the function that reports the end.
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

// TraceQueryStart reports one statement.
func (t tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return t.start(ctx, nameOf(data.SQL))
}

// TraceQueryEnd reports how it ended.
func (t tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.end(ctx, data.Err)
}

// TraceBatchStart reports a batch.
func (t tracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	names := make([]string, len(data.Batch.QueuedQueries))
	for n, q := range data.Batch.QueuedQueries {
		names[n] = nameOf(q.SQL)
	}
	return t.start(ctx, names...)
}

// TraceBatchQuery reports nothing: the statements of a batch have one end.
func (tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd reports how the batch ended.
func (t tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	t.end(ctx, data.Err)
}

// nameOf is the name of a statement: that of its generated query, else its first
// word.
func nameOf(sql string) string {
	if rest, ok := strings.CutPrefix(sql, "-- name: "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return name
	}
	if strings.Contains(sql, "set_config('role'") {
		return "scope"
	}
	words := strings.Fields(sql)
	if len(words) == 0 {
		return "ping"
	}
	return strings.ToLower(words[0])
}

// failureOf is the kind of a failure, without its text.
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

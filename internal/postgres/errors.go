package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// violation says what the breach of a constraint means to the caller.
type violation struct {
	code   problem.Code
	detail string
}

// violations has the constraints that concurrent requests can reach although
// the rules were kept. Any other breach is a bug of ours, and Internal. A test
// compares the names with the schema.
var violations = map[string]violation{
	"used_id_tokens_pkey": {problem.GoogleTokenInvalid, "This ID token has signed in before; a new one is needed each time."},
	"projects_owner_fkey": {problem.TokenRevoked, "The account of this token is gone; sign in again."},
	"sessions_user_fkey":  {problem.TokenRevoked, "The account of this token is gone; sign in again."},
}

// translate turns what the driver says into what the rules know. Faults pass
// as they are; nothing that PostgreSQL wrote survives but codes and names.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*problem.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) { // the caller has left; nobody reads this
		return problem.New(problem.Unavailable, "The request was cancelled.").Because(err)
	}
	if away(err) {
		return unavailable(hideDetail(err))
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if v, ok := violations[pg.ConstraintName]; ok {
			return problem.New(v.code, "%s", v.detail).Because(hideDetail(err))
		}
	}
	return hideDetail(err)
}

// away reports whether err means that the database cannot be reached, or cannot
// answer in time, rather than that it refuses.
func away(err error) bool {
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "08"), // connection exceptions
		strings.HasPrefix(state, "53"),     // too many connections, out of disk or memory
		strings.HasPrefix(state, "57P"),    // shut down, crashed, starting up
		state == "55P03", state == "57014", // lock or statement took too long
		state == "40001", state == "40P01", // still in conflict after repeats
		state == "25006",                                     // read-only: a standby that was not promoted yet
		state == "42P01", state == "42883", state == "42703": // the schema is not there yet; see CheckSchema
		return true
	case state != "":
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, isNet := errors.AsType[net.Error](err)
	return isNet || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errNotCarried) || pgconn.SafeToRetry(err)
}

// hideDetail keeps of a database error only its code and names: its message and
// detail may print the row.
func hideDetail(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		return err
	case pg.ConstraintName != "":
		return &breachError{state: pg.Code, constraint: pg.ConstraintName}
	default:
		return fmt.Errorf("SQLSTATE %s from %s", pg.Code, pg.Routine)
	}
}

// breachError says that a statement broke a constraint, and which.
type breachError struct{ state, constraint string }

func (e *breachError) Error() string {
	return fmt.Sprintf("SQLSTATE %s at constraint %s", e.state, e.constraint)
}

// sqlState is the code of a database error, or empty.
func sqlState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// orMissing turns "no row" into the fault of a resource that is not there.
func orMissing(err error, code problem.Code) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.NotFound(code)
	}
	return err
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// violation is what the violation of a constraint means to the caller.
type violation struct {
	code   problem.Code
	detail string
}

// violations has the constraints that concurrent requests can violate although the
// rules were kept. Any other violation is a bug, and Internal. A test compares the
// names with the schema.
var violations = map[string]violation{
	"used_id_tokens_pkey":  {problem.GoogleTokenInvalid, "This ID token was used before. Each sign-in needs a new one."},
	"projects_owner_fkey":  {problem.TokenRevoked, "The account of this token was deleted; sign in again."},
	"baselines_name_key":   {problem.BaselineExists, "The project has a baseline with this name. Nothing was changed."},
	"api_tokens_user_fkey": {problem.BotNotFound, "The bot of this token was deleted."},
	"users_manager_fkey":   {problem.TokenRevoked, "The account of this token was deleted; sign in again."},
	// The counter and the role are changed by statements that do not know whose they are.
	"users_bot_owns_nothing":    {problem.PermissionDenied, "A bot has no projects of its own. It works in projects of people, who add it as a member."},
	"users_bot_role":            {problem.PermissionDenied, "A bot has no role besides user. Nothing was changed."},
	"project_members_user_fkey": {problem.TokenRevoked, "The account of this token was deleted; sign in again."},
	"sessions_user_fkey":        {problem.TokenRevoked, "The account of this token was deleted; sign in again."},
}

// translate turns an error of the driver into one that the rules know. Problems
// pass unchanged. Of what PostgreSQL wrote, only codes and names are left.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*problem.Error](err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) { // the caller has disconnected; nothing is sent
		return problem.New(problem.Unavailable, "The request was cancelled.").Because(err)
	}
	if meansUnavailable(err) {
		return unavailable(hideDetail(err))
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		if v, ok := violations[pg.ConstraintName]; ok {
			return problem.New(v.code, "%s", v.detail).Because(hideDetail(err))
		}
	}
	return hideDetail(err)
}

// meansUnavailable reports whether err means that the database cannot be reached or is too
// late, rather than that it rejects the statement.
func meansUnavailable(err error) bool {
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "08"), // connection exceptions
		strings.HasPrefix(state, "53"),     // too many connections, out of disk or memory
		strings.HasPrefix(state, "57P"),    // shut down, crashed, starting up
		state == "55P03", state == "57014", // lock_not_available, query_canceled: a timeout
		state == "25P03",                   // idle_in_transaction_session_timeout: this process was frozen
		state == "40001", state == "40P01", // still in conflict after the last attempt
		state == "25006",                                     // read-only: a standby that is not promoted yet
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
		errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}

// IsUnavailable reports whether err means that the database cannot be reached now.
func IsUnavailable(err error) bool { return problem.CodeOf(err) == problem.Unavailable }

// unavailable is the problem of a database that cannot be reached.
func unavailable(cause error) error {
	p := problem.New(problem.Unavailable, "The database cannot be reached at the moment. Repeat the request shortly.")
	p.RetryAfter = time.Second
	return p.Because(cause)
}

// hideDetail reduces a database error to its code and names: its message and detail
// may contain the row.
func hideDetail(err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		return err
	case pg.ConstraintName != "":
		return &constraintError{state: pg.Code, constraint: pg.ConstraintName}
	default:
		return fmt.Errorf("SQLSTATE %s from %s", pg.Code, pg.Routine)
	}
}

// constraintError is the violation of a constraint.
type constraintError struct{ state, constraint string }

func (e *constraintError) Error() string {
	return fmt.Sprintf("SQLSTATE %s at constraint %s", e.state, e.constraint)
}

// violates reports whether err is a violation of the named constraint.
func violates(err error, constraint string) bool {
	violated, ok := errors.AsType[*constraintError](err)
	return ok && violated.constraint == constraint
}

// sqlState is the SQLSTATE of a database error; empty for other errors.
func sqlState(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code
	}
	return ""
}

// notFoundAs turns "no rows" into the problem of a missing resource.
func notFoundAs(code problem.Code, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return problem.NotFound(code)
	}
	return err
}

package postgres

import (
	"errors"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// confinement is the first statement of every transaction: it takes on the
// service's role and a user, until the transaction ends, bounds its waits, and
// says how to plan.
//
// A dead session leaves the user empty, so that every later statement of the
// same flight fails in its policy: nothing is read or written for it.
type confinement struct {
	sql  string
	args []any
	// begin is the begin of the transaction; plain where it is empty.
	begin string
	// user is whom it confines to; zero if only PostgreSQL knows.
	user auth.UserID
}

const (
	bounds = `set_config('statement_timeout', '3s', true), set_config('lock_timeout', '1s', true), ` + planOnce

	// longBounds are for the few statements that touch everything of a user.
	longBounds = `set_config('statement_timeout', '60s', true), set_config('lock_timeout', '5s', true), ` + planOnce

	// planOnce holds where a pooler lends connections: see prepareConn.
	planOnce = `set_config('plan_cache_mode', 'force_generic_plan', true)`

	confineToSession     = sessionBegin + bounds + sessionEnd
	confineToSessionLong = sessionBegin + longBounds + sessionEnd

	sessionBegin = `
SELECT live, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', CASE WHEN live THEN $2::uuid::text ELSE '' END, true), `
	sessionEnd = `
FROM   live_session($1, $2) AS live`

	confineToSignIn = `
SELECT true, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', coalesce(known_user($1, $2), $3::uuid)::text, true), ` + bounds

	confineToRefresh = `
SELECT true, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', coalesce(session_owner($1)::text, ''), true), ` + bounds + `
WHERE  session_owner($1) IS NOT NULL`

	confineToOwner = `
SELECT true, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')::text, true), ` + longBounds
)

// confineTo confines to a caller with a live session.
func confineTo(actor auth.Actor) confinement {
	return confinement{sql: confineToSession, args: []any{actor.Session, actor.User}, user: actor.User}
}

// patiently confines to a caller for work on everything the caller owns.
func patiently(actor auth.Actor) confinement {
	return confinement{sql: confineToSessionLong, args: []any{actor.Session, actor.User}, user: actor.User}
}

// confineToOwnerOf confines to the user of a session, live or not. One that is
// not there gives no row.
func confineToOwnerOf(session auth.SessionID) confinement {
	return confinement{sql: confineToRefresh, args: []any{session}}
}

// housekeeping confines to an owner without a session: for what is done
// without anybody asking, or by a token whose session may be over. The zero id
// is somebody who owns nothing.
func housekeeping(owner auth.UserID) confinement {
	return confinement{sql: confineToOwner, args: []any{owner}}
}

// confineToProfile confines to the user of a verified profile, or to candidate
// when nobody is known by it.
func confineToProfile(p auth.Profile, candidate auth.UserID) confinement {
	return confinement{sql: confineToSignIn, args: []any{p.Issuer, p.Subject, candidate}}
}

// errAnotherUser can only mean that an answer was taken for that of another
// statement.
var errAnotherUser = errors.New("the answer is confined to another user than the question")

// statement is the confinement as the first statement of a flight. Its answer
// is TokenRevoked if the session is dead; else the database's time goes to at,
// if that is not nil.
func (c confinement) statement(at *time.Time) statement {
	return statement{sql: c.sql, args: c.args, read: func(its results) error {
		var live bool
		var user string
		var now any // nil is not read
		if at != nil {
			now = at
		}
		if err := its.QueryRow().Scan(&live, now, nil, &user, nil, nil, nil); err != nil {
			return err
		}
		if !live {
			return problem.New(problem.TokenRevoked, "The session of this token has ended; sign in again.")
		}
		if !c.user.IsZero() && c.user.String() != user {
			return errAnotherUser
		}
		if at != nil {
			*at = at.UTC()
		}
		return nil
	}}
}

package postgres

import (
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
)

// confinement is the first statement of every transaction: it takes on the
// service's role and a user, until the transaction ends, and bounds its waits.
//
// A dead session leaves the user empty, so that every later statement of the
// same flight fails in its policy: nothing is read or written for it.
type confinement struct {
	sql  string
	args []any
}

const (
	bounds = `set_config('statement_timeout', '3s', true), set_config('lock_timeout', '1s', true)`

	confineToSession = `
SELECT live, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', CASE WHEN live THEN $2::uuid::text ELSE '' END, true), ` + bounds + `
FROM   live_session($1, $2) AS live`

	confineToSignIn = `
SELECT true, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', coalesce(known_user($1, $2), $3::uuid)::text, true), ` + bounds
)

// confineTo confines to a caller with a live session.
func confineTo(actor identity.Actor) confinement {
	return confinement{confineToSession, []any{actor.Session, actor.User}}
}

// confineToProfile confines to the user of a verified profile, or to candidate
// when nobody is known by it.
func confineToProfile(p identity.Profile, candidate identity.UserID) confinement {
	return confinement{confineToSignIn, []any{p.Issuer, p.Subject, candidate}}
}

// statement is the confinement as the first statement of a flight. Its answer
// is TokenRevoked if the session is dead; else the database's time goes to at,
// if that is not nil.
func (c confinement) statement(at *time.Time) statement {
	return statement{sql: c.sql, args: c.args, read: func(results pgx.BatchResults) error {
		var live bool
		var now time.Time
		if err := results.QueryRow().Scan(&live, &now, nil, nil, nil, nil); err != nil {
			return err
		}
		if !live {
			return fault.New(fault.TokenRevoked, "The session of this token has ended; sign in again.")
		}
		if at != nil {
			*at = now.UTC()
		}
		return nil
	}}
}

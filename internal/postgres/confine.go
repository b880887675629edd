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

// confineToProfile confines to the user of a verified profile, or to candidate when
// nobody is known by it.
func confineToProfile(p identity.Profile, candidate identity.UserID) confinement {
	return confinement{confineToSignIn, []any{p.Issuer, p.Subject, candidate}}
}

func (c confinement) queue(b *pgx.Batch) { b.Queue(c.sql, c.args...) }

// read reads the confinement's answer: the database's time if the transaction
// acts for a user, TokenRevoked if the session is dead.
func (c confinement) read(results pgx.BatchResults) (time.Time, error) {
	var live bool
	var at time.Time
	if err := results.QueryRow().Scan(&live, &at, nil, nil, nil, nil); err != nil {
		return time.Time{}, err
	}
	if !live {
		return time.Time{}, fault.New(fault.TokenRevoked, "The session of this token has ended; sign in again.")
	}
	return at.UTC(), nil
}

package postgres

import (
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// scope is the tenant scope of a transaction: its role and its settings for
// row-level security. It is set by the first statement of every transaction, which
// also sets the timeouts and how to plan. All of it ends with the transaction.
//
// A dead session leaves the user empty, so every later statement of the batch fails
// in its policy: nothing is read or written.
type scope struct {
	sql  string
	args []any
	// snapshot makes the transaction read-only, with one snapshot for all queries.
	snapshot bool
	// user is the user of the scope; zero if it is known in PostgreSQL only.
	user auth.UserID
	// shared is true if the scope is a project of another user. Its statements begin with
	// label, so that a connection keeps one plan of each statement for each role: a plan is
	// made anew when the role has changed.
	shared bool
	label  string
	// token is that of the caller; zero with a session.
	token auth.TokenCredential
}

const (
	// The timeouts of a transaction: of a statement, of a wait for a lock, and of a
	// pause between statements. After the last one PostgreSQL ends the connection, so
	// a replica that freezes or is cut off does not keep the locks of a user.
	timeouts = `set_config('statement_timeout', '3s', true), set_config('lock_timeout', '1s', true), set_config('idle_in_transaction_session_timeout', '10s', true), ` + planOnce

	// longTimeouts are for the few statements that touch everything of a user.
	longTimeouts = `set_config('statement_timeout', '60s', true), set_config('lock_timeout', '5s', true), set_config('idle_in_transaction_session_timeout', '60s', true), ` + planOnce

	// exportTimeouts allow for a client that reads slowly. Between two reads an export
	// writes a few parts and up to exportSpecifications specifications, each within 20 s.
	// It locks no rows.
	exportTimeouts = `set_config('statement_timeout', '60s', true), set_config('lock_timeout', '5s', true), set_config('idle_in_transaction_session_timeout', '5min', true), ` + planOnce

	// planOnce is needed behind a pooler; see prepareConn.
	planOnce = `set_config('plan_cache_mode', 'force_generic_plan', true)`

	scopeToSession     = sessionBegin + timeouts + sessionEnd
	scopeToSessionLong = sessionBegin + longTimeouts + sessionEnd
	scopeToExport      = sessionBegin + exportTimeouts + sessionEnd

	sessionBegin = `
SELECT live, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', CASE WHEN live THEN $2::uuid::text ELSE '' END, true), `
	sessionEnd = `
FROM   live_session($1, $2) AS live`

	// A member reads as codegenapp_viewer. A write of a viewer fails because that role may
	// not write.
	sharedRead  = sharedBegin + `'codegenapp_viewer'` + sharedMiddle + timeouts
	sharedWrite = sharedBegin + `CASE role WHEN 'editor' THEN 'codegenapp_editor' ELSE 'codegenapp_viewer' END` + sharedMiddle + timeouts

	sharedBegin = `
SELECT live, role, clock_timestamp(), set_config('app.user_id', CASE WHEN live THEN $2::uuid::text ELSE '' END, true),
       set_config('app.owner_id', CASE WHEN live AND role IS NOT NULL THEN $3::uuid::text ELSE '' END, true),
       set_config('app.project_id', $4::uuid::text, true), set_config('role', `
	sharedMiddle = `, true), `

	sharedOfSession = `
FROM   live_session($1, $2) AS live, member_role($2, $3, $4) AS role`
	sharedOfToken = `
FROM   live_token($2, $1, $5, $6) AS live, member_role($2, $3, $4) AS role, set_config('app.token_id', $1::uuid::text, true)`

	scopeToSignIn = `
SELECT true, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', coalesce(known_user($1, $2), $3::uuid)::text, true), ` + timeouts

	scopeToRefresh = `
SELECT true, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', coalesce(session_owner($1)::text, ''), true), ` + timeouts + `
WHERE  session_owner($1) IS NOT NULL`

	scopeToUser = `
SELECT true, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')::text, true), ` + longTimeouts
)

// scopeTo is the scope of a caller with a live session or API token, for writes.
func scopeTo(actor auth.Actor) scope {
	if !actor.At.IsZero() {
		return scopeToShared(actor, sharedWrite, "/*editor*/ ")
	}
	return scopeOf(actor, scopeToSession, scopeToToken)
}

// scopeToReadOf is the scope of a caller with a live session, for reads.
func scopeToReadOf(actor auth.Actor) scope {
	if !actor.At.IsZero() {
		return scopeToShared(actor, sharedRead, "/*viewer*/ ")
	}
	return scopeTo(actor)
}

// scopeToSnapshotOf is the scope of a caller for reads in several round trips.
func scopeToSnapshotOf(actor auth.Actor) scope {
	in := scopeToReadOf(actor)
	in.snapshot = true
	return in
}

// scopeToShared is the scope of a member of the project that the request is about.
func scopeToShared(actor auth.Actor, sql, label string) scope {
	in := scopeOf(actor, sql+sharedOfSession, sql+sharedOfToken)
	in.args = slices.Insert(in.args, 2, any(actor.At.Owner), any(id.Of[any](actor.At.Project)))
	in.user, in.shared, in.label = actor.At.Owner, true, label
	return in
}

// scopeToAllOf is the scope of a caller for work on everything the caller owns.
func scopeToAllOf(actor auth.Actor) scope {
	return scopeOf(actor, scopeToSessionLong, scopeToTokenLong)
}

// scopeToExportOf is the scope of a caller for reads of everything the caller owns, in
// several round trips.
func scopeToExportOf(actor auth.Actor) scope {
	in := scopeOf(actor, scopeToExport, scopeToTokenExport)
	in.snapshot = true
	return in
}

// scopeToSessionOwner is the scope of the user of a session, live or not. A session
// that does not exist gives no row.
func scopeToSessionOwner(session auth.SessionID) scope {
	return scope{sql: scopeToRefresh, args: []any{session}}
}

// scopeToOwner is the scope of a user without a session: for housekeeping, and for
// tokens whose session may have ended. The zero id is a user that owns nothing.
func scopeToOwner(owner auth.UserID) scope {
	return scope{sql: scopeToUser, args: []any{owner}}
}

// scopeToProfile is the scope of the user with a verified profile, or of newUser if
// the profile is unknown.
func scopeToProfile(p auth.Profile, newUser auth.UserID) scope {
	return scope{sql: scopeToSignIn, args: []any{p.Issuer, p.Subject, newUser}}
}

// errWrongScope means that the result of another statement was read.
var errWrongScope = errors.New("the result is scoped to another user than the statement")

// opened is what the first statement of a transaction returns.
type opened struct {
	// at is the database's time.
	at time.Time
	// role is the actor's in the shared project; empty for another scope.
	role string
}

// projectRole is the actor's role in the project that the request is about.
func (o opened) projectRole() requirements.Role {
	if o.role == "" {
		return requirements.RoleOwner
	}
	return requirements.Role(o.role)
}

// statement is the first statement of a transaction. Its error is TokenRevoked if the
// session or token is dead, InsufficientScope if the token lacks a scope, and
// auth.ErrNotMember if the actor is no member of the shared project. It stores what it read
// in *to, unless to is nil.
func (c scope) statement(to *opened) statement {
	return statement{sql: c.sql, args: c.args, read: func(results pgx.BatchResults) error {
		var live pgtype.Bool
		var user string
		var role string
		var now any // nil is not read
		if to != nil {
			now = &to.at
		}
		var err error
		if c.shared {
			var of *string
			err = results.QueryRow().Scan(&live, &of, now, nil, &user, nil, nil, nil, nil, nil, nil)
			role = orZero(of)
		} else {
			err = results.QueryRow().Scan(&live, now, nil, &user, nil, nil, nil, nil)
		}
		if err != nil {
			return err
		}
		if err := c.checkLive(live); err != nil {
			return err
		}
		switch {
		case c.shared && role == "":
			return auth.ErrNotMember
		case !c.user.IsZero() && c.user.String() != user:
			return errWrongScope
		}
		if to != nil {
			to.at = to.at.UTC()
			to.role = role
		}
		return nil
	}}
}

package postgres

import (
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// The scopes of a caller with an API token. They differ from those of a session in the
// check of the credential, and name the token for the history. A dead token, and one
// without the scope that is needed, leave the user empty.
const (
	scopeToToken       = tokenBegin + timeouts + tokenEnd
	scopeToTokenLong   = tokenBegin + longTimeouts + tokenEnd
	scopeToTokenExport = tokenBegin + exportTimeouts + tokenEnd

	tokenBegin = `
SELECT live, clock_timestamp(), set_config('role', 'codegenapp_app', true),
       set_config('app.user_id', CASE WHEN live THEN $2::uuid::text ELSE '' END, true), `
	tokenEnd = `
FROM   live_token($2, $1, $3, $4) AS live, set_config('app.token_id', $1::uuid::text, true)`
)

// scopeOf is the scope of a caller, whose statement depends on the credential.
func scopeOf(actor auth.Actor, ofSession, ofToken string) scope {
	if actor.Token.IsZero() {
		return scope{sql: ofSession, args: []any{actor.Session, actor.User}, user: actor.User}
	}
	args := []any{actor.Token.ID, actor.User, actor.Token.Hash[:], string(actor.Token.Needs)}
	return scope{sql: ofToken, args: args, user: actor.User, token: actor.Token}
}

// checkLive is the problem of a credential that is not live; of a token also if it is
// live without the scope that is needed, which is NULL.
func (c scope) checkLive(live pgtype.Bool) error {
	switch {
	case live.Valid && live.Bool:
		return nil
	case c.token.IsZero():
		return problem.New(problem.TokenRevoked, "The session of this token has ended; sign in again.")
	case live.Valid:
		return problem.New(problem.TokenRevoked, "The API token was revoked or has expired, or its user was suspended or deleted.")
	default:
		return auth.InsufficientScope(c.token.Needs)
	}
}

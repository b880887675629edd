package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/login"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// The texts of the operations for the contract.
var (
	refreshDoc = doc{
		"refresh", "Sessions", "Refresh the token pair",
		"Exchanges the refresh token for a new pair. If the token comes in the cookie, the new one does too; such a request needs `Content-Type: application/json` and an allowed origin. Each refresh token works once. The one before the newest gets the same successor again for a few seconds, for lost responses and second tabs. Any older token ends the session.",
	}
	logoutDoc = doc{
		"logout", "Sessions", "End this session, or all",
		"Ends the session permanently and at once: after the response no token of it is accepted. Works with the access token, or with the refresh token if that has expired. Repeating it is harmless. A refresh token that was used long before ends its own session and no other, and the response is 401 `refresh_token_reused`. A token in the cookie is accepted under the same conditions as for `POST /auth/refresh`, and the cookie is removed.",
	}
	listSessionsDoc = doc{
		"listSessions", "Sessions", "List your live sessions",
		"Where the account is signed in, newest first.",
	}
	endSessionDoc = doc{
		"endSession", "Sessions", "End one of your sessions",
		"No token of that session is accepted any more.",
	}
)

type refreshIn struct {
	login.Caller
	JSONIn[refreshBody]
}

type refreshBody struct {
	RefreshToken body.Optional[string] `json:"refresh_token,omitempty" sample:"cgr_7Qm2…" minLength:"1" maxLength:"500" doc:"The newest refresh token of the session, unless it is in the cookie."`
}

// refresh is POST /auth/refresh. The new token is in a cookie if the old one was.
func (a *API) refresh(ctx context.Context, in *refreshIn) (*tokenPairOut, error) {
	if token := in.JSON.RefreshToken; token.IsSet() {
		return a.refreshed(ctx, in, token.Value(), false)
	}
	token, err := a.browser.RefreshToken(in.Request())
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, problem.New(problem.RefreshTokenInvalid, "The request has no refresh token, neither in the body nor in a cookie; sign in. Browsers send the cookie only from pages of the same site: localhost and 127.0.0.1 are two.")
	}
	return a.refreshed(ctx, in, token, true)
}

func (a *API) refreshed(ctx context.Context, in *refreshIn, token string, inCookie bool) (*tokenPairOut, error) {
	if err := a.consumeRefresh(ctx, token); err != nil {
		return nil, err
	}
	pair, err := a.Auth.Refresh(ctx, token, in.Client())
	a.Metrics.Refresh(resultOf(err))
	if err != nil {
		return nil, err
	}
	return tokenPairResponse(in.Request(), pair, inCookie), nil
}

type logoutIn struct {
	login.Caller
	Authorization string `header:"Authorization" maxLength:"4096" doc:"The access token, if it has not expired."`
	JSONIn[logoutBody]
}

type logoutBody struct {
	RefreshToken body.Optional[string] `json:"refresh_token,omitempty" maxLength:"500" doc:"Ends its session if the access token has expired; the token may also be in the cookie."`
	AllSessions  body.Optional[bool]   `json:"all_sessions,omitempty" doc:"Ends every session of the user."`
}

type logoutOut struct {
	SetCookie []string `header:"Set-Cookie" doc:"Removes the cookie of the refresh token, if the request has one."`
}

// logout is POST /auth/logout.
func (a *API) logout(ctx context.Context, in *logoutIn) (*logoutOut, error) {
	token := in.JSON.RefreshToken.Value()
	if token == "" {
		fromCookie, err := a.browser.RefreshToken(in.Request())
		switch {
		case err == nil:
			token = fromCookie
		case in.Authorization == "": // with an access token the cookie is not needed
			return nil, err
		}
	}
	if err := a.Auth.Logout(ctx, in.Authorization, token, in.JSON.AllSessions.Value(), in.Client()); err != nil {
		if problem.CodeOf(err) == problem.RefreshTokenReused {
			a.Metrics.Refresh(resultOf(err)) // the same alert as for a refresh
		}
		return nil, err
	}
	return &logoutOut{SetCookie: login.RemoveRefreshCookie(in.Request())}, nil
}

// session is a live session as the contract shows it.
type session struct {
	ID         auth.SessionID `json:"id" format:"uuid"`
	CreatedAt  timestamp      `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	LastUsedAt timestamp      `json:"last_used_at"`
	ExpiresAt  timestamp      `json:"expires_at" sample:"2026-11-23T17:12:10.123456Z"`
	UserAgent  string         `json:"user_agent" sample:"codegen-cli/2.4"`
	IP         string         `json:"ip" example:"203.0.113.7"`
	Current    bool           `json:"current" sample:"true" doc:"Whether it is the session of this request."`
}

type sessionsOut struct {
	Body struct {
		Sessions      []session `json:"sessions"`
		NextPageToken string    `json:"next_page_token" doc:"Always empty: all live sessions fit on one page."`
	}
}

// listSessions is GET /auth/sessions.
func (a *API) listSessions(ctx context.Context, actor auth.Actor, _ *struct{}) (*sessionsOut, error) {
	live, err := a.Auth.Sessions(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &sessionsOut{}
	out.Body.Sessions = each(live, func(s auth.Session) session {
		return session{
			ID: s.ID, CreatedAt: timestamp(s.CreatedAt), LastUsedAt: timestamp(s.LastUsedAt), ExpiresAt: timestamp(s.ExpiresAt),
			UserAgent: s.UserAgent, IP: s.IP, Current: s.ID == actor.Session,
		}
	})
	return out, nil
}

type sessionIn struct {
	ID auth.SessionID `path:"id" format:"uuid"`
}

// endSession is DELETE /auth/sessions/{id}.
func (a *API) endSession(ctx context.Context, actor auth.Actor, in *sessionIn) (*struct{}, error) {
	return nil, a.Auth.EndSession(ctx, actor, in.ID)
}

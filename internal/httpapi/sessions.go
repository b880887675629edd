package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

type refreshIn struct {
	Caller
	Body *struct {
		RefreshToken string `json:"refresh_token,omitempty" minLength:"1" maxLength:"500" doc:"The newest refresh token of the session, unless a cookie brings it."`
	}
}

// refresh is POST /auth/refresh. The successor goes the way that the token came.
func (a *API) refresh(ctx context.Context, in *refreshIn) (*tokenPairOut, error) {
	if in.Body != nil && in.Body.RefreshToken != "" {
		return a.refreshed(ctx, in, in.Body.RefreshToken, false)
	}
	token, err := a.broughtToken(in.request)
	if err != nil {
		return nil, err
	}
	if token == "" {
		return nil, problem.Invalid([]problem.FieldError{{
			Pointer: "/refresh_token", Code: "required", Detail: "This is needed where no cookie brings it.",
		}})
	}
	return a.refreshed(ctx, in, token, true)
}

func (a *API) refreshed(ctx context.Context, in *refreshIn, token string, inCookie bool) (*tokenPairOut, error) {
	if err := a.consumeRefresh(ctx, token); err != nil {
		return nil, err
	}
	grant, err := a.Identity.Refresh(ctx, token, in.from)
	a.Metrics.Refresh(resultOf(err))
	if err != nil {
		return nil, err
	}
	return a.answer(in.request, grant, inCookie), nil
}

type logoutIn struct {
	Caller
	Authorization string `header:"Authorization" maxLength:"4096" doc:"The access token, if it has not expired."`
	Body          *struct {
		RefreshToken string `json:"refresh_token,omitempty" maxLength:"500" doc:"Ends its session where the access token has expired; a cookie does as well."`
		AllSessions  bool   `json:"all_sessions,omitempty" doc:"Ends every session of the user."`
	}
}

type logoutOut struct {
	SetCookie []string `header:"Set-Cookie" doc:"Removes the cookie of the refresh token, where the request has brought one."`
}

// logout is POST /auth/logout.
func (a *API) logout(ctx context.Context, in *logoutIn) (*logoutOut, error) {
	var token string
	var all bool
	if in.Body != nil {
		token, all = in.Body.RefreshToken, in.Body.AllSessions
	}
	if token == "" {
		brought, err := a.broughtToken(in.request)
		switch {
		case err == nil:
			token = brought
		case in.Authorization == "": // with an access token the cookie is not needed
			return nil, err
		}
	}
	if err := a.Identity.Logout(ctx, in.Authorization, token, all, in.from); err != nil {
		return nil, err
	}
	return &logoutOut{SetCookie: a.withoutCookie(in.request)}, nil
}

// session is a live session as the contract shows it.
type session struct {
	ID         auth.SessionID `json:"id" format:"uuid"`
	CreatedAt  timestamp      `json:"created_at"`
	LastUsedAt timestamp      `json:"last_used_at"`
	ExpiresAt  timestamp      `json:"expires_at"`
	UserAgent  string         `json:"user_agent"`
	IP         string         `json:"ip" example:"203.0.113.7"`
	Current    bool           `json:"current" doc:"Whether it is the session of this request."`
}

type sessionsOut struct {
	Body struct {
		Sessions      []session `json:"sessions"`
		NextPageToken string    `json:"next_page_token" doc:"Always empty: all live sessions fit on one page."`
	}
}

// listSessions is GET /auth/sessions.
func (a *API) listSessions(ctx context.Context, actor auth.Actor, _ *struct{}) (*sessionsOut, error) {
	live, err := a.Identity.Sessions(ctx, actor)
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
	return nil, a.Identity.EndSession(ctx, actor, in.ID)
}

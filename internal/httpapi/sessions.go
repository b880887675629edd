package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/identity"
)

type refreshIn struct {
	Caller
	Body struct {
		RefreshToken string `json:"refresh_token" minLength:"1" maxLength:"500" doc:"The newest refresh token of the session."`
	}
}

// refresh is POST /auth/refresh.
func (a *API) refresh(ctx context.Context, in *refreshIn) (*tokenPairOut, error) {
	if err := a.spendRefresh(ctx, in.Body.RefreshToken); err != nil {
		return nil, err
	}
	grant, err := a.Identity.Refresh(ctx, in.Body.RefreshToken, in.from)
	if err != nil {
		return nil, err
	}
	return grantAnswer(grant), nil
}

type logoutIn struct {
	Caller
	Authorization string `header:"Authorization" maxLength:"4096" doc:"The access token, if it has not expired."`
	Body          *struct {
		RefreshToken string `json:"refresh_token,omitempty" maxLength:"500" doc:"Ends its session where the access token has expired."`
		AllSessions  bool   `json:"all_sessions,omitempty" doc:"Ends every session of the user."`
	}
}

// logout is POST /auth/logout.
func (a *API) logout(ctx context.Context, in *logoutIn) (*struct{}, error) {
	if in.Body == nil {
		return nil, a.Identity.Logout(ctx, in.Authorization, "", false, in.from)
	}
	return nil, a.Identity.Logout(ctx, in.Authorization, in.Body.RefreshToken, in.Body.AllSessions, in.from)
}

// session is a live session as the contract shows it.
type session struct {
	ID         identity.SessionID `json:"id" format:"uuid"`
	CreatedAt  timestamp          `json:"created_at"`
	LastUsedAt timestamp          `json:"last_used_at"`
	ExpiresAt  timestamp          `json:"expires_at"`
	UserAgent  string             `json:"user_agent"`
	IP         string             `json:"ip" example:"203.0.113.7"`
	Current    bool               `json:"current" doc:"Whether it is the session of this request."`
}

type sessionsOut struct {
	Body struct {
		Sessions      []session `json:"sessions"`
		NextPageToken string    `json:"next_page_token" doc:"Always empty: all live sessions fit on one page."`
	}
}

// listSessions is GET /auth/sessions.
func (a *API) listSessions(ctx context.Context, actor identity.Actor, _ *struct{}) (*sessionsOut, error) {
	live, err := a.Identity.Sessions(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &sessionsOut{}
	out.Body.Sessions = each(live, func(s identity.Session) session {
		return session{
			ID: s.ID, CreatedAt: timestamp(s.CreatedAt), LastUsedAt: timestamp(s.LastUsedAt), ExpiresAt: timestamp(s.ExpiresAt),
			UserAgent: s.UserAgent, IP: s.IP, Current: s.ID == actor.Session,
		}
	})
	return out, nil
}

type sessionIn struct {
	ID identity.SessionID `path:"id" format:"uuid"`
}

// endSession is DELETE /auth/sessions/{id}.
func (a *API) endSession(ctx context.Context, actor identity.Actor, in *sessionIn) (*struct{}, error) {
	return nil, a.Identity.EndSession(ctx, actor, in.ID)
}

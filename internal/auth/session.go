package auth

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// SessionID identifies a session; access tokens contain it.
type SessionID = id.Of[Session]

// Session is one signed-in device of a user.
type Session struct {
	ID   SessionID
	User UserID
	// Salt makes the refresh tokens of this session differ from those of any other.
	Salt []byte
	// Counter is the number of rotations of the refresh token.
	Counter int32
	// CreatedAt and LastUsedAt are times of the database. If its clock was set back,
	// LastUsedAt may be before CreatedAt.
	CreatedAt, LastUsedAt time.Time
	// ExpiresAt is when the session ends unless it is refreshed. It is never later
	// than EndsAt, the end of its maximum age.
	ExpiresAt, EndsAt time.Time
	// RevokedAt is when the session was revoked; nil for other sessions.
	RevokedAt     *time.Time
	UserAgent, IP string
}

// SessionPolicy limits the lifetime and the number of sessions.
type SessionPolicy struct {
	// Idle is the lifetime of a session without a refresh; MaxAge is its maximum
	// age.
	Idle, MaxAge time.Duration
	// ReuseGrace is how long the immediate predecessor of a refresh token still
	// gets the same successor.
	ReuseGrace time.Duration
	// PerUser is the maximum number of live sessions of a user.
	PerUser int
	// Admins are the verified e-mail addresses whose users become admins when they
	// sign in.
	Admins []string
}

// CheckSession returns nil if the actor's session or API token is live, else
// TokenRevoked, or InsufficientScope for a token without the scope that it needs.
func (s *Service) CheckSession(ctx context.Context, actor Actor) error {
	return s.store.CheckSession(ctx, actor)
}

// Sessions returns the actor's live sessions, from the newest to the oldest.
func (s *Service) Sessions(ctx context.Context, actor Actor) ([]Session, error) {
	return s.store.Sessions(ctx, actor)
}

// EndSession revokes one of the actor's live sessions, or returns
// SessionNotFound.
func (s *Service) EndSession(ctx context.Context, actor Actor, session SessionID) error {
	return s.invalidateAfter(ctx, actor.User, func() error {
		return s.store.EndSession(ctx, actor, session, actor.sessionEvent(SessionRevoked, session))
	})
}

// Logout revokes the session of an Authorization header. If the access token is
// missing or expired it revokes the session of the refresh token. If all is
// true, every session of the user is revoked. Logout is complete when it
// returns, and it is idempotent.
//
// A reused refresh token is RefreshTokenReused. It revokes its own session and no
// other, as in Refresh.
func (s *Service) Logout(ctx context.Context, authorization, refreshToken string, all bool, from Client) error {
	ctx, cancel := detached(ctx)
	defer cancel()
	actor, err := s.Authenticate(authorization)
	if err == nil && !actor.Token.IsZero() {
		err = NeedsSession()
	}
	if err != nil {
		if refreshToken == "" {
			return err
		}
		var expired bool
		if actor, expired, err = s.ownerOf(ctx, refreshToken, from); err != nil || expired {
			return err // an expired session is over, and must not end other sessions
		}
	}
	actor.From = from
	return s.invalidateAfter(ctx, actor.User, func() error {
		return s.store.EndOwnSession(ctx, actor, all, func(session SessionID) Event {
			return actor.sessionEvent(SessionEnded, session)
		})
	})
}

// ownerOf returns the actor of a refresh token, whatever the state of the session, and
// whether the session has expired. A reused token revokes its session.
func (s *Service) ownerOf(ctx context.Context, refreshToken string, from Client) (a Actor, expired bool, err error) {
	p, err := parseRefresh(refreshToken)
	if err != nil {
		return Actor{}, false, err
	}
	state := neverIssued
	user, err := s.store.ChangeSession(ctx, p.session, func(before Session, at time.Time) SessionChange {
		change := SessionChange{After: before}
		if state = s.refresh.stateOf(p, before, at, s.rules); state == reused {
			change.After.RevokedAt, change.Changed, change.Event = &at, true, new(reuseEvent(before, from))
		}
		return change
	})
	switch {
	case problem.CodeOf(err) == problem.SessionNotFound || err == nil && state == neverIssued:
		return Actor{}, false, refreshInvalid(err)
	case err == nil && state == reused:
		if err = s.invalidate(ctx, user.ID); err == nil {
			err = errReused()
		}
	}
	return Actor{User: user.ID, Session: p.session}, state == ofExpiredSession, err
}

// detachedTimeout limits work that continues after the client has disconnected.
const detachedTimeout = 5 * time.Second

// detached returns a context for work that must complete even if the client
// disconnects.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), detachedTimeout)
}

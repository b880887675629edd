package auth

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// stubborn is ctx for what has to be done whether the caller waits or not.
func stubborn(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), stubbornFor)
}

// stubbornFor bounds work that goes on without its caller.
const stubbornFor = 5 * time.Second

// Refresh exchanges a refresh token for a new pair. What it decides is kept even
// when the caller does not wait for the answer: a token that was used twice ends
// its session whoever goes away.
func (s *Service) Refresh(ctx context.Context, token string, from Client) (TokenPair, error) {
	p, err := parseRefresh(token)
	if err != nil {
		return TokenPair{}, err
	}
	var decided rotation
	var at time.Time
	ctx, cancel := stubborn(ctx)
	defer cancel()
	user, err := s.store.ChangeSession(ctx, p.session, func(before Session, now time.Time) SessionChange {
		at = now
		decided = s.refresh.rotate(p, before, now, s.rules)
		change := SessionChange{After: decided.session, Changed: decided.changed}
		if decided.changed && decided.fault != nil {
			owner := Actor{User: before.User, Session: before.ID, From: from}
			change.Event = new(owner.aboutSession(RefreshReused, before.ID))
		}
		return change
	})
	if problem.CodeOf(err) == problem.SessionNotFound {
		return TokenPair{}, refreshInvalid(err)
	}
	if err != nil {
		return TokenPair{}, err
	}
	if decided.fault != nil {
		if decided.changed { // the session has ended
			if err := s.invalidate(ctx, user.ID); err != nil {
				return TokenPair{}, err
			}
		}
		return TokenPair{}, decided.fault
	}
	return s.grant(user, decided.session, at)
}

// Logout ends the session of an Authorization header, or of a refresh token
// where the access token has expired or is not given; of the user's sessions all
// if that is asked. It is done when it returns, and twice is as good as once.
func (s *Service) Logout(ctx context.Context, authorization, refreshToken string, all bool, from Client) error {
	ctx, cancel := stubborn(ctx)
	defer cancel()
	actor, err := s.Authenticate(authorization)
	if err != nil {
		if refreshToken == "" {
			return err
		}
		var expired bool
		if actor, expired, err = s.bearerOf(ctx, refreshToken); err != nil || expired {
			return err // what has expired is over as it is, and ends nothing else
		}
	}
	actor.From = from
	return s.invalidateAfter(ctx, actor.User, func() error {
		return s.store.EndOwnSession(ctx, actor, all, func(session SessionID) Event {
			return actor.aboutSession(SessionEnded, session)
		})
	})
}

// bearerOf is who holds a refresh token that was issued at some time, whatever
// has become of its session, and whether that has expired.
func (s *Service) bearerOf(ctx context.Context, refreshToken string) (a Actor, expired bool, err error) {
	p, err := parseRefresh(refreshToken)
	if err != nil {
		return Actor{}, false, err
	}
	issued := false
	user, err := s.store.ChangeSession(ctx, p.session, func(before Session, at time.Time) SessionChange {
		issued = s.refresh.issued(p, before)
		expired = !at.Before(before.ExpiresAt)
		return SessionChange{After: before}
	})
	if problem.CodeOf(err) == problem.SessionNotFound || err == nil && !issued {
		return Actor{}, false, refreshInvalid(err)
	}
	return Actor{User: user.ID, Session: p.session}, expired, err
}

// Sessions lists the actor's live sessions, the newest first.
func (s *Service) Sessions(ctx context.Context, actor Actor) ([]Session, error) {
	return s.store.Sessions(ctx, actor)
}

// EndSession ends one of the actor's live sessions, else it is SessionNotFound.
func (s *Service) EndSession(ctx context.Context, actor Actor, session SessionID) error {
	return s.invalidateAfter(ctx, actor.User, func() error {
		return s.store.EndSession(ctx, actor, session, actor.aboutSession(SessionRevoked, session))
	})
}

package identity

import (
	"context"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
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
func (s *Service) Refresh(ctx context.Context, token string) (Grant, error) {
	p, err := parseRefresh(token)
	if err != nil {
		return Grant{}, err
	}
	var decided rotation
	var at time.Time
	ctx, cancel := stubborn(ctx)
	defer cancel()
	user, err := s.store.ChangeSession(ctx, p.session, func(before Session, now time.Time) (Session, bool) {
		at = now
		decided = s.refresh.rotate(p, before, now, s.rules)
		return decided.session, decided.changed
	})
	if fault.CodeOf(err) == fault.SessionNotFound {
		return Grant{}, refreshInvalid(err)
	}
	if err != nil {
		return Grant{}, err
	}
	if decided.fault != nil {
		return Grant{}, decided.fault
	}
	return s.grant(user, decided.session, at)
}

// Logout ends the session of an Authorization header, or of a refresh token
// where the access token has expired or is not given; of the user's sessions all
// if that is asked. It is done when it returns, and twice is as good as once.
func (s *Service) Logout(ctx context.Context, authorization, refreshToken string, all bool) error {
	ctx, cancel := stubborn(ctx)
	defer cancel()
	actor, err := s.Authenticate(authorization)
	if err == nil {
		return s.store.EndOwnSession(ctx, actor, all)
	}
	if refreshToken == "" {
		return err
	}
	p, err := parseRefresh(refreshToken)
	if err != nil {
		return err
	}
	issued := false
	user, err := s.store.ChangeSession(ctx, p.session, func(before Session, at time.Time) (Session, bool) {
		issued = s.refresh.issued(p, before)
		live := issued && before.RevokedAt == nil
		if live {
			before.RevokedAt = &at
		}
		return before, live && !all
	})
	switch {
	case fault.CodeOf(err) == fault.SessionNotFound || err == nil && !issued:
		return refreshInvalid(err)
	case err != nil || !all:
		return err
	}
	return s.store.EndOwnSession(ctx, Actor{User: user.ID, Session: p.session}, true)
}

// Sessions lists the actor's live sessions, the newest first.
func (s *Service) Sessions(ctx context.Context, actor Actor) ([]Session, error) {
	return s.store.Sessions(ctx, actor)
}

// EndSession ends one of the actor's live sessions, else it is SessionNotFound.
func (s *Service) EndSession(ctx context.Context, actor Actor, session SessionID) error {
	return s.store.EndSession(ctx, actor, session)
}

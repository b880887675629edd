// Package auth holds the rules of authentication and authorization: users,
// roles, sessions, the tokens of sessions, and the audit log.
//
// It depends on neither HTTP nor SQL nor any identity provider. It needs storage
// through [Store] (package postgres) and verified sign-ins through [Provider]
// (package google).
package auth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// Service executes the use cases of the API that concern users and sessions.
type Service struct {
	store    Store
	provider Provider
	access   *AccessTokens
	refresh  *RefreshTokens
	cache    Invalidator
	rules    SessionPolicy
	log      *slog.Logger
	// anonymous bounds the audit events of rejected sign-ins.
	anonymous eventBudget
}

// Invalidator is a cache of what users read, and of which sessions are live.
type Invalidator interface {
	// Invalidate ends all that is cached of a user, at every replica, before it
	// returns. An error means that some replicas may not have ended it.
	Invalidate(ctx context.Context, user UserID) error
}

// NewService returns the rules over a store, a provider of sign-ins, and a cache. The
// cache is nil if nothing is cached.
func NewService(store Store, provider Provider, access *AccessTokens, refresh *RefreshTokens, cache Invalidator, rules SessionPolicy, log *slog.Logger) *Service {
	return &Service{store: store, provider: provider, access: access, refresh: refresh, cache: cache, rules: rules, log: log}
}

// invalidateAfter invalidates what is cached of a user after work, which ends
// sessions or changes what the user may do. It does so even if work fails or panics,
// since work may have been committed all the same.
func (s *Service) invalidateAfter(ctx context.Context, user UserID, work func() error) (err error) {
	defer func() {
		if invalidated := s.invalidate(ctx, user); err == nil {
			err = invalidated
		}
	}()
	return work()
}

// invalidate ends all that is cached of a user. If it fails, the change before it is
// done all the same, and the caller has to repeat the request.
func (s *Service) invalidate(ctx context.Context, user UserID) error {
	if s.cache == nil {
		return nil
	}
	err := s.cache.Invalidate(context.WithoutCancel(ctx), user)
	if err == nil {
		return nil
	}
	f := problem.New(problem.Unavailable, "This is done, but a server may not have been notified yet. Repeat the request shortly.")
	f.RetryAfter = time.Second
	return f.Because(err)
}

// Actor is the author of a request: the user and session of a verified access
// token. The store checks in the same round trip as the work that the session is
// live.
type Actor struct {
	User    UserID
	Session SessionID
	// From is the client, for the audit log.
	From Client
	// At is the shared project that the request is about. It is zero for a request about
	// what the actor owns.
	At Location
}

// Location is a project of another user. It never changes, so it may be remembered, but it
// gives no right: the store reads the membership of the actor in the same round trip as
// the work.
type Location struct {
	Owner   UserID
	Project [16]byte
}

// ErrNotMember means that the actor is no member of the project at a location.
var ErrNotMember = errors.New("the actor is no member of the project")

// Locate returns where a thing is that is shared with the actor, or ErrNotMember. The kind
// is that of paths: projects, specs, items, baselines.
func (s *Service) Locate(ctx context.Context, actor Actor, kind string, thing [16]byte) (Location, error) {
	return s.store.Locate(ctx, actor, kind, thing)
}

// IsZero reports whether it is no location.
func (l Location) IsZero() bool { return l == Location{} }

// Owner returns the user whose content the request is about.
func (a Actor) Owner() UserID {
	if a.At.IsZero() {
		return a.User
	}
	return a.At.Owner
}

// Client describes the origin of a request. It is stored with a session, so that
// the user can recognize the device, and with each audit event.
type Client struct {
	UserAgent, IP string
	// RequestID identifies the request in the log.
	RequestID string
}

// Authenticate returns the actor of an Authorization header (RFC 6750), or
// TokenMissing, TokenInvalid or TokenExpired.
func (s *Service) Authenticate(authorization string) (Actor, error) {
	token, err := s.accessToken(authorization)
	return Actor{User: token.user, Session: token.session}, err
}

// ValidUntil returns when the token of an Authorization header expires.
func (s *Service) ValidUntil(authorization string) (time.Time, error) {
	token, err := s.accessToken(authorization)
	return time.Unix(token.expires, 0), err
}

func (s *Service) accessToken(authorization string) (cachedToken, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimLeft(token, " ") // one blank or more (RFC 9110, section 11.4)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return cachedToken{}, problem.New(problem.TokenMissing, "An access token is required: sign in, then send Authorization: Bearer <access_token>.")
	}
	return s.access.verify(token)
}

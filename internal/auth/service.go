// Package auth holds the rules of authentication and authorization: users,
// roles, sessions, the tokens of sessions, and the audit log.
//
// It knows neither HTTP nor SQL nor any identity provider. It needs storage
// through [Store] (package postgres) and verified sign-ins through [Provider]
// (package google).
package auth

import (
	"cmp"
	"context"
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
	gate     Gate
	rules    SessionPolicy
	log      *slog.Logger
}

// NewService returns the rules over a store, a provider of sign-ins, and the gate
// that remembers who is signed in.
func NewService(store Store, provider Provider, access *AccessTokens, refresh *RefreshTokens, gate Gate, rules SessionPolicy, log *slog.Logger) *Service {
	return &Service{store, provider, access, refresh, gate, rules, log}
}

// change changes something of a user: it is told to all who may remember it
// before it begins, and again before it is answered.
func (s *Service) change(ctx context.Context, user UserID, work func() error) (err error) {
	mark := s.gate.Enter(ctx, Entry{Slot: slotOf(user), Changes: true}).Mark
	defer func() { err = cmp.Or(err, s.changed(ctx, user, mark)) }() // of one that panicked, too
	return work()
}

// changed tells that something of a user has changed. When nobody can be told the
// change is done even so, and whoever asked for it has to ask again.
func (s *Service) changed(ctx context.Context, user UserID, mark Mark) error {
	err := s.gate.Changed(context.WithoutCancel(ctx), slotOf(user), mark)
	if err == nil {
		return nil
	}
	f := problem.New(problem.Unavailable, "This is done, but not every server may know of it yet. Repeat the request shortly.")
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
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Actor{}, problem.New(problem.TokenMissing, "An access token is required: sign in, then send Authorization: Bearer <access_token>.")
	}
	return s.access.Verify(token)
}

package identity

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/id"
)

// Store keeps users and sessions. Package postgres implements it.
type Store interface {
	// SignIn runs decide while the user of the profile is locked, then keeps
	// what it returns, and that the ID token was used. Somebody who has not
	// signed in before gets the id newcomer. Of the user's live sessions more
	// than perUser end, the oldest first.
	//
	// A token that was used before is GoogleTokenInvalid.
	SignIn(ctx context.Context, p Profile, newcomer UserID, perUser int, decide Admission) (User, Session, error)
	// User reads the actor's own row.
	User(ctx context.Context, actor Actor) (User, error)
	// Rename sets the actor's name and returns the row after it.
	Rename(ctx context.Context, actor Actor, name Name) (User, error)
	// DeleteAccount removes the actor's row and everything below it.
	DeleteAccount(ctx context.Context, actor Actor) error
	// ChangeSession runs decide while the session is locked, keeps what it
	// returns if that is changed, and returns the user. A session that is not
	// there is SessionNotFound.
	ChangeSession(ctx context.Context, session SessionID, decide func(before Session, at time.Time) (after Session, changed bool)) (User, error)
	// Sessions reads the actor's live sessions, the newest first.
	Sessions(ctx context.Context, actor Actor) ([]Session, error)
	// EndSession ends one live session of the actor, else SessionNotFound.
	EndSession(ctx context.Context, actor Actor, session SessionID) error
	// EndOwnSession ends the actor's session, live or not; if all is asked and
	// it is live, every session of the user.
	EndOwnSession(ctx context.Context, actor Actor, all bool) error
	// CheckSession is nil while the actor's session is live, else TokenRevoked.
	CheckSession(ctx context.Context, actor Actor) error
}

// Admission decides about a verified sign-in: who it is, and the session it
// begins. known is nil for somebody who has not signed in before; at is the
// database's time.
type Admission func(known *User, at time.Time) (User, Session, error)

// Service is what the API asks about callers.
type Service struct {
	store    Store
	verifier Verifier
	access   *AccessTokens
	refresh  *RefreshTokens
	rules    SessionRules
}

// SessionRules bound the life of sessions.
type SessionRules struct {
	// Idle is how long a session lives without a refresh, MaxAge in all.
	Idle, MaxAge time.Duration
	// ReuseGrace is how long the immediate predecessor of a refresh token gets
	// the same successor again.
	ReuseGrace time.Duration
	// PerUser is how many live sessions a user has at most.
	PerUser int
}

// NewService returns the rules over a store and a verifier of sign-ins.
func NewService(store Store, verifier Verifier, access *AccessTokens, refresh *RefreshTokens, rules SessionRules) *Service {
	return &Service{store, verifier, access, refresh, rules}
}

// Grant is a token pair and whom it is for.
type Grant struct {
	AccessToken    string
	AccessExpires  time.Duration
	RefreshToken   string
	RefreshExpires time.Duration
	Session        Session
	User           User
}

// SignIn verifies an ID token, makes the user at the first time, and begins a
// session.
func (s *Service) SignIn(ctx context.Context, rawIDToken, nonce string, client Client) (Grant, error) {
	profile, err := s.verifier.Verify(ctx, rawIDToken, nonce)
	if err != nil {
		return Grant{}, err
	}
	newcomer := id.New[User]()
	user, session, err := s.store.SignIn(ctx, profile, newcomer, s.rules.PerUser, func(known *User, at time.Time) (User, Session, error) {
		if known == nil {
			known = &User{ID: newcomer, Issuer: profile.Issuer, Subject: profile.Subject, Name: profile.Name, Role: RoleUser, CreatedAt: at}
		}
		return s.rules.admit(profile, *known, client, at)
	})
	if err != nil {
		return Grant{}, err
	}
	return s.grant(user, session, session.CreatedAt)
}

// grant issues the token pair of a session at a time.
func (s *Service) grant(user User, session Session, at time.Time) (Grant, error) {
	access, lifetime, err := s.access.Issue(Actor{User: user.ID, Session: session.ID})
	if err != nil {
		return Grant{}, err
	}
	return Grant{
		AccessToken: access, AccessExpires: lifetime,
		RefreshToken: s.refresh.Token(session), RefreshExpires: session.ExpiresAt.Sub(at),
		Session: session, User: user,
	}, nil
}

// admit begins a session of the user, who takes over what the provider says now
// but for the name, which its owner may have changed here.
func (r SessionRules) admit(p Profile, user User, client Client, at time.Time) (User, Session, error) {
	if user.SuspendedAt != nil {
		return User{}, Session{}, fault.New(fault.AccountSuspended, "This account is suspended.")
	}
	user.Email, user.LastLoginAt, user.PictureURL = p.Email, at, nil
	if p.Picture != "" {
		user.PictureURL = &p.Picture
	}
	session := Session{
		ID: id.New[Session](), User: user.ID, Salt: make([]byte, 16),
		CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(min(r.Idle, r.MaxAge)), EndsAt: at.Add(r.MaxAge),
		UserAgent: client.UserAgent, IP: client.IP,
	}
	_, err := rand.Read(session.Salt)
	return user, session, err
}

// Authenticate returns the actor of an Authorization header (RFC 6750). Its
// faults are TokenMissing, TokenInvalid and TokenExpired.
func (s *Service) Authenticate(authorization string) (Actor, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Actor{}, fault.New(fault.TokenMissing, "This needs an access token: sign in, then send Authorization: Bearer <access_token>.")
	}
	return s.access.Verify(token)
}

// CheckSession is nil while the actor's session is live.
func (s *Service) CheckSession(ctx context.Context, actor Actor) error {
	return s.store.CheckSession(ctx, actor)
}

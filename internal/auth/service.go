package auth

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Service is what the API asks about callers.
type Service struct {
	store    Store
	provider Provider
	access   *AccessTokens
	refresh  *RefreshTokens
	cache    Invalidator
	rules    SessionPolicy
	log      *slog.Logger
}

// SessionPolicy bound the life of sessions.
type SessionPolicy struct {
	// Idle is how long a session lives without a refresh, MaxAge in all.
	Idle, MaxAge time.Duration
	// ReuseGrace is how long the immediate predecessor of a refresh token gets
	// the same successor again.
	ReuseGrace time.Duration
	// PerUser is how many live sessions a user has at most.
	PerUser int
	// Admins are the verified addresses whose users get RoleAdmin when they sign
	// in.
	Admins []string
}

// Invalidator is a cache of what users read, and of which sessions are live.
type Invalidator interface {
	// Invalidate ends all that is cached of a user, at every replica, before it
	// returns. Its error says that replicas may not have ended it.
	Invalidate(ctx context.Context, user UserID) error
}

// NewService returns the rules over a store, a provider of sign-ins, and a cache; nil
// if nothing is cached.
func NewService(store Store, provider Provider, access *AccessTokens, refresh *RefreshTokens, cache Invalidator, rules SessionPolicy, log *slog.Logger) *Service {
	return &Service{store, provider, access, refresh, cache, rules, log}
}

// TokenPair is a token pair and whom it is for.
type TokenPair struct {
	AccessToken    string
	AccessExpires  time.Duration
	RefreshToken   string
	RefreshExpires time.Duration
	Session        Session
	User           User
}

// begin begins a session of whom the profile speaks of.
func (s *Service) begin(ctx context.Context, profile Profile, from Client) (TokenPair, error) {
	newcomer := id.New[User]()
	user, session, err := s.store.SignIn(ctx, profile, newcomer, s.rules.PerUser, func(known *User, at time.Time) (SignInResult, error) {
		return s.rules.admit(profile, known, newcomer, from, at)
	})
	if err != nil {
		return TokenPair{}, s.noteRefusal(ctx, from, err)
	}
	// An older session may have ended for it, and the user be called otherwise.
	if err := s.invalidate(ctx, user.ID); err != nil {
		return TokenPair{}, err
	}
	return s.grant(user, session, session.CreatedAt)
}

// invalidateAfter invalidates what is cached of a user when work is over: work ends
// sessions, or changes what the user may do. It does so even if work fails or panics,
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

// noteRefusal keeps in the audit that a sign-in was refused, unless that was our
// own fault.
func (s *Service) noteRefusal(ctx context.Context, from Client, err error) error {
	switch code := problem.CodeOf(err); code.Doc().Kind {
	case problem.KindUnauthenticated, problem.KindPermissionDenied:
		event := Event{ID: id.New[Event](), Action: SessionRefused, ResourceType: "session", From: from}
		return s.keep(ctx, event.with("code", string(code)), err)
	default:
		return err
	}
}

// grant issues the token pair of a session at a time.
func (s *Service) grant(user User, session Session, at time.Time) (TokenPair, error) {
	left := session.ExpiresAt.Sub(at)
	access, lifetime, err := s.access.issueWithin(Actor{User: user.ID, Session: session.ID}, left)
	if err != nil {
		return TokenPair{}, err
	}
	return TokenPair{
		AccessToken: access, AccessExpires: lifetime,
		RefreshToken: s.refresh.Token(session), RefreshExpires: left,
		Session: session, User: user,
	}, nil
}

// admit begins a session of a known user, or of a newcomer. The user takes over
// what the provider says now but for the name, which its owner may have changed
// here.
func (r SessionPolicy) admit(p Profile, known *User, newcomer UserID, from Client, at time.Time) (SignInResult, error) {
	a := SignInResult{User: User{ID: newcomer, Issuer: p.Issuer, Subject: p.Subject, Name: p.Name, Role: RoleUser, CreatedAt: at}}
	if known != nil {
		a.User = *known
	}
	if a.User.SuspendedAt != nil {
		return SignInResult{}, problem.New(problem.AccountSuspended, "This account is suspended.")
	}
	a.User.Email, a.User.LastLoginAt, a.User.PictureURL = p.Email, at, nil
	if p.Picture != "" {
		a.User.PictureURL = &p.Picture
	}
	a.Session = Session{
		ID: id.New[Session](), User: a.User.ID, Salt: make([]byte, 16),
		CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(min(r.Idle, r.MaxAge)), EndsAt: at.Add(r.MaxAge),
		UserAgent: from.UserAgent, IP: from.IP,
	}
	actor := Actor{User: a.User.ID, Session: a.Session.ID, From: from}
	if known == nil {
		a.Events = append(a.Events, actor.aboutUser(UserCreated, actor.User))
	}
	a.Events = append(a.Events, actor.aboutSession(SessionCreated, actor.Session))
	if a.User.Role != RoleAdmin && r.appoints(p.Email) {
		a.Events = append(a.Events, actor.aboutUser(UserRoleChanged, actor.User).
			with("from", string(a.User.Role)).with("to", string(RoleAdmin)).with("by", "ADMIN_EMAILS"))
		a.User.Role, a.GrantedAdmin = RoleAdmin, true
	}
	_, err := rand.Read(a.Session.Salt)
	return a, err
}

// appoints reports whether an address is one of the admins'. Letters of the same
// length in bytes are compared, so that no look-alike folds into an ASCII one.
func (r SessionPolicy) appoints(email string) bool {
	return slices.ContainsFunc(r.Admins, func(admin string) bool {
		return len(admin) == len(email) && strings.EqualFold(admin, email)
	})
}

// Authenticate returns the actor of an Authorization header (RFC 6750). Its
// faults are TokenMissing, TokenInvalid and TokenExpired.
func (s *Service) Authenticate(authorization string) (Actor, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return Actor{}, problem.New(problem.TokenMissing, "This needs an access token: sign in, then send Authorization: Bearer <access_token>.")
	}
	return s.access.Verify(token)
}

// CheckSession is nil while the actor's session is live.
func (s *Service) CheckSession(ctx context.Context, actor Actor) error {
	return s.store.CheckSession(ctx, actor)
}

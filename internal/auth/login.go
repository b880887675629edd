package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Profile is the verified identity that a provider reports at a sign-in. Issuer
// and Subject identify the person; Email does not, because addresses change
// hands.
type Profile struct {
	Issuer, Subject string
	Email           string
	Name            string
	// Picture is an https URL, or empty.
	Picture string
	// Token is the SHA-256 of the ID token, so that it signs in only once.
	Token [32]byte
	// Expires is when the ID token is no longer accepted.
	Expires time.Time
}

// AuthorizationRequest is an authorization request of OAuth 2.0 with PKCE. Its random
// values bind the authorization code to the browser that started the sign-in.
type AuthorizationRequest struct {
	// RedirectURI is where the provider sends the browser with the code.
	RedirectURI string
	// State is returned together with the code.
	State string
	// Nonce is returned in the ID token; if it is empty the nonce is not checked.
	Nonce string
	// Verifier proves that the client which redeems the code also requested it
	// (RFC 7636).
	Verifier string
}

// NewAuthorizationRequest returns an authorization request with new random values.
func NewAuthorizationRequest(redirectURI string) AuthorizationRequest {
	// A verifier has at least 43 characters.
	return AuthorizationRequest{RedirectURI: redirectURI, State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text()}
}

// ErrNoCodeFlow means that this server exchanges no authorization codes: it has no OAuth
// client, or its issuer has no token endpoint. Repeating the request does not help.
var ErrNoCodeFlow = errors.New("no OAuth client is configured whose issuer exchanges authorization codes")

// Provider is an identity provider. Package google implements it.
type Provider interface {
	// Verify returns the profile of an ID token. If nonce is not empty, the token
	// must contain it.
	//
	// It returns GoogleTokenInvalid, EmailNotVerified, DomainNotAllowed, or
	// Unavailable if the provider's keys cannot be fetched.
	Verify(ctx context.Context, rawIDToken, nonce string) (Profile, error)
	// ExchangeCode exchanges an authorization code for an ID token and returns its
	// profile.
	//
	// It returns the errors of Verify: also GoogleTokenInvalid for a code that the
	// provider rejects, and Unavailable if the provider cannot be reached. Without an
	// OAuth client it returns ErrNoCodeFlow.
	ExchangeCode(ctx context.Context, code string, of AuthorizationRequest) (Profile, error)
	// AuthCodeURL returns the URL of the provider's sign-in page, or Unavailable or
	// ErrNoCodeFlow.
	AuthCodeURL(ctx context.Context, of AuthorizationRequest) (string, error)
}

// TokenPair is the result of a sign-in or a refresh.
type TokenPair struct {
	AccessToken    string
	AccessExpires  time.Duration
	RefreshToken   string
	RefreshExpires time.Duration
	Session        Session
	User           User
}

// SignIn verifies an ID token, creates the user at the first sign-in, and starts
// a session. A rejected sign-in is recorded in the audit log.
func (s *Service) SignIn(ctx context.Context, rawIDToken, nonce string, from Client) (TokenPair, error) {
	profile, err := s.provider.Verify(ctx, rawIDToken, nonce)
	if err != nil {
		return TokenPair{}, s.auditRejected(ctx, from, err)
	}
	return s.startSession(ctx, profile, from)
}

// SignInByCode is SignIn with the authorization code of an AuthorizationRequest.
func (s *Service) SignInByCode(ctx context.Context, code string, of AuthorizationRequest, from Client) (TokenPair, error) {
	profile, err := s.provider.ExchangeCode(ctx, code, of)
	if err != nil {
		return TokenPair{}, s.auditRejected(ctx, from, err)
	}
	return s.startSession(ctx, profile, from)
}

// AuthCodeURL returns the URL of the provider's sign-in page.
func (s *Service) AuthCodeURL(ctx context.Context, of AuthorizationRequest) (string, error) {
	return s.provider.AuthCodeURL(ctx, of)
}

// startSession starts a session for a verified profile.
func (s *Service) startSession(ctx context.Context, profile Profile, from Client) (TokenPair, error) {
	newUserID := id.New[User]()
	user, session, err := s.store.SignIn(ctx, profile, newUserID, s.rules.PerUser, func(known *User, at time.Time) (SignInResult, error) {
		return s.rules.decideSignIn(profile, known, newUserID, from, at)
	})
	if err != nil {
		return TokenPair{}, s.auditRejected(ctx, from, err)
	}
	// The sign-in may have revoked an older session and changed the user's e-mail.
	if err := s.invalidate(ctx, user.ID); err != nil {
		return TokenPair{}, err
	}
	return s.tokenPair(user, session, session.CreatedAt)
}

// tokenPair issues the tokens of a session.
func (s *Service) tokenPair(user User, session Session, at time.Time) (TokenPair, error) {
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

// decideSignIn returns the new session of a known or new user. The provider's
// present data replaces the stored data, except for the name, which the user may
// have changed here.
func (r SessionPolicy) decideSignIn(p Profile, known *User, newUserID UserID, from Client, at time.Time) (SignInResult, error) {
	result := SignInResult{User: User{ID: newUserID, Issuer: p.Issuer, Subject: p.Subject, Name: p.Name, Role: RoleUser, CreatedAt: at}}
	if known != nil {
		result.User = *known
	}
	if result.User.SuspendedAt != nil {
		return SignInResult{}, problem.New(problem.AccountSuspended, "This account is suspended.")
	}
	result.User.Email, result.User.LastLoginAt, result.User.PictureURL = p.Email, at, nil
	if p.Picture != "" {
		result.User.PictureURL = &p.Picture
	}
	result.Session = Session{
		ID: id.New[Session](), User: result.User.ID, Salt: make([]byte, 16),
		CreatedAt: at, LastUsedAt: at, ExpiresAt: at.Add(min(r.Idle, r.MaxAge)), EndsAt: at.Add(r.MaxAge),
		UserAgent: from.UserAgent, IP: from.IP,
	}
	actor := Actor{User: result.User.ID, Session: result.Session.ID, From: from}
	if known == nil {
		result.Events = append(result.Events, actor.userEvent(UserCreated, actor.User))
	}
	result.Events = append(result.Events, actor.sessionEvent(SessionCreated, actor.Session))
	result.ExcessEvent = func(old SessionID) Event { return actor.sessionEvent(SessionRevoked, old).with("by", "session_limit") }
	if result.User.Role != RoleAdmin && r.grantsAdmin(p.Email) {
		result.Events = append(result.Events, actor.userEvent(UserRoleChanged, actor.User).
			with("from", string(result.User.Role)).with("to", string(RoleAdmin)).with("by", "ADMIN_EMAILS"))
		result.User.Role, result.GrantedAdmin = RoleAdmin, true
	}
	_, err := rand.Read(result.Session.Salt)
	return result, err
}

// grantsAdmin reports whether an address is one of the admins'. Both must have
// the same length in bytes, so that no Unicode look-alike folds to an ASCII
// letter.
func (r SessionPolicy) grantsAdmin(email string) bool {
	return slices.ContainsFunc(r.Admins, func(admin string) bool {
		return len(admin) == len(email) && strings.EqualFold(admin, email)
	})
}

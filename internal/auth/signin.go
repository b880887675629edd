package auth

import (
	"context"
	"crypto/rand"
	"time"
)

// Profile is what an identity provider says of a person who signs in, after
// everything about it was verified. A person is known by Issuer and Subject,
// never by Email, which may change hands.
type Profile struct {
	Issuer, Subject string
	Email           string
	Name            string
	// Picture is an https URL, or empty.
	Picture string
	// Token is the SHA-256 of the ID token, so that it signs in only once.
	Token [32]byte
	// Expires is when the ID token would stop being accepted anyway.
	Expires time.Time
}

// AuthRequest is a sign-in on the provider's own page: the authorization code flow
// with PKCE. What is random in it binds the code that comes back to the browser
// that the attempt began in.
type AuthRequest struct {
	// RedirectURI is where the provider sends the browser with the code.
	RedirectURI string
	// State comes back beside the code.
	State string
	// Nonce comes back in the ID token; where it is empty, any or none does.
	Nonce string
	// Verifier proves that the code is exchanged by who asked for it (RFC 7636).
	Verifier string
}

// NewAuthRequest begins an attempt.
func NewAuthRequest(redirectURI string) AuthRequest {
	// A verifier has at least 43 characters.
	return AuthRequest{RedirectURI: redirectURI, State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text()}
}

// Provider is where people prove who they are. Package google implements it.
type Provider interface {
	// Verify returns whom rawIDToken speaks of. If nonce is not empty the
	// token must carry it.
	//
	// Its faults are GoogleTokenInvalid, EmailNotVerified, DomainNotAllowed,
	// and Unavailable when the provider's keys cannot be had.
	Verify(ctx context.Context, rawIDToken, nonce string) (Profile, error)
	// ExchangeCode exchanges the code that an attempt has brought for an ID token,
	// and returns whom that speaks of.
	//
	// Its faults are those of Verify: GoogleTokenInvalid also for a code that
	// the provider does not accept, Unavailable when it cannot be asked.
	ExchangeCode(ctx context.Context, code string, of AuthRequest) (Profile, error)
	// AuthCodeURL returns the address of the page on which the person of an attempt
	// signs in. Its fault is Unavailable.
	AuthCodeURL(ctx context.Context, of AuthRequest) (string, error)
}

// SignIn verifies an ID token, makes the user at the first time, and begins a
// session. Who is refused stands in the audit.
func (s *Service) SignIn(ctx context.Context, rawIDToken, nonce string, from Client) (TokenPair, error) {
	profile, err := s.provider.Verify(ctx, rawIDToken, nonce)
	if err != nil {
		return TokenPair{}, s.noteRefusal(ctx, from, err)
	}
	return s.begin(ctx, profile, from)
}

// SignInByCode is SignIn with the code of an attempt.
func (s *Service) SignInByCode(ctx context.Context, code string, of AuthRequest, from Client) (TokenPair, error) {
	profile, err := s.provider.ExchangeCode(ctx, code, of)
	if err != nil {
		return TokenPair{}, s.noteRefusal(ctx, from, err)
	}
	return s.begin(ctx, profile, from)
}

// AuthCodeURL is where the person of an attempt signs in.
func (s *Service) AuthCodeURL(ctx context.Context, of AuthRequest) (string, error) {
	return s.provider.AuthCodeURL(ctx, of)
}

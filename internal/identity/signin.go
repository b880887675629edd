package identity

import (
	"context"
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

// Verifier checks ID tokens. Package google implements it.
type Verifier interface {
	// Verify returns whom rawIDToken speaks of. If nonce is not empty the
	// token must carry it.
	//
	// Its faults are GoogleTokenInvalid, EmailNotVerified, DomainNotAllowed,
	// and Unavailable when the provider's keys cannot be had.
	Verify(ctx context.Context, rawIDToken, nonce string) (Profile, error)
}

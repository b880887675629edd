package auth

import (
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
)

type (
	// UserID identifies a user.
	UserID = id.Of[User]
	// SessionID identifies a session; access tokens carry it.
	SessionID = id.Of[Session]
)

// User is somebody who has signed in at least once.
type User struct {
	ID              UserID
	Issuer, Subject string
	Email           string
	Name            string
	PictureURL      *string
	Role            Role
	SuspendedAt     *time.Time
	CreatedAt       time.Time
	LastLoginAt     time.Time
}

// Actor is who makes a request: taken from a verified access token, and bound
// to a session that the database checks in the same round trip as the work.
type Actor struct {
	User    UserID
	Session SessionID
	// From is where the request comes from, for the audit.
	From Client
}

// Session is one signed-in device of a user.
type Session struct {
	ID   SessionID
	User UserID
	// Salt makes the refresh tokens of this session unlike those of any other.
	Salt []byte
	// Counter is the number of times the refresh token was rotated.
	Counter int32
	// CreatedAt and LastUsedAt are by the database's clock.
	CreatedAt, LastUsedAt time.Time
	// ExpiresAt is when the session ends if it is not refreshed; it never
	// passes EndsAt, its greatest age.
	ExpiresAt, EndsAt time.Time
	// RevokedAt is when the session was ended; nil while it was not.
	RevokedAt     *time.Time
	UserAgent, IP string
}

// Client is where a request comes from: kept of a sign-in for the user to
// recognize, and of what the audit tells.
type Client struct {
	UserAgent, IP string
	// RequestID names the request in the log.
	RequestID string
}

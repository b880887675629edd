package auth

import (
	"context"
	"time"
)

// Store keeps users, sessions and the audit. Package postgres implements it.
//
// Events are kept in the transaction of what they tell of.
type Store interface {
	// SignIn runs decide while the user of the profile is locked, then keeps
	// what it returns, and that the ID token was used. Somebody who has not
	// signed in before gets the id newcomer. Of the user's live sessions more
	// than perUser end, the oldest first.
	//
	// A token that was used before is GoogleTokenInvalid.
	SignIn(ctx context.Context, p Profile, newcomer UserID, perUser int, decide SignInDecision) (User, Session, error)
	// User reads the actor's own row.
	User(ctx context.Context, actor Actor) (User, error)
	// Rename sets the actor's name and returns the row after it.
	Rename(ctx context.Context, actor Actor, name Name) (User, error)
	// DeleteAccount removes the actor's row and everything below it.
	DeleteAccount(ctx context.Context, actor Actor, e Event) error
	// ChangeSession runs decide while the session is locked, keeps what it
	// decides, and returns the user. A session that is not there is
	// SessionNotFound.
	ChangeSession(ctx context.Context, session SessionID, decide func(before Session, at time.Time) SessionChange) (User, error)
	// Sessions reads the actor's live sessions, the newest first.
	Sessions(ctx context.Context, actor Actor) ([]Session, error)
	// EndSession ends one live session of the actor, else SessionNotFound.
	EndSession(ctx context.Context, actor Actor, session SessionID, e Event) error
	// EndOwnSession ends the actor's session, live or not; if all is asked and
	// it is live, every session of the user. For each that was not ended before
	// it keeps the event that told makes.
	EndOwnSession(ctx context.Context, actor Actor, all bool, told func(SessionID) Event) error
	// CheckSession is nil while the actor's session is live, else TokenRevoked.
	CheckSession(ctx context.Context, actor Actor) error
	// Authorize is nil while the session is live and its user has the
	// permission, else TokenRevoked or PermissionDenied.
	Authorize(ctx context.Context, staff PrivilegedActor) error
	// Users reads the users of a query.
	Users(ctx context.Context, staff PrivilegedActor, q UserQuery) ([]User, error)
	// ChangeUser changes another user, ends the sessions of whom it suspends, and
	// keeps the events that told makes. Nobody there is UserNotFound.
	ChangeUser(ctx context.Context, staff PrivilegedActor, user UserID, change UserChange, told func(UserState) []Event) (User, error)
	// Events reads the audit events of a query.
	Events(ctx context.Context, staff PrivilegedActor, q EventQuery) ([]Event, error)
	// Record keeps an event that tells of nothing else that is kept.
	Record(ctx context.Context, e Event) error
}

// SignInDecision decides about a verified sign-in. known is nil for somebody who has
// not signed in before; at is the database's time.
type SignInDecision func(known *User, at time.Time) (SignInResult, error)

// SignInResult is a sign-in that succeeds: who it is, and the session it begins.
type SignInResult struct {
	User    User
	Session Session
	// GrantedAdmin is true if the user becomes an admin by it.
	GrantedAdmin bool
	Events       []Event
}

// SessionChange is what becomes of a session.
type SessionChange struct {
	After Session
	// Changed is false where it stays as it was.
	Changed bool
	// Event is nil where nothing has happened that the audit tells.
	Event *Event
}

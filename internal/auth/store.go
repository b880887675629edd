package auth

import (
	"context"
	"time"
)

// Store stores users, sessions and the audit log. Package postgres implements
// it. Events commit together with the action that they describe.
type Store interface {
	// SignIn runs decide while the user of the profile is locked. It stores the
	// result and that the ID token was used. A new user gets the id newUserID. If
	// the user has more than maxSessions live sessions, the oldest are revoked, each
	// with its ExcessEvent.
	//
	// An ID token that was used before is GoogleTokenInvalid.
	SignIn(ctx context.Context, p Profile, newUserID UserID, maxSessions int, decide SignInDecision) (User, Session, error)
	// User reads the actor's own row.
	User(ctx context.Context, actor Actor) (User, error)
	// Rename sets the actor's name and returns the new row.
	Rename(ctx context.Context, actor Actor, name Name) (User, error)
	// DeleteAccount deletes the actor's row and everything below it, unless decide rejects
	// that because of the live projects that have members.
	DeleteAccount(ctx context.Context, actor Actor, e Event, decide func(shared []SharedProject) error) error
	// ChangeSession runs decide while the session is locked, stores the result,
	// and returns the user. A missing session is SessionNotFound.
	ChangeSession(ctx context.Context, session SessionID, decide func(before Session, at time.Time) SessionChange) (User, error)
	// Sessions reads the actor's live sessions, from the newest to the oldest.
	Sessions(ctx context.Context, actor Actor) ([]Session, error)
	// EndSession revokes one live session of the actor, or returns
	// SessionNotFound.
	EndSession(ctx context.Context, actor Actor, session SessionID, e Event) error
	// EndOwnSession revokes the actor's session, live or not. If all is true and
	// the session is live, it revokes every session of the user. For each session
	// that was not revoked before, it stores the event that eventOf returns.
	EndOwnSession(ctx context.Context, actor Actor, all bool, eventOf func(SessionID) Event) error
	// CheckSession returns nil if the actor's session is live, else TokenRevoked.
	CheckSession(ctx context.Context, actor Actor) error
	// Locate returns where a thing is that is shared with the actor, or ErrNotMember. The
	// kind is that of paths: projects, specs, items, baselines.
	Locate(ctx context.Context, actor Actor, kind string, thing [16]byte) (Location, error)
	// Authorize returns nil if the session is live and its user has the
	// permission, else TokenRevoked or PermissionDenied.
	Authorize(ctx context.Context, actor PrivilegedActor) error
	// Users reads the users of a query, whose After is not nil.
	Users(ctx context.Context, actor PrivilegedActor, q UserQuery) ([]User, error)
	// ChangeUser changes another user, revokes the sessions of a user that it
	// suspends, and stores the events that eventsOf returns. A missing user is
	// UserNotFound.
	ChangeUser(ctx context.Context, actor PrivilegedActor, user UserID, change UserChange, eventsOf func(UserState) []Event) (User, error)
	// Events reads the audit events of a query, whose After is not nil.
	Events(ctx context.Context, actor PrivilegedActor, q EventQuery) ([]Event, error)
	// Record stores an event that has no other change to commit with.
	Record(ctx context.Context, e Event) error
}

// SignInDecision decides about a verified sign-in. Known is nil for a new user;
// at is the database's time.
type SignInDecision func(known *User, at time.Time) (SignInResult, error)

// SignInResult is a successful sign-in: the user and the new session.
type SignInResult struct {
	User    User
	Session Session
	// GrantedAdmin is true if this sign-in makes the user an admin.
	GrantedAdmin bool
	Events       []Event
	// ExcessEvent returns the event of an older session that is revoked because the user
	// has too many. If it is nil, there are no such events.
	ExcessEvent func(SessionID) Event
}

// SessionChange is the decision about a session.
type SessionChange struct {
	After Session
	// Changed is false if the session stays as it was.
	Changed bool
	// Event is nil if there is nothing to audit.
	Event *Event
}

package auth

import (
	"context"
	"crypto/sha256"
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
	// that because of the live projects that have members. It returns the bots that it
	// deleted, also if it may have failed.
	DeleteAccount(ctx context.Context, actor Actor, e Event, decide func(shared []SharedProject) error) (bots []UserID, err error)
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
	// CheckSession returns nil if the actor's session or API token is live, else
	// TokenRevoked or InsufficientScope.
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
	// suspends, and stores the events that eventsOf returns. It returns the bots of the
	// user, also if it may have failed. A missing user is UserNotFound.
	ChangeUser(ctx context.Context, actor PrivilegedActor, user UserID, change UserChange, eventsOf func(UserState) []Event) (changed User, bots []UserID, err error)
	// Events reads the audit events of a query, whose After is not nil.
	Events(ctx context.Context, actor PrivilegedActor, q EventQuery) ([]Event, error)
	// Record stores an event that has no other change to commit with.
	Record(ctx context.Context, e Event) error
	TokenStore
}

// TokenStore stores API tokens and bots. An owner of tokens is the actor, or a bot of the
// actor; any other is BotNotFound.
type TokenStore interface {
	// Tokens reads the live tokens of an owner, from the newest to the oldest.
	Tokens(ctx context.Context, actor Actor, owner UserID) ([]APIToken, error)
	// CreateToken stores a token unless CheckNewToken rejects it. Tokens of one owner are
	// created one after the other.
	CreateToken(ctx context.Context, actor Actor, t NewAPIToken, e Event) (APIToken, error)
	// RevokeToken revokes a live token, or returns TokenNotFound.
	RevokeToken(ctx context.Context, actor Actor, owner UserID, token APITokenID, e Event) error
	// TouchToken notes a use of the actor's token, at most once in ten minutes, and the
	// event if the token was not used from the network before. It does not check that the
	// token is live.
	TouchToken(ctx context.Context, actor Actor, network string, e Event) error
	// Bots reads the actor's bots, from the newest to the oldest.
	Bots(ctx context.Context, actor Actor) ([]User, error)
	// CreateBot stores a bot unless CheckNewBot rejects it. Bots of one person are created
	// one after the other.
	CreateBot(ctx context.Context, actor Actor, bot UserID, name Name, e Event) (User, error)
	// RenameBot sets the name of a bot, unless it is nil, and returns the bot.
	RenameBot(ctx context.Context, actor Actor, bot UserID, name *Name) (User, error)
	// DeleteBot deletes a bot and everything below it.
	DeleteBot(ctx context.Context, actor Actor, bot UserID, e Event) error
}

// NewAPIToken is a token to store. The store sets its times.
type NewAPIToken struct {
	APIToken
	Hash     [sha256.Size]byte
	Lifetime time.Duration
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

package auth

import (
	"context"
	"maps"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
)

type (
	// EventID identifies an event.
	EventID = id.Of[Event]
	// ResourceID identifies whatever an event is about.
	ResourceID = id.Of[Resource]
)

// Resource is what an event is about, whatever its kind.
type Resource struct{}

// Event is one entry of the audit: what happened, who did it, and from where. It
// is kept together with what it tells of, and is never changed.
type Event struct {
	ID EventID
	// At is by the database's clock.
	At time.Time
	// Actor is nil where nobody was signed in.
	Actor  *UserID
	Action Action
	// ResourceType and Resource say what it is about; Resource is nil where that
	// has no id.
	ResourceType string
	Resource     *ResourceID
	From         Client
	// Details never hold a token, nor anything that a user wrote.
	Details map[string]string
}

// Action is what happened. Actions are stable: people filter by them.
type Action string

// The actions.
const (
	SessionRefused    Action = "session.refused"
	SessionCreated    Action = "session.created"
	SessionEnded      Action = "session.ended"
	SessionRevoked    Action = "session.revoked"
	RefreshReused     Action = "session.token_reused"
	UserCreated       Action = "user.created"
	UserRoleChanged   Action = "user.role_changed"
	UserSuspended     Action = "user.suspended"
	UserReinstated    Action = "user.reinstated"
	UserExported      Action = "user.exported"
	UserDeleted       Action = "user.deleted"
	PermissionRefused Action = "permission.denied"
)

// aboutUser is something that the actor did to a user.
func (a Actor) aboutUser(action Action, user UserID) Event {
	return Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "user", Resource: new(ResourceID(user)), From: a.From}
}

// aboutSession is something that happened to a session of the actor.
func (a Actor) aboutSession(action Action, session SessionID) Event {
	return Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "session", Resource: new(ResourceID(session)), From: a.From}
}

// with is the event with a detail more.
func (e Event) with(name, value string) Event {
	e.Details = maps.Clone(e.Details)
	if e.Details == nil {
		e.Details = map[string]string{}
	}
	e.Details[name] = value
	return e
}

// EventQuery asks for one page of the audit, the newest first.
type EventQuery struct {
	Page
	// Actor and Action are nil for any.
	Actor  *UserID
	Action *string
	// Since is the earliest time that is answered, Until the first that is not
	// any more; zero for none.
	Since, Until time.Time
}

// Events lists the audit, and tells where the next page begins; nil if there is
// none.
func (s *Service) Events(ctx context.Context, staff PrivilegedActor, q EventQuery) ([]Event, *Place, error) {
	limit := q.Limit
	q.Page = q.oneMore()
	if !q.Until.IsZero() && q.Until.Before(q.After.At) {
		q.After = Place{At: q.Until}
	}
	rows, err := s.store.Events(ctx, staff, q)
	if err != nil {
		return nil, nil, s.noteDenial(ctx, staff, err)
	}
	page, next := cut(rows, limit, func(e Event) Place { return Place{At: e.At, ID: e.ID} })
	return page, next, nil
}

package auth

import (
	"context"
	"maps"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/problem"
)

type (
	// EventID identifies an event.
	EventID = id.Of[Event]
	// ResourceID identifies the subject of an event.
	ResourceID = id.Of[Resource]
)

// Resource is the subject of an event, of any type.
type Resource struct{}

// Event is one entry of the audit log: an action, its actor, and the client. It
// commits together with the action and never changes.
type Event struct {
	ID EventID
	// At is the database's time.
	At time.Time
	// Actor is nil if the client was not signed in.
	Actor  *UserID
	Action Action
	// ResourceType and Resource identify the subject. Resource is nil for subjects
	// without an id.
	ResourceType string
	Resource     *ResourceID
	From         Client
	// Details never contain a token or text that a user wrote.
	Details map[string]string
}

// Action names what happened. The names are stable, because queries filter by
// them.
type Action string

// The actions.
const (
	SessionRejected  Action = "session.refused"
	SessionCreated   Action = "session.created"
	SessionEnded     Action = "session.ended"
	SessionRevoked   Action = "session.revoked"
	RefreshReused    Action = "session.token_reused"
	UserCreated      Action = "user.created"
	UserRoleChanged  Action = "user.role_changed"
	UserSuspended    Action = "user.suspended"
	UserReinstated   Action = "user.reinstated"
	UserExported     Action = "user.exported"
	UserDeleted      Action = "user.deleted"
	PermissionDenied Action = "permission.denied"
	HistoryDeleted   Action = "history.deleted"

	TokenCreated            Action = "token.created"
	TokenRevoked            Action = "token.revoked"
	TokenUsedFromNewAddress Action = "token.used_from_new_address"
	BotCreated              Action = "bot.created"
	BotDeleted              Action = "bot.deleted"
	MemberAdded             Action = "member.added"
	MemberRoleChanged       Action = "member.role_changed"
	MemberRemoved           Action = "member.removed"
	MemberLeft              Action = "member.left"
	InvitationCreated       Action = "invitation.created"
	InvitationWithdrawn     Action = "invitation.withdrawn"
	InvitationAccepted      Action = "invitation.accepted"
)

// ProjectEvent returns an event about a project.
func (a Actor) ProjectEvent(action Action, project [16]byte, details map[string]string) Event {
	return Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "project", Resource: new(ResourceID(project)), From: a.From, Details: details}
}

// SpecificationEvent returns an event about a specification.
func (a Actor) SpecificationEvent(action Action, spec [16]byte, details map[string]string) Event {
	return Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "specification", Resource: new(ResourceID(spec)), From: a.From, Details: details}
}

// userEvent returns an event about a user.
func (a Actor) userEvent(action Action, user UserID) Event {
	return Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "user", Resource: new(ResourceID(user)), From: a.From}
}

// sessionEvent returns an event about a session of the actor.
func (a Actor) sessionEvent(action Action, session SessionID) Event {
	return Event{ID: id.New[Event](), Actor: &a.User, Action: action, ResourceType: "session", Resource: new(ResourceID(session)), From: a.From}
}

// with returns the event with one more detail.
func (e Event) with(name, value string) Event {
	e.Details = maps.Clone(e.Details)
	if e.Details == nil {
		e.Details = map[string]string{}
	}
	e.Details[name] = value
	return e
}

// auditRejected records a rejected sign-in and returns err. Failures of the
// server itself are not recorded, nor are rejections beyond the budget.
func (s *Service) auditRejected(ctx context.Context, from Client, err error) error {
	code := problem.CodeOf(err)
	if kind := code.Doc().Kind; (kind == problem.KindUnauthenticated || kind == problem.KindPermissionDenied) && s.anonymous.take(s.access.now()) {
		event := Event{ID: id.New[Event](), Action: SessionRejected, ResourceType: "session", From: from}
		s.audit(ctx, event.with("code", string(code)))
	}
	return err
}

// auditDenied records a PermissionDenied and returns err.
func (s *Service) auditDenied(ctx context.Context, actor PrivilegedActor, err error) error {
	if err != nil && problem.CodeOf(err) == problem.PermissionDenied {
		event := Event{ID: id.New[Event](), Actor: &actor.User, Action: PermissionDenied, ResourceType: "permission", From: actor.From}
		s.audit(ctx, event.with("permission", string(actor.Permission)))
	}
	return err
}

// audit stores an event of a rejected request. If that fails the event goes to
// the log; the response does not change.
func (s *Service) audit(ctx context.Context, e Event) {
	ctx, cancel := detached(ctx)
	defer cancel()
	if err := s.store.Record(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "an audit event was lost", "action", string(e.Action), "error", err)
	}
}

// EventQuery selects one page of the audit log, from the newest to the oldest.
type EventQuery struct {
	page.Query
	// Actor and Action are nil for any.
	Actor  *UserID
	Action *string
	// Since is inclusive, Until exclusive; zero is no limit.
	Since, Until time.Time
}

// Events returns one page of the audit log.
func (s *Service) Events(ctx context.Context, actor PrivilegedActor, q EventQuery) (page.Page[Event], error) {
	limit := q.Limit
	q.Query = q.Newest()
	q.Limit++ // the extra row shows that another page follows
	if !q.Until.IsZero() && q.Until.Before(q.After.Time) {
		q.After = &page.Cursor{Time: q.Until}
	}
	rows, err := s.store.Events(ctx, actor, q)
	if err != nil {
		return page.Page[Event]{}, s.auditDenied(ctx, actor, err)
	}
	return page.Cut(rows, limit, func(e Event) page.Cursor { return page.Cursor{Time: e.At, ID: e.ID} }), nil
}

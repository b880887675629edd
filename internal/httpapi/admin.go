package httpapi

import (
	"context"
	"fmt"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/page"
)

// The texts of the operations for the contract.
var (
	listUsersDoc = doc{
		"listUsers", "Administration", "List the users",
		"Every user who has signed in, newest first. For auditors and admins. It gives no access to projects.",
	}
	changeUserDoc = doc{
		"changeUser", "Administration", "Change a user's role or suspension",
		"A JSON Merge Patch (RFC 7396). For admins. Suspending a user ends all their sessions at once; a changed role applies from their next request. Admins cannot change themselves.",
	}
	listEventsDoc = doc{
		"listAuditEvents", "Administration", "List the audit events",
		"What happened to accounts and sessions, newest first. For auditors and admins. Events never change, and outlive the accounts they refer to.",
	}
)

// managedUserView is a user as auditors and admins see it.
type managedUserView struct {
	UserView
	Suspended bool `json:"suspended" doc:"Whether the account may not sign in."`
}

func managedUserOf(u auth.User) managedUserView {
	return managedUserView{UserView: userOf(u), Suspended: u.SuspendedAt != nil}
}

type listUsersIn struct {
	PageIn
	Search string `query:"q" maxLength:"200" doc:"Part of a name or an e-mail address, in any case."`
}

type usersOut struct {
	Body struct {
		Users         []managedUserView `json:"users"`
		NextPageToken string            `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listUsers is GET /admin/users.
func (a *API) listUsers(ctx context.Context, admin auth.PrivilegedActor, in *listUsersIn) (*usersOut, error) {
	scope := adminScope(admin, "users", in.Search)
	q, err := in.query(a, page.Order{}, scope)
	if err != nil {
		return nil, err
	}
	users, err := a.Auth.Users(ctx, admin, auth.UserQuery{Query: q, Search: in.Search})
	if err != nil {
		return nil, err
	}
	out := &usersOut{}
	out.Body.Users = each(users.Rows, managedUserOf)
	out.Body.NextPageToken = a.pageToken(users.Next, scope)
	return out, nil
}

// managedUserPatch is a merge patch of a user, by an admin.
type managedUserPatch struct {
	Role      body.Change[auth.Role] `json:"role,omitempty" sample:"auditor" enum:"user,auditor,admin" doc:"What the user may do besides working on their own projects."`
	Suspended body.Change[bool]      `json:"suspended,omitempty" doc:"Whether the account may not sign in; true ends all of its sessions."`
}

type changeUserIn struct {
	ID auth.UserID `path:"id" format:"uuid"`
	JSONIn[managedUserPatch]
}

type managedUserOut struct{ Body managedUserView }

// changeUser is PATCH /admin/users/{id}.
func (a *API) changeUser(ctx context.Context, admin auth.PrivilegedActor, in *changeUserIn) (*managedUserOut, error) {
	change := auth.UserChange{Role: in.JSON.Role.Pointer(), Suspend: in.JSON.Suspended.Pointer()}
	changed, err := a.Auth.ChangeUser(ctx, admin, in.ID, change)
	if err != nil {
		return nil, err
	}
	return &managedUserOut{Body: managedUserOf(changed)}, nil
}

// auditEvent is an event of the audit log as the contract shows it.
type auditEvent struct {
	ID           auth.EventID      `json:"id" format:"uuid"`
	At           timestamp         `json:"at" sample:"2026-11-22T09:30:00.481516Z"`
	ActorID      *auth.UserID      `json:"actor_id" format:"uuid" nullable:"true" sample:"01a2043e-6e8b-7c3d-9a41-5b0e27d683a1" doc:"The user who did it; null without a signed-in user."`
	Action       auth.Action       `json:"action" example:"session.created"`
	ResourceType string            `json:"resource_type" example:"session"`
	ResourceID   *auth.ResourceID  `json:"resource_id" format:"uuid" nullable:"true" sample:"01a2043e-6e8b-7c3d-9a41-5b0e27d683f1" doc:"What it is about; null if that has no id."`
	IP           string            `json:"ip" example:"203.0.113.7"`
	UserAgent    string            `json:"user_agent" sample:"codegen-cli/2.4"`
	RequestID    string            `json:"request_id" sample:"01a2043e-6e8b-7c3d-9a41-5b0e27d683e1" doc:"Names the request in the server's log."`
	Details      map[string]string `json:"details"`
}

func eventOf(e auth.Event) auditEvent {
	return auditEvent{
		ID: e.ID, At: timestamp(e.At), ActorID: e.Actor, Action: e.Action, ResourceType: e.ResourceType, ResourceID: e.Resource,
		IP: e.From.IP, UserAgent: e.From.UserAgent, RequestID: e.From.RequestID, Details: e.Details,
	}
}

type listEventsIn struct {
	PageIn
	Actor  auth.UserID `query:"actor_id" format:"uuid" doc:"Only what this user did."`
	Action string      `query:"action" maxLength:"100" doc:"Only events of this kind."`
	Since  time.Time   `query:"since" doc:"Only events at this time or later (RFC 3339)."`
	Until  time.Time   `query:"until" doc:"Only events before this time (RFC 3339)."`
}

// filter is the filters in one spelling, for the scope of page tokens.
func (in *listEventsIn) filter() string {
	return fmt.Sprintf("%s|%s|%s|%s", in.Actor, in.Action, in.Since.UTC().Format(time.RFC3339Nano), in.Until.UTC().Format(time.RFC3339Nano))
}

type auditEventsOut struct {
	Body struct {
		Events        []auditEvent `json:"audit_events"`
		NextPageToken string       `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listEvents is GET /admin/audit-events.
func (a *API) listEvents(ctx context.Context, admin auth.PrivilegedActor, in *listEventsIn) (*auditEventsOut, error) {
	scope := adminScope(admin, "audit_events", in.filter())
	paged, err := in.query(a, page.Order{}, scope)
	if err != nil {
		return nil, err
	}
	q := auth.EventQuery{Query: paged, Since: in.Since, Until: in.Until}
	if !in.Actor.IsZero() {
		q.Actor = &in.Actor
	}
	if in.Action != "" {
		q.Action = &in.Action
	}
	events, err := a.Auth.Events(ctx, admin, q)
	if err != nil {
		return nil, err
	}
	out := &auditEventsOut{}
	out.Body.Events = each(events.Rows, eventOf)
	out.Body.NextPageToken = a.pageToken(events.Next, scope)
	return out, nil
}

// adminScope is everything that a page token of these lists is bound to.
func adminScope(admin auth.PrivilegedActor, list, filter string) string {
	return fmt.Sprintf("%s|staff|%s|%s", admin.User, list, filter)
}

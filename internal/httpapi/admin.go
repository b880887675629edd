package httpapi

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/page"
)

// managedUserView is a user as the staff sees it.
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
func (a *API) listUsers(ctx context.Context, staff auth.PrivilegedActor, in *listUsersIn) (*usersOut, error) {
	scope := staffScope(staff, "users", in.Search)
	q, err := in.query(a, page.Order{}, scope)
	if err != nil {
		return nil, err
	}
	users, err := a.Identity.Users(ctx, staff, auth.UserQuery{Query: q, Search: in.Search})
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
	Role      given[auth.Role] `json:"role,omitempty" enum:"user,auditor,admin" doc:"What the user may do beside working on what is their own."`
	Suspended given[bool]      `json:"suspended,omitempty" doc:"Whether the account may not sign in; true ends all of its sessions."`
}

type changeUserIn struct {
	ID   auth.UserID `path:"id" format:"uuid"`
	Body managedUserPatch
}

type managedUserOut struct{ Body managedUserView }

// changeUser is PATCH /admin/users/{id}.
func (a *API) changeUser(ctx context.Context, staff auth.PrivilegedActor, in *changeUserIn) (*managedUserOut, error) {
	change := auth.UserChange{Role: in.Body.Role.pointer(), Suspend: in.Body.Suspended.pointer()}
	changed, err := a.Identity.ChangeUser(ctx, staff, in.ID, change)
	if err != nil {
		return nil, err
	}
	return &managedUserOut{Body: managedUserOf(changed)}, nil
}

// event is an entry of the audit as the contract shows it.
type event struct {
	ID           auth.EventID      `json:"id" format:"uuid"`
	At           timestamp         `json:"at"`
	ActorID      *auth.UserID      `json:"actor_id" format:"uuid" nullable:"true" doc:"Who did it; null for somebody who was not signed in."`
	Action       auth.Action       `json:"action" example:"session.created"`
	ResourceType string            `json:"resource_type" example:"session"`
	ResourceID   *auth.ResourceID  `json:"resource_id" format:"uuid" nullable:"true" doc:"What it is about; null where that has no id."`
	IP           string            `json:"ip" example:"203.0.113.7"`
	UserAgent    string            `json:"user_agent"`
	RequestID    string            `json:"request_id" doc:"Names the request in the server's log."`
	Details      map[string]string `json:"details"`
}

func eventOf(e auth.Event) event {
	return event{
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

	asked url.Values
}

// Resolve notes the filters as they were given, for the page token.
func (in *listEventsIn) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	in.asked = u.Query()
	in.asked.Del("page_token")
	in.asked.Del("page_size")
	return nil
}

type auditEventsOut struct {
	Body struct {
		Events        []event `json:"audit_events"`
		NextPageToken string  `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listEvents is GET /admin/audit-events.
func (a *API) listEvents(ctx context.Context, staff auth.PrivilegedActor, in *listEventsIn) (*auditEventsOut, error) {
	scope := staffScope(staff, "audit_events", in.asked.Encode())
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
	events, err := a.Identity.Events(ctx, staff, q)
	if err != nil {
		return nil, err
	}
	out := &auditEventsOut{}
	out.Body.Events = each(events.Rows, eventOf)
	out.Body.NextPageToken = a.pageToken(events.Next, scope)
	return out, nil
}

// staffScope is everything that a page token of the staff's lists is bound to.
func staffScope(staff auth.PrivilegedActor, list, filter string) string {
	return fmt.Sprintf("%s|staff|%s|%s", staff.User, list, filter)
}

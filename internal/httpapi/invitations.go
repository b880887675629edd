package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/login"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// acceptPath is the page at which the link of an invitation leads. The secret is the
// fragment of the link: browsers send it to no server, and no log has it.
const acceptPath = "/invitations/accept"

// The texts of the operations for the contract.
var (
	listInvitationsDoc = doc{
		"listInvitations", "Members", "List a project's open invitations",
		"Those that can be accepted, the newest first, without their secrets. Only the owner of the project may read them.",
	}
	createInvitationDoc = doc{
		"createInvitation", "Members", "Invite to a project",
		"Creates an invitation and shows its secret, this once. It is good for 7 days and for one user. With `email`, only a user whose verified address is that one may accept it. Nothing is sent: pass on the link yourself. The response does not depend on whether the address has an account.",
	}
	withdrawInvitationDoc = doc{
		"withdrawInvitation", "Members", "Withdraw an invitation",
		"The invitation can no longer be accepted. A user who has accepted it stays a member.",
	}
	acceptInvitationDoc = doc{
		"acceptInvitation", "Members", "Accept an invitation",
		"Makes the caller a member of the project, and responds with the project. The secret is the part behind `#` of the invitation's `url`.",
	}
)

// invitation is an open invitation as the contract shows it.
type invitation struct {
	ID        members.InvitationID `json:"id" format:"uuid"`
	Role      string               `json:"role" enum:"editor,viewer"`
	Email     *string              `json:"email" nullable:"true" example:"ben@example.com" doc:"In lower case; null if everyone with the secret may accept it."`
	CreatedAt timestamp            `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	ExpiresAt timestamp            `json:"expires_at" sample:"2026-11-29T09:30:00.481516Z"`
}

func invitationOf(i members.Invitation) invitation {
	return invitation{ID: i.ID, Role: string(i.Role), Email: i.Email, CreatedAt: timestamp(i.CreatedAt), ExpiresAt: timestamp(i.ExpiresAt)}
}

type invitationsOut struct {
	Body struct {
		Invitations   []invitation `json:"invitations"`
		NextPageToken string       `json:"next_page_token" doc:"Always empty: all open invitations fit on one page."`
	}
}

// listInvitations is GET /projects/{id}/invitations.
func (a *API) listInvitations(ctx context.Context, actor auth.Actor, in *projectIn) (*invitationsOut, error) {
	open, err := a.Members.Invitations(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	out := &invitationsOut{}
	out.Body.Invitations = each(open, invitationOf)
	return out, nil
}

// invitationBody is what a caller sets of a new invitation.
type invitationBody struct {
	Role  string                `json:"role" enum:"editor,viewer" sample:"editor"`
	Email body.Optional[string] `json:"email,omitempty" trimmed:"true" minLength:"3" maxLength:"254" sample:"ben@example.com" doc:"In any case. If absent: everyone with the secret may accept the invitation."`

	invitation members.NewInvitation
}

func (b *invitationBody) check(*call) (faults []problem.FieldError) {
	b.invitation, faults = members.ParseNewInvitation(b.Role, b.Email.Pointer())
	return faults
}

type createInvitationIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	JSONIn[invitationBody]
}

// InvitationView is an invitation within another type. It is exported because huma ignores
// embedded types that are not.
type InvitationView invitation

// newInvitation is an invitation with its secret.
type newInvitation struct {
	InvitationView
	Secret string `json:"secret" sample:"cgi_3kTMd…" doc:"Shown this once. Everyone who has it can accept the invitation."`
	URL    string `json:"url" sample:"https://app.example.com/invitations/accept#cgi_3kTMd…" doc:"The link for the invited user, with the secret behind #."`
}

type createInvitationOut struct {
	CacheControl string `header:"Cache-Control" doc:"Always no-store."`
	Body         newInvitation
}

// createInvitation is POST /projects/{id}/invitations.
func (a *API) createInvitation(ctx context.Context, actor auth.Actor, in *createInvitationIn) (*createInvitationOut, error) {
	invited, secret, err := a.Members.Invite(ctx, actor, in.ID, in.JSON.invitation)
	if err != nil {
		return nil, err
	}
	public := middleware.InfoFrom(ctx).Public
	return &createInvitationOut{CacheControl: login.NoStore, Body: newInvitation{
		InvitationView: InvitationView(invitationOf(invited)), Secret: secret, URL: public.Origin() + public.Path(acceptPath) + "#" + secret,
	}}, nil
}

type invitationIn struct {
	ID         requirements.ProjectID `path:"id" format:"uuid"`
	Invitation members.InvitationID   `path:"invitation_id" format:"uuid"`
}

// withdrawInvitation is DELETE /projects/{id}/invitations/{invitation_id}.
func (a *API) withdrawInvitation(ctx context.Context, actor auth.Actor, in *invitationIn) (*struct{}, error) {
	return nil, a.Members.Withdraw(ctx, actor, in.ID, in.Invitation)
}

type acceptBody struct {
	Secret string `json:"secret" minLength:"1" maxLength:"200" sample:"cgi_3kTMd…"`
}

type acceptInvitationIn struct{ JSONIn[acceptBody] }

// acceptInvitation is POST /invitations/accept.
func (a *API) acceptInvitation(ctx context.Context, actor auth.Actor, in *acceptInvitationIn) (*projectOut, error) {
	return projectResponse(a.Members.Accept(ctx, actor, in.JSON.Secret))
}

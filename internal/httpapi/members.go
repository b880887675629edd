package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/members"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	listMembersDoc = doc{
		"listMembers", "Members", "List a project's members",
		"The owner first, then the members by name. Every member may read it. E-mail addresses are not shown.",
	}
	addBotDoc = doc{
		"addBot", "Members", "Add a bot",
		"Makes one of your bots a member of your project. It sees nothing but the projects that it is a member of. People become members by an invitation.",
	}
	patchMemberDoc = doc{
		"patchMember", "Members", "Change a member's role",
		"Sets the role of a member; from the next request on it holds. Only the owner of the project may.",
	}
	removeMemberDoc = doc{
		"removeMember", "Members", "Remove a member, or leave",
		"Ends a membership; from the next request on the user has no access. The owner of the project may remove every member, and members may remove themselves: they leave, also from a project in the trash.",
	}
)

// member is a member of a project as the contract shows it.
type member struct {
	User  memberUser `json:"user"`
	Role  string     `json:"role" enum:"owner,editor,viewer" example:"editor"`
	Since timestamp  `json:"since" sample:"2026-11-22T09:30:00.481516Z"`
}

// memberUser is the user of a membership.
type memberUser struct {
	ID   auth.UserID `json:"id" format:"uuid"`
	Name string      `json:"name" example:"Ben"`
	Type string      `json:"type" enum:"user,bot"`
}

func memberOf(m members.Member) member {
	kind := "user"
	if m.Bot {
		kind = "bot"
	}
	return member{User: memberUser{ID: m.User, Name: m.Name, Type: kind}, Role: string(m.Role), Since: timestamp(m.Since)}
}

type projectIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
}

type membersOut struct {
	Body struct {
		Members       []member `json:"members"`
		NextPageToken string   `json:"next_page_token" doc:"Always empty: all members fit on one page."`
	}
}

// listMembers is GET /projects/{id}/members.
func (a *API) listMembers(ctx context.Context, actor auth.Actor, in *projectIn) (*membersOut, error) {
	all, err := a.Members.Members(ctx, actor, in.ID)
	if err != nil {
		return nil, err
	}
	out := &membersOut{}
	out.Body.Members = each(all, memberOf)
	return out, nil
}

type memberIn struct {
	ID   requirements.ProjectID `path:"id" format:"uuid"`
	User auth.UserID            `path:"user_id" format:"uuid"`
}

type newBotMember struct {
	BotID auth.UserID `json:"bot_id" format:"uuid" doc:"One of your bots."`
	Role  string      `json:"role" enum:"editor,viewer" sample:"editor"`

	role requirements.Role
}

func (b *newBotMember) check(*call) (faults []problem.FieldError) {
	b.role, faults = members.ParseRole(b.Role)
	return faults
}

type addBotIn struct {
	ID requirements.ProjectID `path:"id" format:"uuid"`
	JSONIn[newBotMember]
}

// addBot is POST /projects/{id}/members.
func (a *API) addBot(ctx context.Context, actor auth.Actor, in *addBotIn) (*memberOut, error) {
	added, err := a.Members.AddBot(ctx, actor, in.ID, in.JSON.BotID, in.JSON.role)
	if err != nil {
		return nil, err
	}
	return &memberOut{Body: memberOf(added)}, nil
}

type memberPatch struct {
	Role string `json:"role" enum:"editor,viewer" sample:"viewer"`

	role requirements.Role
}

func (b *memberPatch) check(*call) (faults []problem.FieldError) {
	b.role, faults = members.ParseRole(b.Role)
	return faults
}

type patchMemberIn struct {
	ID   requirements.ProjectID `path:"id" format:"uuid"`
	User auth.UserID            `path:"user_id" format:"uuid"`
	JSONIn[memberPatch]
}

type memberOut struct{ Body member }

// patchMember is PATCH /projects/{id}/members/{user_id}.
func (a *API) patchMember(ctx context.Context, actor auth.Actor, in *patchMemberIn) (*memberOut, error) {
	changed, err := a.Members.ChangeRole(ctx, actor, in.ID, in.User, in.JSON.role)
	if err != nil {
		return nil, err
	}
	return &memberOut{Body: memberOf(changed)}, nil
}

// removeMember is DELETE /projects/{id}/members/{user_id}.
func (a *API) removeMember(ctx context.Context, actor auth.Actor, in *memberIn) (*struct{}, error) {
	return nil, a.Members.Remove(ctx, actor, in.ID, in.User)
}

// membership is a project that is shared with a user, in an export.
type membership struct {
	ProjectID requirements.ProjectID `json:"project_id" format:"uuid"`
	Title     string                 `json:"title" example:"Invoice portal"`
	Role      string                 `json:"role" enum:"editor,viewer"`
	Since     timestamp              `json:"since"`
}

func membershipOf(m requirements.Membership) membership {
	return membership{ProjectID: m.Project, Title: m.Title, Role: string(m.Role), Since: timestamp(m.Since)}
}

package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// The texts of the operations for the contract.
var (
	getMeDoc = doc{
		"getMe", "Account", "Read your profile",
		"The user of the access token or API token. A bot has no e-mail address, and `managed_by` is the person that it belongs to.",
	}
	patchMeDoc = doc{
		"patchMe", "Account", "Change your profile",
		"A JSON Merge Patch (RFC 7396) of `name`; everything else comes from the identity provider.",
	}
	deleteMeDoc = doc{
		"deleteMe", "Account", "Delete your account",
		"Deletes the account and everything in it permanently, and ends all its sessions. Export first what you want to keep. If projects of the account have members, it is 409 `members_lose_access`, which names them, until the request has `members=lose_access`.",
	}
)

// UserView is a user as the contract shows it.
type UserView struct {
	ID          auth.UserID  `json:"id" format:"uuid"`
	Email       string       `json:"email" example:"ann@example.com"`
	Name        string       `json:"name" minLength:"1" maxLength:"200" example:"Ann"`
	PictureURL  *string      `json:"picture_url" nullable:"true"`
	Role        string       `json:"role" enum:"user,auditor,admin"`
	CreatedAt   timestamp    `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	LastLoginAt timestamp    `json:"last_login_at"`
	ManagedBy   *auth.UserID `json:"managed_by" format:"uuid" nullable:"true" doc:"The person that a bot belongs to; null for a person."`
}

func userOf(u auth.User) UserView {
	return UserView{
		ID: u.ID, Email: u.Email, Name: u.Name, PictureURL: u.PictureURL, Role: string(u.Role),
		CreatedAt: timestamp(u.CreatedAt), LastLoginAt: timestamp(u.LastLoginAt), ManagedBy: u.ManagedBy,
	}
}

type userOut struct{ Body UserView }

func userResponse(u auth.User, err error) (*userOut, error) {
	if err != nil {
		return nil, err
	}
	return &userOut{Body: userOf(u)}, nil
}

// userPatch is a merge patch of the caller's own profile.
type userPatch struct {
	Name body.Change[string] `json:"name,omitempty" trimmed:"true" minLength:"1" maxLength:"200" sample:"Ann" doc:"On one line; blanks around it are removed."`

	// name is the new name; nil if it is absent.
	name *auth.Name
}

func (b *userPatch) check(*call) []problem.FieldError {
	if !b.Name.IsSet() {
		return nil
	}
	name, faults := auth.ParseName(b.Name.Value())
	b.name = &name
	return faults
}

type patchMeIn struct{ JSONIn[userPatch] }

// getMe is GET /users/me.
func (a *API) getMe(ctx context.Context, actor auth.Actor, _ *struct{}) (*userOut, error) {
	return userResponse(a.Auth.Me(ctx, actor))
}

// patchMe is PATCH /users/me.
func (a *API) patchMe(ctx context.Context, actor auth.Actor, in *patchMeIn) (*userOut, error) {
	return userResponse(a.Auth.Rename(ctx, actor, in.JSON.name))
}

type deleteMeIn struct {
	Members string `query:"members" enum:"lose_access" doc:"Deletes the account even if members lose access to its projects."`
}

// deleteMe is DELETE /users/me.
func (a *API) deleteMe(ctx context.Context, actor auth.Actor, in *deleteMeIn) (*struct{}, error) {
	return nil, a.Auth.DeleteAccount(ctx, actor, in.Members == "lose_access")
}

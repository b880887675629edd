package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// The texts of the operations for the contract.
var (
	getMeDoc = doc{
		"getMe", "Account", "Read your profile",
		"The user of the access token.",
	}
	patchMeDoc = doc{
		"patchMe", "Account", "Change your profile",
		"A JSON Merge Patch (RFC 7396) of `name`; everything else comes from the identity provider.",
	}
	deleteMeDoc = doc{
		"deleteMe", "Account", "Delete your account",
		"Deletes the account and everything in it permanently, and ends all its sessions. Export first what you want to keep.",
	}
)

// UserView is a user as the contract shows it.
type UserView struct {
	ID          auth.UserID `json:"id" format:"uuid"`
	Email       string      `json:"email" example:"ann@example.com"`
	Name        string      `json:"name" minLength:"1" maxLength:"200" example:"Ann"`
	PictureURL  *string     `json:"picture_url" nullable:"true"`
	Role        string      `json:"role" enum:"user,auditor,admin"`
	CreatedAt   timestamp   `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	LastLoginAt timestamp   `json:"last_login_at"`
}

func userOf(u auth.User) UserView {
	return UserView{
		ID: u.ID, Email: u.Email, Name: u.Name, PictureURL: u.PictureURL, Role: string(u.Role),
		CreatedAt: timestamp(u.CreatedAt), LastLoginAt: timestamp(u.LastLoginAt),
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
	Name optional[string] `json:"name,omitempty" sample:"Ann" doc:"1 to 200 characters after trimming, on one line."`
}

// name is the new name; nil if it is absent.
func (b *userPatch) name() (*auth.Name, []problem.FieldError) {
	if !b.Name.ok {
		return nil, nil
	}
	name, faults := auth.ParseName(b.Name.value)
	return &name, faults
}

// Resolve checks the patch by the rules.
func (b *userPatch) Resolve(huma.Context) []error {
	_, faults := b.name()
	return ruleErrors(faults, nil)
}

type patchMeIn struct{ Body userPatch }

// getMe is GET /users/me.
func (a *API) getMe(ctx context.Context, actor auth.Actor, _ *struct{}) (*userOut, error) {
	return userResponse(a.Auth.Me(ctx, actor))
}

// patchMe is PATCH /users/me.
func (a *API) patchMe(ctx context.Context, actor auth.Actor, in *patchMeIn) (*userOut, error) {
	name, err := checked(in.Body.name())
	if err != nil {
		return nil, err
	}
	return userResponse(a.Auth.Rename(ctx, actor, name))
}

// deleteMe is DELETE /users/me.
func (a *API) deleteMe(ctx context.Context, actor auth.Actor, _ *struct{}) (*struct{}, error) {
	return nil, a.Auth.DeleteAccount(ctx, actor)
}

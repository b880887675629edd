package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// UserView is a user as the contract shows it. It is exported because another
// view embeds it: huma passes by embedded types that are not.
type UserView struct {
	ID          auth.UserID `json:"id" format:"uuid"`
	Email       string      `json:"email" example:"ann@example.com"`
	Name        string      `json:"name" minLength:"1" maxLength:"200" example:"Ann"`
	PictureURL  *string     `json:"picture_url" nullable:"true"`
	Role        string      `json:"role" enum:"user,auditor,admin"`
	CreatedAt   timestamp   `json:"created_at"`
	LastLoginAt timestamp   `json:"last_login_at"`
}

func userOf(u auth.User) UserView {
	return UserView{
		ID: u.ID, Email: u.Email, Name: u.Name, PictureURL: u.PictureURL, Role: string(u.Role),
		CreatedAt: timestamp(u.CreatedAt), LastLoginAt: timestamp(u.LastLoginAt),
	}
}

type userOut struct{ Body UserView }

func userAnswer(u auth.User, err error) (*userOut, error) {
	if err != nil {
		return nil, err
	}
	return &userOut{Body: userOf(u)}, nil
}

// userPatch is a merge patch of one's own profile.
type userPatch struct {
	Name given[string] `json:"name,omitempty" doc:"1 to 200 characters after trimming, on one line."`

	name *auth.Name
}

// Resolve checks the patch by the rules.
func (b *userPatch) Resolve(huma.Context) []error {
	if !b.Name.ok {
		return nil
	}
	name, faults := auth.ParseName(b.Name.value)
	b.name = &name
	return violationsOf(faults, nil)
}

type patchMeIn struct{ Body userPatch }

// getMe is GET /users/me.
func (a *API) getMe(ctx context.Context, actor auth.Actor, _ *struct{}) (*userOut, error) {
	return userAnswer(a.Identity.Me(ctx, actor))
}

// patchMe is PATCH /users/me.
func (a *API) patchMe(ctx context.Context, actor auth.Actor, in *patchMeIn) (*userOut, error) {
	return userAnswer(a.Identity.Rename(ctx, actor, in.Body.name))
}

// deleteMe is DELETE /users/me.
func (a *API) deleteMe(ctx context.Context, actor auth.Actor, _ *struct{}) (*struct{}, error) {
	return nil, a.Identity.DeleteAccount(ctx, actor)
}

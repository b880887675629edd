package httpapi

import (
	"context"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// The texts of the operations for the contract.
var (
	listTokensDoc = doc{
		"listTokens", "Tokens", "List your API tokens",
		"Your live tokens, newest first, without their secrets.",
	}
	createTokenDoc = doc{
		"createToken", "Tokens", "Create an API token",
		"A credential for programs. It may do what its scopes name, in all projects of yours: every token may read; `write` changes content, `generate` generates code, `manage` manages members, invitations, and bots with their tokens. `token` is shown this once and stored nowhere, so a repeated request creates another token. Send it as `Authorization: Bearer <token>`.",
	}
	revokeTokenDoc = doc{
		"revokeToken", "Tokens", "Revoke an API token",
		"No request with it is accepted any more, and its streams of events end.",
	}
)

// TokenView is an API token as the contract shows it.
type TokenView struct {
	ID         auth.APITokenID `json:"id" format:"uuid"`
	Name       string          `json:"name" minLength:"1" maxLength:"100" example:"claude-code on my laptop"`
	Scopes     []auth.Scope    `json:"scopes" enum:"read,write,generate,manage" minItems:"1" maxItems:"4" uniqueItems:"true" sample:"[\"write\"]"`
	Last4      string          `json:"last4" sample:"x4Qb" doc:"The end of the token."`
	CreatedAt  timestamp       `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
	ExpiresAt  timestamp       `json:"expires_at" sample:"2027-02-20T09:30:00.481516Z"`
	LastUsedAt *timestamp      `json:"last_used_at" nullable:"true" doc:"Noted at most once in 10 minutes; null before the first use."`
	LastUsedIP *string         `json:"last_used_ip" nullable:"true" doc:"Noted together with last_used_at."`
}

func tokenOf(t auth.APIToken) TokenView {
	return TokenView{
		ID: t.ID, Name: t.Name, Scopes: t.Scopes, Last4: t.Last4, CreatedAt: timestamp(t.CreatedAt), ExpiresAt: timestamp(t.ExpiresAt),
		LastUsedAt: (*timestamp)(t.LastUsedAt), LastUsedIP: t.LastUsedIP,
	}
}

// createdToken is a new API token with its secret.
type createdToken struct {
	TokenView
	Token string `json:"token" sample:"cga_01k7…" doc:"The token itself: cga_ and 82 letters and digits. It is shown only here."`
}

type tokensOut struct {
	Body struct {
		Tokens        []TokenView `json:"tokens"`
		NextPageToken string      `json:"next_page_token" doc:"Always empty: all live tokens fit on one page."`
	}
}

type createTokenOut struct {
	Location string `header:"Location" doc:"The path at which the token is revoked."`
	Body     createdToken
}

// tokenBody is what a caller sets of a new token.
type tokenBody struct {
	Name      string               `json:"name" trimmed:"true" minLength:"1" maxLength:"100" sample:"claude-code on my laptop" doc:"On one line; blanks around it are removed."`
	Scopes    []auth.Scope         `json:"scopes" enum:"read,write,generate,manage" minItems:"1" maxItems:"4" uniqueItems:"true" sample:"[\"write\"]" doc:"Each of the others includes read. The token of a bot cannot have manage."`
	ExpiresIn body.Optional[int64] `json:"expires_in,omitempty" minimum:"60" maximum:"31622400" sample:"7776000" doc:"In seconds; if absent, 90 days. At most 366 days."`

	token auth.NewToken
}

func (b *tokenBody) check(c *call) (faults []problem.FieldError) {
	ofBot := c.request.PathValue("id") != ""
	b.token, faults = auth.ParseNewToken(b.Name, b.Scopes, b.ExpiresIn.Pointer(), ofBot)
	return faults
}

type createTokenIn struct{ JSONIn[tokenBody] }

type tokenIn struct {
	ID auth.APITokenID `path:"id" format:"uuid"`
}

// listTokens is GET /tokens.
func (a *API) listTokens(ctx context.Context, actor auth.Actor, _ *struct{}) (*tokensOut, error) {
	return tokensResponse(a.Auth.Tokens(ctx, actor))
}

func tokensResponse(tokens []auth.APIToken, err error) (*tokensOut, error) {
	if err != nil {
		return nil, err
	}
	out := &tokensOut{}
	out.Body.Tokens = each(tokens, tokenOf)
	return out, nil
}

// createToken is POST /tokens.
func (a *API) createToken(ctx context.Context, actor auth.Actor, in *createTokenIn) (*createTokenOut, error) {
	t, secret, err := a.Auth.CreateToken(ctx, actor, in.JSON.token)
	if err != nil {
		return nil, err
	}
	return createdTokenResponse(ctx, "/tokens/", t, secret), nil
}

// createdTokenResponse is the response with a new token below a path.
func createdTokenResponse(ctx context.Context, path string, t auth.APIToken, secret string) *createTokenOut {
	location := created(ctx, path+t.ID.String(), requirements.Tag{}, false).Location
	return &createTokenOut{Location: location, Body: createdToken{tokenOf(t), secret}}
}

// revokeToken is DELETE /tokens/{id}.
func (a *API) revokeToken(ctx context.Context, actor auth.Actor, in *tokenIn) (*struct{}, error) {
	return nil, a.Auth.RevokeToken(ctx, actor, in.ID)
}

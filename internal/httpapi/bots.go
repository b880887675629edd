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
	listBotsDoc = doc{
		"listBots", "Bots", "List your bots",
		"Your bots, newest first.",
	}
	createBotDoc = doc{
		"createBot", "Bots", "Create a bot",
		"A user that belongs to you and works for you, such as a coding agent. It cannot sign in and owns nothing: it sees the projects that it is a member of, through its API tokens. It appears in the history under its own name, and has its own rate limit. At most 20.",
	}
	patchBotDoc = doc{
		"patchBot", "Bots", "Rename a bot",
		"A JSON Merge Patch (RFC 7396) of the name. The history shows the new name.",
	}
	deleteBotDoc = doc{
		"deleteBot", "Bots", "Delete a bot",
		"Deletes the bot with its tokens and memberships. No request of it is accepted any more. What it has written stays.",
	}
	listBotTokensDoc = doc{
		"listBotTokens", "Bots", "List the API tokens of a bot",
		"The live tokens of the bot, newest first, without their secrets.",
	}
	createBotTokenDoc = doc{
		"createBotToken", "Bots", "Create an API token for a bot",
		"As `POST /tokens`, for a bot. Its scopes hold in the projects that the bot is a member of; `manage` is not among them.",
	}
	revokeBotTokenDoc = doc{
		"revokeBotToken", "Bots", "Revoke an API token of a bot",
		"No request with it is accepted any more, and its streams of events end.",
	}
)

// bot is a bot as the contract shows it.
type bot struct {
	ID        auth.UserID `json:"id" format:"uuid"`
	Name      string      `json:"name" minLength:"1" maxLength:"200" example:"claude-code"`
	CreatedAt timestamp   `json:"created_at" sample:"2026-11-22T09:30:00.481516Z"`
}

func botOf(u auth.User) bot {
	return bot{ID: u.ID, Name: u.Name, CreatedAt: timestamp(u.CreatedAt)}
}

type botsOut struct {
	Body struct {
		Bots          []bot  `json:"bots"`
		NextPageToken string `json:"next_page_token" doc:"Always empty: all bots fit on one page."`
	}
}

// listBots is GET /bots.
func (a *API) listBots(ctx context.Context, actor auth.Actor, _ *struct{}) (*botsOut, error) {
	bots, err := a.Auth.Bots(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &botsOut{}
	out.Body.Bots = each(bots, botOf)
	return out, nil
}

// botBody is what a caller sets of a new bot.
type botBody struct {
	Name string `json:"name" trimmed:"true" minLength:"1" maxLength:"200" sample:"claude-code" doc:"On one line; blanks around it are removed."`

	name auth.Name
}

func (b *botBody) check(*call) (faults []problem.FieldError) {
	b.name, faults = auth.ParseName(b.Name)
	return faults
}

type createBotIn struct{ JSONIn[botBody] }

type createBotOut struct {
	Location string `header:"Location" doc:"The path at which the bot is changed and deleted."`
	Body     bot
}

// createBot is POST /bots.
func (a *API) createBot(ctx context.Context, actor auth.Actor, in *createBotIn) (*createBotOut, error) {
	b, err := a.Auth.CreateBot(ctx, actor, in.JSON.name)
	if err != nil {
		return nil, err
	}
	return &createBotOut{Location: created(ctx, "/bots/"+b.ID.String(), requirements.Tag{}, false).Location, Body: botOf(b)}, nil
}

// botPatch is a merge patch of a bot.
type botPatch struct {
	Name body.Change[string] `json:"name,omitempty" trimmed:"true" minLength:"1" maxLength:"200" sample:"claude-code"`

	// name is the new name; nil if it is absent.
	name *auth.Name
}

func (b *botPatch) check(*call) []problem.FieldError {
	if !b.Name.IsSet() {
		return nil
	}
	name, faults := auth.ParseName(b.Name.Value())
	b.name = &name
	return faults
}

type patchBotIn struct {
	ID auth.UserID `path:"id" format:"uuid"`
	JSONIn[botPatch]
}

type botOut struct{ Body bot }

// patchBot is PATCH /bots/{id}.
func (a *API) patchBot(ctx context.Context, actor auth.Actor, in *patchBotIn) (*botOut, error) {
	b, err := a.Auth.RenameBot(ctx, actor, in.ID, in.JSON.name)
	if err != nil {
		return nil, err
	}
	return &botOut{Body: botOf(b)}, nil
}

type botIn struct {
	ID auth.UserID `path:"id" format:"uuid"`
}

// deleteBot is DELETE /bots/{id}.
func (a *API) deleteBot(ctx context.Context, actor auth.Actor, in *botIn) (*struct{}, error) {
	return nil, a.Auth.DeleteBot(ctx, actor, in.ID)
}

// listBotTokens is GET /bots/{id}/tokens.
func (a *API) listBotTokens(ctx context.Context, actor auth.Actor, in *botIn) (*tokensOut, error) {
	return tokensResponse(a.Auth.BotTokens(ctx, actor, in.ID))
}

type createBotTokenIn struct {
	ID auth.UserID `path:"id" format:"uuid"`
	JSONIn[tokenBody]
}

// createBotToken is POST /bots/{id}/tokens.
func (a *API) createBotToken(ctx context.Context, actor auth.Actor, in *createBotTokenIn) (*createTokenOut, error) {
	t, secret, err := a.Auth.CreateBotToken(ctx, actor, in.ID, in.JSON.token)
	if err != nil {
		return nil, err
	}
	return createdTokenResponse(ctx, "/bots/"+in.ID.String()+"/tokens/", t, secret), nil
}

type botTokenIn struct {
	ID    auth.UserID     `path:"id" format:"uuid"`
	Token auth.APITokenID `path:"token_id" format:"uuid"`
}

// revokeBotToken is DELETE /bots/{id}/tokens/{token_id}.
func (a *API) revokeBotToken(ctx context.Context, actor auth.Actor, in *botTokenIn) (*struct{}, error) {
	return nil, a.Auth.RevokeBotToken(ctx, actor, in.ID, in.Token)
}

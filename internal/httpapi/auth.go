package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/identity"
)

// tokenPair is the answer of a sign-in.
type tokenPair struct {
	AccessToken      string             `json:"access_token" doc:"Send it as Authorization: Bearer <access_token>."`
	TokenType        string             `json:"token_type" enum:"Bearer"`
	ExpiresIn        int                `json:"expires_in" minimum:"1" doc:"Seconds until the access token expires."`
	RefreshToken     string             `json:"refresh_token" doc:"Works once; keep it in one place only."`
	RefreshExpiresIn int                `json:"refresh_expires_in" minimum:"1" doc:"Seconds until the refresh token expires if it is not used."`
	SessionID        identity.SessionID `json:"session_id" format:"uuid"`
	User             UserView           `json:"user"`
}

type tokenPairOut struct {
	CacheControl string `header:"Cache-Control"`
	Body         tokenPair
}

func grantAnswer(g identity.Grant) *tokenPairOut {
	return &tokenPairOut{CacheControl: "no-store", Body: tokenPair{
		AccessToken: g.AccessToken, TokenType: "Bearer", ExpiresIn: int(g.AccessExpires.Seconds()),
		RefreshToken: g.RefreshToken, RefreshExpiresIn: int(g.RefreshExpires.Seconds()), SessionID: g.Session.ID,
		User: userOf(g.User),
	}}
}

type loginIn struct {
	Caller
	Body struct {
		IDToken string `json:"id_token" minLength:"1" maxLength:"16384" doc:"An ID token that Google issued for this application."`
		Nonce   string `json:"nonce,omitempty" maxLength:"255" doc:"The nonce that the token must carry, if one was asked for."`
	}
}

// Caller is where a request of somebody who need not be signed in comes from.
type Caller struct {
	from identity.Client
}

// Resolve reads it from what is known of the request.
func (c *Caller) Resolve(ctx huma.Context) []error {
	r, _ := unwrap(ctx)
	c.from = clientOf(r)
	return nil
}

// clientOf is where a request comes from.
func clientOf(r *http.Request) identity.Client {
	known := recordOf(r.Context())
	return identity.Client{IP: known.address.String(), UserAgent: clip(r.UserAgent(), 500), RequestID: known.requestID}
}

// login is POST /auth/login.
func (a *API) login(ctx context.Context, in *loginIn) (*tokenPairOut, error) {
	grant, err := a.Identity.SignIn(ctx, in.Body.IDToken, in.Body.Nonce, in.from)
	if err != nil {
		return nil, err
	}
	return grantAnswer(grant), nil
}

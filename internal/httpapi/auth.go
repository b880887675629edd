package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// tokenPair is the answer of a sign-in.
type tokenPair struct {
	AccessToken      string         `json:"access_token" doc:"Send it as Authorization: Bearer <access_token>."`
	TokenType        string         `json:"token_type" enum:"Bearer"`
	ExpiresIn        int            `json:"expires_in" minimum:"1" doc:"Seconds until the access token expires."`
	RefreshToken     string         `json:"refresh_token,omitempty" doc:"Works once; keep it in one place only. Absent where it is in a cookie."`
	RefreshExpiresIn int            `json:"refresh_expires_in" minimum:"1" doc:"Seconds until the refresh token expires if it is not used."`
	SessionID        auth.SessionID `json:"session_id" format:"uuid"`
	User             UserView       `json:"user"`
}

type tokenPairOut struct {
	CacheControl string   `header:"Cache-Control" doc:"Always no-store."`
	SetCookie    []string `header:"Set-Cookie" doc:"The refresh token, where it goes into a cookie."`
	Body         tokenPair
}

func grantAnswer(g auth.TokenPair) *tokenPairOut {
	return &tokenPairOut{CacheControl: noStore, Body: tokenPair{
		AccessToken: g.AccessToken, TokenType: "Bearer", ExpiresIn: int(g.AccessExpires.Seconds()),
		RefreshToken: g.RefreshToken, RefreshExpiresIn: int(g.RefreshExpires.Seconds()), SessionID: g.Session.ID,
		User: userOf(g.User),
	}}
}

const noStore = "no-store"

// answer is grantAnswer, with the refresh token in a cookie where that is asked.
func (a *API) answer(r *http.Request, g auth.TokenPair, inCookie bool) *tokenPairOut {
	out := grantAnswer(g)
	if inCookie {
		out.SetCookie = []string{a.refreshCookie(r, g)}
		out.Body.RefreshToken = ""
	}
	return out
}

// Caller is where a request of somebody who need not be signed in comes from.
type Caller struct {
	from    auth.Client
	request *http.Request
}

// Resolve reads it from what is known of the request.
func (c *Caller) Resolve(ctx huma.Context) []error {
	c.request, _ = unwrap(ctx)
	c.from = clientOf(c.request)
	return nil
}

// clientOf is where a request comes from.
func clientOf(r *http.Request) auth.Client {
	known := recordOf(r.Context())
	return auth.Client{IP: known.address.String(), UserAgent: clip(r.UserAgent(), 500), RequestID: known.requestID}
}

package httpapi

import (
	"net/http"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/login"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// tokenPair is the response to a sign-in or a refresh.
type tokenPair struct {
	AccessToken      string         `json:"access_token" sample:"eyJhbGciOiJ…" doc:"Send it as Authorization: Bearer <access_token>."`
	TokenType        string         `json:"token_type" enum:"Bearer"`
	ExpiresIn        int            `json:"expires_in" minimum:"1" sample:"3600" doc:"Seconds until the access token expires."`
	RefreshToken     string         `json:"refresh_token,omitempty" sample:"cgr_7Qm2…" doc:"Works once; store it in one place only. Absent if it is in a cookie."`
	RefreshExpiresIn int            `json:"refresh_expires_in" minimum:"1" sample:"86400" doc:"Seconds until the refresh token expires if it is not used."`
	SessionID        auth.SessionID `json:"session_id" format:"uuid"`
	User             UserView       `json:"user"`
}

type tokenPairOut struct {
	CacheControl string   `header:"Cache-Control" doc:"Always no-store."`
	SetCookie    []string `header:"Set-Cookie" doc:"The refresh token, if it goes into a cookie."`
	Body         tokenPair
}

// tokenPairResponse is the response with a pair; its refresh token is in the body or in
// a cookie.
func tokenPairResponse(r *http.Request, pair auth.TokenPair, inCookie bool) *tokenPairOut {
	out := &tokenPairOut{CacheControl: login.NoStore, Body: tokenPair{
		AccessToken: pair.AccessToken, TokenType: "Bearer", ExpiresIn: int(pair.AccessExpires.Seconds()),
		RefreshToken: pair.RefreshToken, RefreshExpiresIn: int(pair.RefreshExpires.Seconds()), SessionID: pair.Session.ID,
		User: userOf(pair.User),
	}}
	if inCookie {
		out.SetCookie = []string{login.RefreshCookie(r, pair)}
		out.Body.RefreshToken = ""
	}
	return out
}

// resultOf is the result of a sign-in or a refresh, for metrics: ok; refused, because
// of what the caller sent; reused, an old refresh token; unavailable, a dependency is
// away; or failed, a fault of the program.
func resultOf(err error) string {
	if err == nil {
		return "ok"
	}
	switch code := problem.CodeOf(err); {
	case code == problem.RefreshTokenReused:
		return "reused"
	case code.Doc().Kind == problem.KindUnavailable:
		return "unavailable"
	case code == problem.Internal:
		return "failed"
	default:
		return "refused"
	}
}

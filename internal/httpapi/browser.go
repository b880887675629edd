package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// attemptCookieName is the cookie of a sign-in that is under way.
	attemptCookieName = "google_sign_in"
	// signInPath is where a browser begins; below it lies what follows.
	signInPath   = prefix + "/auth/google"
	callbackPath = signInPath + "/callback"
)

// redirectOut sends the browser elsewhere. No token is ever part of the address.
type redirectOut struct {
	CacheControl string   `header:"Cache-Control" doc:"Always no-store."`
	Location     string   `header:"Location" doc:"Where the browser goes next."`
	SetCookie    []string `header:"Set-Cookie" doc:"The state of the sign-in; after it the refresh token."`
}

type beginSignInIn struct {
	Caller
	ReturnTo string `query:"return_to" default:"/" maxLength:"2000" doc:"Where the browser goes after the sign-in: a path of this server, or a URL at its origin or at one of CORS_ORIGINS."`
}

// beginSignIn is GET /auth/google.
func (a *API) beginSignIn(ctx context.Context, in *beginSignInIn) (*redirectOut, error) {
	if !a.returnable(in.request, in.ReturnTo) {
		return nil, problem.New(problem.InvalidParameter, "The query parameter return_to is no path of this server, nor at an origin that it trusts.")
	}
	attempt := auth.NewAuthRequest(a.callback(in.request))
	page, err := a.Identity.AuthCodeURL(ctx, attempt)
	if err != nil {
		return nil, err
	}
	kept := a.attemptCookie(in.request, a.attempts.seal(attempt, in.ReturnTo))
	return &redirectOut{CacheControl: noStore, Location: page, SetCookie: []string{kept}}, nil
}

// callback is the redirect URI that the browser comes back to.
func (a *API) callback(r *http.Request) string { return a.origin(r) + callbackPath }

// attemptCookie comes along when Google sends the browser back, which is another
// site: so it is Lax.
func (a *API) attemptCookie(r *http.Request, value string) string {
	c := a.cookie(r, attemptCookieName, value, attemptLife, http.SameSiteLaxMode) //nolint:gosec // secure under HTTPS
	if !c.Secure {                                                                // a name with the prefix __Host- has the path /
		c.Path = signInPath
	}
	return c.String()
}

type finishSignInIn struct {
	Caller
	State string `query:"state" maxLength:"200" doc:"Binds the answer to the browser that has asked."`
	Code  string `query:"code" maxLength:"2048" doc:"The authorization code."`
	Error string `query:"error" maxLength:"200" doc:"Why there is no code."`
}

// finishSignIn is GET /auth/google/callback. Who cannot be told apart from a
// stranger gets a problem; whose attempt it is goes back to where it began.
func (a *API) finishSignIn(ctx context.Context, in *finishSignInIn) (*redirectOut, error) {
	of, err := a.attempts.open(a.broughtCookie(in.request, attemptCookieName), in.State)
	if err != nil {
		return nil, problem.New(problem.CSRFRejected, "This sign-in did not begin in this browser, or took too long; begin again.").Because(err)
	}
	out := &redirectOut{CacheControl: noStore, Location: of.ReturnTo, SetCookie: []string{a.attemptCookie(in.request, "")}}
	if in.Error == declined {
		out.Location = withError(of.ReturnTo, declined)
		return out, nil
	}
	grant, err := a.redeem(ctx, in, of)
	a.Metrics.SignIn(resultOf(err))
	if err != nil {
		out.Location = withError(of.ReturnTo, problemOf(in.request, err).Code)
		return out, nil
	}
	out.SetCookie = append(out.SetCookie, a.refreshCookie(in.request, grant))
	return out, nil
}

// declined is what OAuth calls the answer of somebody who does not want to sign
// in (RFC 6749, section 4.1.2.1). It goes on to the front end as it is.
const declined = "access_denied"

func (a *API) redeem(ctx context.Context, in *finishSignInIn, of attempt) (auth.TokenPair, error) {
	switch {
	case in.Error != "":
		return auth.TokenPair{}, problem.New(problem.Unavailable, "Google has not signed anybody in.").
			Because(fmt.Errorf("the authorization endpoint answered %.50q", in.Error))
	case in.Code == "":
		return auth.TokenPair{}, problem.New(problem.GoogleTokenInvalid, "The answer has no authorization code.")
	}
	return a.Identity.SignInByCode(ctx, in.Code, of.by(a.callback(in.request)), in.from)
}

// withError is an address with the code of what went wrong as its parameter
// error. It was checked before the attempt began.
func withError(address, code string) string {
	at, err := url.Parse(address)
	if err != nil {
		return address
	}
	query := at.Query()
	query.Set("error", code)
	at.RawQuery = query.Encode()
	return at.String()
}

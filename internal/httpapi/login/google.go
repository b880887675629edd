package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// googlePath is where the browser begins, below the prefix of the API;
	// callbackPath is where Google sends it back to.
	googlePath   = "/auth/google"
	callbackPath = googlePath + "/callback"
)

// Redirect sends the browser elsewhere. Its Location never contains a token.
type Redirect struct {
	CacheControl string   `header:"Cache-Control" doc:"Always no-store."`
	Location     string   `header:"Location" doc:"Where the browser goes next."`
	SetCookie    []string `header:"Set-Cookie" doc:"The state of the sign-in; after it the refresh token."`
}

// AuthorizeIn is the input of Authorize.
type AuthorizeIn struct {
	Caller
	ReturnTo string `query:"return_to" default:"/" maxLength:"2000" doc:"Where the browser goes after the sign-in: a path at the server's origin, or a URL there or at one of CORS_ORIGINS. By default the page of the server."`
}

// Authorize is GET /auth/google: it redirects the browser to Google's page.
func (l *Login) Authorize(ctx context.Context, in *AuthorizeIn) (*Redirect, error) {
	if !l.mayReturnTo(in.request, in.ReturnTo) {
		return nil, problem.New(problem.InvalidParameter, "The query parameter return_to must be a path of this server, or a URL at its origin or at an origin that its setting CORS_ORIGINS lists.")
	}
	request := auth.NewAuthorizationRequest(l.redirectURI(in.request))
	page, err := l.Auth.AuthCodeURL(ctx, request)
	if err != nil {
		return l.failed(in.request, withoutClient(err))
	}
	returnTo := in.ReturnTo
	if returnTo == "/" { // behind a prefix, that is not the root of the origin
		returnTo = public(in.request).Path("/")
	}
	sealed := l.stateCookie(in.request, stateName(request.State), l.states.seal(request, returnTo), stateTTL)
	return &Redirect{CacheControl: NoStore, Location: page, SetCookie: append(l.removeStates(in.request), sealed)}, nil
}

// withoutClient is the problem of a server without an OAuth client, which has no sign-in
// by redirect. Other errors pass unchanged.
func withoutClient(err error) error {
	if !errors.Is(err, auth.ErrNoCodeFlow) {
		return err
	}
	return problem.New(middleware.RouteNotFound, "This server has no OAuth client (GOOGLE_CLIENT_ID), so there is no sign-in by redirect. Sign in with POST /api/v1/auth/login and an ID token.").Because(err)
}

// redirectURI is where Google sends the browser back to.
func (l *Login) redirectURI(r *http.Request) string {
	return public(r).Origin() + public(r).Path(l.Prefix+callbackPath)
}

// CallbackIn is the input of Callback.
type CallbackIn struct {
	Caller
	State string `query:"state" maxLength:"200" doc:"Binds the response to the browser that began the sign-in."`
	Code  string `query:"code" maxLength:"2048" doc:"The authorization code."`
	Error string `query:"error" maxLength:"200" doc:"Why there is no code."`
}

// Callback is GET /auth/google/callback. Without a valid state the request gets a
// problem. With one, the browser returns to where the sign-in began, also after a
// failure, and if the callback of a complete sign-in comes again.
func (l *Login) Callback(ctx context.Context, in *CallbackIn) (*Redirect, error) {
	name := stateName(in.State)
	of, err := l.states.open(cookieValue(in.request, name), in.State)
	if err != nil {
		return l.failed(in.request, problem.New(problem.CSRFRejected, "This sign-in did not begin in this browser, or took too long. Begin again.").Because(err))
	}
	out := &Redirect{CacheControl: NoStore, Location: of.ReturnTo}
	if of.Complete {
		return out, nil
	}
	out.SetCookie = []string{l.stateCookie(in.request, name, "", 0)}
	if in.Error == accessDenied {
		out.Location = withError(of.ReturnTo, accessDenied)
		return out, nil
	}
	pair, err := l.redeem(ctx, in, of)
	l.OnSignIn(err)
	if err == nil {
		sealed, age := l.states.complete(of)
		out.SetCookie = []string{l.stateCookie(in.request, name, sealed, age), RefreshCookie(in.request, pair)}
		return out, nil
	}
	code := l.Report(in.request, err)
	if code != problem.GoogleTokenInvalid || !HasRefreshCookie(in.request) {
		out.Location = withError(of.ReturnTo, string(code))
	} // else the code was used by the same callback before, which signed in
	return out, nil
}

// failed is the response to a browser that cannot continue its sign-in: people get the
// page that explains the problem and links to the start, other clients the problem.
func (l *Login) failed(r *http.Request, err error) (*Redirect, error) {
	code := problem.CodeOf(err)
	if (code != problem.CSRFRejected && code != problem.Unavailable) || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return nil, err
	}
	return &Redirect{CacheControl: NoStore, Location: public(r).Path("/problems/" + string(l.Report(r, err)))}, nil
}

// accessDenied is OAuth's code for a user who declines (RFC 6749, section 4.1.2.1).
// The front end gets it unchanged.
const accessDenied = "access_denied"

// redeem exchanges the authorization code for a session.
func (l *Login) redeem(ctx context.Context, in *CallbackIn, of state) (auth.TokenPair, error) {
	switch {
	case in.Error != "":
		return auth.TokenPair{}, problem.New(problem.Unavailable, "Google could not complete the sign-in.").
			Because(fmt.Errorf("the authorization endpoint responded with %.50q", in.Error))
	case in.Code == "":
		return auth.TokenPair{}, problem.New(problem.GoogleTokenInvalid, "The response has no authorization code.")
	}
	pair, err := l.Auth.SignInByCode(ctx, in.Code, of.authRequest(l.redirectURI(in.request)), in.Client())
	return pair, withoutClient(err)
}

// withError adds the code of a failure to an address as its parameter error. The
// address was checked before the sign-in began.
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

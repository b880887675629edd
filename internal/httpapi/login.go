package httpapi

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/login"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// The texts of the operations for the contract.
var (
	loginDoc = doc{
		"login", "Sessions", "Sign in with Google",
		"Exchanges a Google ID token, or an authorization code with its PKCE verifier, for an access token and a refresh token. The first sign-in creates the user. An ID token works once; so does a code. With `cookie` the refresh token goes into a cookie that scripts cannot read (`HttpOnly`, `SameSite=Strict`; `__Host-refresh_token` under HTTPS; over plain HTTP, in development, `refresh_token` and the port, such as `refresh_token_8080`).",
	}
	authorizeDoc = doc{
		"beginSignIn", "Sessions", "Sign in with a browser",
		"Redirects the browser to Google, and stores state, nonce and PKCE verifier in a cookie for ten minutes. Open it as a page, not from a script.",
	}
	callbackDoc = doc{
		"finishSignIn", "Sessions", "Return from Google",
		"Google redirects the browser here. The refresh token goes into a cookie, as with `cookie` in `POST /auth/login`, and the browser goes to `return_to`. The page there gets its access token from `POST /auth/refresh`. If the sign-in fails, `return_to` gets the parameter `error`: the code of a problem, or `access_denied` if the user has declined. A redirect that does not belong to a sign-in of this browser gets a problem instead.",
	}
)

type loginIn struct {
	login.Caller
	JSONIn[loginBody]
}

// loginBody is a sign-in in one of two forms. The contract shows them as two schemas,
// idTokenLogin and codeLogin.
type loginBody struct {
	IDToken      body.Optional[string] `json:"id_token,omitempty" minLength:"1" maxLength:"16384"`
	Nonce        body.Optional[string] `json:"nonce,omitempty" maxLength:"255"`
	Code         body.Optional[string] `json:"code,omitempty" minLength:"1" maxLength:"2048"`
	CodeVerifier body.Optional[string] `json:"code_verifier,omitempty" pattern:"^[A-Za-z0-9._~-]{43,128}$" patternDescription:"43 to 128 letters, digits and - . _ ~ (RFC 7636)"`
	RedirectURI  body.Optional[string] `json:"redirect_uri,omitempty" minLength:"1" maxLength:"2000"`
	Cookie       body.Optional[bool]   `json:"cookie,omitempty"`
}

// idTokenLogin is a sign-in with an ID token.
type idTokenLogin struct {
	IDToken string `json:"id_token" sample:"eyJhbGciOiJSUzI1NiIs…" minLength:"1" maxLength:"16384" doc:"An ID token of Google Sign-In, or of Identity Platform, for this application."`
	Nonce   string `json:"nonce,omitempty" maxLength:"255" doc:"The nonce that the token must contain, if the client requested one."`
	Cookie  bool   `json:"cookie,omitzero" doc:"Puts the refresh token into a cookie instead of the body."`
}

// codeLoginLimit is a sign-in with an authorization code.
type codeLogin struct {
	Code         string `json:"code" sample:"4/0AVG7fiQ…" minLength:"1" maxLength:"2048" doc:"The authorization code that Google gave to the client."`
	CodeVerifier string `json:"code_verifier" sample:"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" pattern:"^[A-Za-z0-9._~-]{43,128}$" doc:"The PKCE verifier of the authorization request (RFC 7636)."`
	RedirectURI  string `json:"redirect_uri" sample:"https://app.example.com/signed-in" minLength:"1" maxLength:"2000" doc:"The redirect_uri of the authorization request: at this server's origin, at one of CORS_ORIGINS, http on loopback, or postmessage."`
	Cookie       bool   `json:"cookie,omitzero" sample:"true" doc:"Puts the refresh token into a cookie instead of the body."`
}

// describeLogin shows the two forms of the body in the contract.
func describeLogin(contract *huma.OpenAPI) {
	schemas := contract.Components.Schemas
	delete(schemas.Map(), "LoginBody") // the two forms together, which only the server reads
	contract.Paths["/auth/login"].Post.RequestBody.Content[openapi.JSON].Schema = &huma.Schema{OneOf: []*huma.Schema{
		schemas.Schema(reflect.TypeFor[idTokenLogin](), true, ""), schemas.Schema(reflect.TypeFor[codeLogin](), true, ""),
	}}
}

// check rejects a body that does not have exactly one of its forms.
func (b *loginBody) check(c *call) []problem.FieldError {
	type field struct {
		pointer string
		present bool
	}
	ofCode := []field{
		{"/code", b.Code.IsSet()}, {"/code_verifier", b.CodeVerifier.IsSet()}, {"/redirect_uri", b.RedirectURI.IsSet()},
	}
	var faults []problem.FieldError
	reject := func(pointer, code, detail string) {
		faults = append(faults, problem.FieldError{Pointer: pointer, Code: code, Detail: detail})
	}
	const other = "This belongs to the other way to sign in. Send the fields of one way only."
	switch byCode := slices.ContainsFunc(ofCode, func(f field) bool { return f.present }); {
	case b.IDToken.IsSet():
		for _, f := range ofCode {
			if f.present {
				reject(f.pointer, "not_allowed", other)
			}
		}
	case byCode:
		for _, f := range ofCode {
			if !f.present {
				reject(f.pointer, "required", "This is needed.")
			}
		}
		if b.Nonce.IsSet() {
			reject("/nonce", "not_allowed", other)
		}
	default:
		reject("/id_token", "required", "This is needed, or else code with code_verifier and redirect_uri.")
	}
	if b.RedirectURI.IsSet() && !c.api.browser.AcceptsRedirectURI(c.request, b.RedirectURI.Value()) {
		reject("/redirect_uri", "not_allowed", "This server does not accept codes for this redirect URI.")
	}
	return faults
}

// login is POST /auth/login.
func (a *API) login(ctx context.Context, in *loginIn) (*tokenPairOut, error) {
	if in.JSON.Cookie.Value() {
		if err := a.browser.CheckOrigin(in.Request()); err != nil {
			return nil, err
		}
	}
	pair, err := a.signIn(ctx, in.JSON, in.Client())
	a.Metrics.SignIn(resultOf(err))
	if err != nil {
		return nil, err
	}
	return tokenPairResponse(in.Request(), pair, in.JSON.Cookie.Value()), nil
}

func (a *API) signIn(ctx context.Context, by loginBody, from auth.Client) (auth.TokenPair, error) {
	if by.IDToken.IsSet() {
		return a.Auth.SignIn(ctx, by.IDToken.Value(), by.Nonce.Value(), from)
	}
	pair, err := a.Auth.SignInByCode(ctx, by.Code.Value(), auth.AuthorizationRequest{
		RedirectURI: by.RedirectURI.Value(), Verifier: by.CodeVerifier.Value(),
	}, from)
	if errors.Is(err, auth.ErrNoCodeFlow) {
		return pair, problem.Invalid([]problem.FieldError{{
			Pointer: "/code", Code: "not_allowed", Detail: "This server has no OAuth client (GOOGLE_CLIENT_ID), so it accepts no authorization codes. Send id_token instead.",
		}}).Because(err)
	}
	return pair, err
}

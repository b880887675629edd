package httpapi

import (
	"context"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

type loginIn struct {
	Caller
	Body loginBody
}

// loginBody is a sign-in in one of two forms. The contract shows each by itself:
// idTokenLogin and codeLoginLimit.
type loginBody struct {
	IDToken      given[string] `json:"id_token,omitempty" minLength:"1" maxLength:"16384"`
	Nonce        given[string] `json:"nonce,omitempty" maxLength:"255"`
	Code         given[string] `json:"code,omitempty" minLength:"1" maxLength:"2048"`
	CodeVerifier given[string] `json:"code_verifier,omitempty" pattern:"^[A-Za-z0-9._~-]{43,128}$" patternDescription:"43 to 128 letters, digits and - . _ ~ (RFC 7636)"`
	RedirectURI  given[string] `json:"redirect_uri,omitempty" minLength:"1" maxLength:"2000"`
	Cookie       given[bool]   `json:"cookie,omitempty"`
}

// idTokenLogin is a sign-in with an ID token.
type idTokenLogin struct {
	IDToken string `json:"id_token" minLength:"1" maxLength:"16384" doc:"An ID token of Google Sign-In, or of Identity Platform, for this application."`
	Nonce   string `json:"nonce,omitempty" maxLength:"255" doc:"The nonce that the token must carry, if one was asked for."`
	Cookie  bool   `json:"cookie,omitzero" doc:"Puts the refresh token into a cookie instead of the body."`
}

// codeLoginLimit is a sign-in with an authorization code.
type codeLogin struct {
	Code         string `json:"code" minLength:"1" maxLength:"2048" doc:"The authorization code that Google has given to the client."`
	CodeVerifier string `json:"code_verifier" pattern:"^[A-Za-z0-9._~-]{43,128}$" doc:"The PKCE verifier of the authorization request (RFC 7636)."`
	RedirectURI  string `json:"redirect_uri" minLength:"1" maxLength:"2000" doc:"The redirect_uri of the authorization request: at this server's origin, at one of CORS_ORIGINS, http on loopback, or postmessage."`
	Cookie       bool   `json:"cookie,omitzero" doc:"Puts the refresh token into a cookie instead of the body."`
}

// Schema is what bodies are checked by.
func (*loginBody) Schema(schemas huma.Registry) *huma.Schema {
	type plain loginBody
	return huma.SchemaFromType(schemas, typeOf[plain]())
}

// loginForms is what the contract shows of bodies.
func loginForms(schemas huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: each([]reflect.Type{typeOf[idTokenLogin](), typeOf[codeLogin]()}, func(form reflect.Type) *huma.Schema {
		return schemas.Schema(form, true, "")
	})}
}

// Resolve holds the body to one of its forms.
func (b *loginBody) Resolve(ctx huma.Context) []error {
	type field struct {
		pointer string
		there   bool
	}
	ofCode := []field{
		{"/code", b.Code.there()}, {"/code_verifier", b.CodeVerifier.there()}, {"/redirect_uri", b.RedirectURI.there()},
	}
	var faults []problem.FieldError
	refuse := func(pointer, code, detail string) {
		faults = append(faults, problem.FieldError{Pointer: pointer, Code: code, Detail: detail})
	}
	const other = "This belongs to another way to sign in; send the fields of one way only."
	switch byCode := slices.ContainsFunc(ofCode, func(f field) bool { return f.there }); {
	case b.IDToken.there():
		for _, f := range ofCode {
			if f.there {
				refuse(f.pointer, "not_allowed", other)
			}
		}
	case byCode:
		for _, f := range ofCode {
			if !f.there {
				refuse(f.pointer, "required", "This is needed.")
			}
		}
		if b.Nonce.there() {
			refuse("/nonce", "not_allowed", other)
		}
	default:
		refuse("/id_token", "required", "This is needed, or else code with code_verifier and redirect_uri.")
	}
	if r, _ := unwrap(ctx); b.RedirectURI.ok && !callOf(ctx.Context()).api.redirectable(r, b.RedirectURI.value) {
		refuse("/redirect_uri", "not_allowed", "This is no address that codes for this server go to.")
	}
	return violationsOf(faults, nil)
}

// login is POST /auth/login.
func (a *API) login(ctx context.Context, in *loginIn) (*tokenPairOut, error) {
	if in.Body.Cookie.value {
		if err := a.checkOrigin(in.request); err != nil {
			return nil, err
		}
	}
	grant, err := a.signIn(ctx, in.Body, in.from)
	a.Metrics.SignIn(resultOf(err))
	if err != nil {
		return nil, err
	}
	return a.answer(in.request, grant, in.Body.Cookie.value), nil
}

func (a *API) signIn(ctx context.Context, by loginBody, from auth.Client) (auth.TokenPair, error) {
	if by.IDToken.ok {
		return a.Identity.SignIn(ctx, by.IDToken.value, by.Nonce.value, from)
	}
	return a.Identity.SignInByCode(ctx, by.Code.value, auth.AuthRequest{
		RedirectURI: by.RedirectURI.value, Verifier: by.CodeVerifier.value,
	}, from)
}

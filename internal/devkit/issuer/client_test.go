package issuer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// client is the application, built on golang.org/x/oauth2 and go-oidc.
func (w *fixture) client(t *testing.T) *oauth2.Config {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), w.url)
	if err != nil {
		t.Fatal(err)
	}
	return &oauth2.Config{
		ClientID: "web&app", ClientSecret: "s3cret:+ %", RedirectURL: callback,
		Endpoint: provider.Endpoint(), Scopes: []string{"openid", "email"},
	}
}

// authorize goes to the page of an authorization request with a hint for Ann,
// and returns the parameters that come back to the client.
func authorize(t *testing.T, app *oauth2.Config, verifier string) url.Values {
	t.Helper()
	at := app.AuthCodeURL("st&te", oidc.Nonce("n-0S6"), oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("login_hint", "ann@example.com"))
	return back(t, get(t, at), app.RedirectURL)
}

// back returns the parameters of a redirect to the client.
func back(t *testing.T, res reply, redirectURL string) url.Values {
	t.Helper()
	to, err := url.Parse(res.location)
	if err != nil || res.status != http.StatusFound {
		t.Fatalf("responded %d to %q, want a redirect", res.status, res.location)
	}
	response := to.Query()
	base, _, _ := strings.Cut(redirectURL, "?")
	if !strings.HasPrefix(to.String(), base) {
		t.Fatalf("redirected to %s, want %s", to, redirectURL)
	}
	return response
}

func TestIssuer_AuthorizationCodeFlow(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*oauth2.Config){
		"with the secret in the header": func(app *oauth2.Config) { app.Endpoint.AuthStyle = oauth2.AuthStyleInHeader },
		"with the secret in the form":   func(app *oauth2.Config) { app.Endpoint.AuthStyle = oauth2.AuthStyleInParams },
		"without a secret": func(app *oauth2.Config) {
			app.ClientID, app.ClientSecret, app.RedirectURL = "phone", "", "com.example.app:/callback"
			app.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		},
	} {
		for _, path := range []string{"", "/dev/google", "/slash/"} {
			t.Run(name+" below "+path, func(t *testing.T) {
				t.Parallel()
				w := startBelow(t, path)
				app := w.client(t)
				change(app)
				verifier := oauth2.GenerateVerifier()
				response := authorize(t, app, verifier)
				if response.Get("state") != "st&te" {
					t.Errorf("the state came back as %q", response.Get("state"))
				}
				token, err := app.Exchange(t.Context(), response.Get("code"), oauth2.VerifierOption(verifier))
				if err != nil {
					t.Fatal(err)
				}
				if token.AccessToken == "" || token.Type() != "Bearer" || token.ExpiresIn != 3600 {
					t.Errorf("the response is %+v", token)
				}
				raw, _ := token.Extra("id_token").(string)
				claims, err := claimsOf(t, w, raw, app.ClientID)
				if err != nil {
					t.Fatal(err)
				}
				if claims["nonce"] != "n-0S6" || claims["sub"] != "1001" || claims["aud"] != app.ClientID {
					t.Errorf("the claims are %v", claims)
				}
			})
		}
	}
}

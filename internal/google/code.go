package google

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/oauth2"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// exchangeBound is how long the exchange of a code may take.
const exchangeBound = 3 * time.Second

// client is who we are to the issuer when we exchange codes.
type client struct {
	id, secret string
	http       http.Client
}

func newClient(cfg Config) client {
	c := client{secret: cfg.ClientSecret}
	if len(cfg.ClientIDs) > 0 {
		c.id = cfg.ClientIDs[0]
	}
	if cfg.HTTP != nil {
		c.http = *cfg.HTTP
	}
	c.http.Timeout = exchangeBound
	// A redirect would carry code and secret to somewhere else.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// AuthCodeURL returns where the person of an attempt signs in, as [auth.Provider]
// promises.
func (p *Provider) AuthCodeURL(ctx context.Context, a auth.AuthRequest) (string, error) {
	flow, err := p.flow(ctx, a)
	if err != nil {
		return "", err
	}
	return flow.AuthCodeURL(a.State,
		oauth2.S256ChallengeOption(a.Verifier),
		oauth2.SetAuthURLParam("nonce", a.Nonce),
		// Nobody is signed in by a link alone, and who has several accounts
		// is asked which.
		oauth2.SetAuthURLParam("prompt", "select_account"),
	), nil
}

// ExchangeCode exchanges a code and verifies what it is exchanged for, as
// [auth.Provider] promises.
func (p *Provider) ExchangeCode(ctx context.Context, code string, a auth.AuthRequest) (auth.Profile, error) {
	flow, err := p.flow(ctx, a)
	if err != nil {
		return auth.Profile{}, err
	}
	token, err := flow.Exchange(context.WithValue(ctx, oauth2.HTTPClient, &p.client.http), code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return auth.Profile{}, refusedExchange(err)
	}
	rawIDToken, _ := token.Extra("id_token").(string)
	if err := checkForm(rawIDToken); err != nil {
		return auth.Profile{}, err
	}
	return p.signIn.verify(ctx, rawIDToken, a.Nonce)
}

// flow is the authorization code flow (RFC 6749, section 4.1) of an attempt.
func (p *Provider) flow(ctx context.Context, a auth.AuthRequest) (*oauth2.Config, error) {
	at, err := p.signIn.keys.places(ctx)
	if err != nil {
		return nil, err
	}
	if p.client.id == "" || at.TokenURL == "" {
		return nil, problem.New(problem.Unavailable, "This server has no way to exchange authorization codes; sign in with an ID token.")
	}
	return &oauth2.Config{
		ClientID: p.client.id, ClientSecret: p.client.secret, RedirectURL: a.RedirectURI,
		Scopes: []string{"openid", "email", "profile"},
		// Set, because trying which style works would use up the code.
		Endpoint: oauth2.Endpoint{AuthURL: at.PageURL, TokenURL: at.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}, nil
}

// callersFaults are the errors of the token endpoint (RFC 6749, section 5.2) that
// come from what the caller has sent; the others are ours or the issuer's.
var callersFaults = []string{"invalid_grant", "invalid_request", "redirect_uri_mismatch"}

// refusedExchange says why a code was not exchanged. The issuer's own words stay
// with it: they could repeat what was sent.
func refusedExchange(err error) error {
	answer, answered := errors.AsType[*oauth2.RetrieveError](err)
	if answered && slices.Contains(callersFaults, answer.ErrorCode) {
		return refuse("The authorization code is not accepted: it is unknown, too old, was used before, or belongs to another code_verifier or redirect_uri.")
	}
	if answered {
		err = fmt.Errorf("the token endpoint answered %d %.50q", answer.Response.StatusCode, answer.ErrorCode)
	}
	return problem.New(problem.Unavailable, "The identity provider does not exchange codes at the moment.").Because(err)
}

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

const (
	// exchangeTimeout is the longest time for the exchange of a code.
	exchangeTimeout = 3 * time.Second
	// exchangeRetry is the Retry-After of a failed exchange, which may have used up the
	// code.
	exchangeRetry = 5 * time.Second
)

// client is the OAuth client that exchanges codes.
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
	c.http.Timeout = exchangeTimeout
	// A redirect would send code and secret to another server.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// AuthCodeURL returns the URL at which the user signs in, as [auth.Provider] specifies.
func (p *Provider) AuthCodeURL(ctx context.Context, a auth.AuthorizationRequest) (string, error) {
	flow, err := p.flow(ctx, a)
	if err != nil {
		return "", err
	}
	return flow.AuthCodeURL(a.State,
		oauth2.S256ChallengeOption(a.Verifier),
		oauth2.SetAuthURLParam("nonce", a.Nonce),
		// A link alone signs no user in, and users with several accounts choose one.
		oauth2.SetAuthURLParam("prompt", "select_account"),
	), nil
}

// ExchangeCode exchanges a code and verifies the ID token in the response, as
// [auth.Provider] specifies.
func (p *Provider) ExchangeCode(ctx context.Context, code string, a auth.AuthorizationRequest) (auth.Profile, error) {
	flow, err := p.flow(ctx, a)
	if err != nil {
		return auth.Profile{}, err
	}
	token, err := flow.Exchange(context.WithValue(ctx, oauth2.HTTPClient, &p.client.http), code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return auth.Profile{}, exchangeError(err)
	}
	rawIDToken, _ := token.Extra("id_token").(string)
	if err := checkFormat(rawIDToken); err != nil {
		return auth.Profile{}, err
	}
	return p.signIn.verify(ctx, rawIDToken, a.Nonce)
}

// flow returns the configuration of the authorization code flow (RFC 6749, section 4.1).
func (p *Provider) flow(ctx context.Context, a auth.AuthorizationRequest) (*oauth2.Config, error) {
	if p.client.id == "" {
		return nil, auth.ErrNoCodeFlow
	}
	endpoints, err := p.signIn.keys.endpoints(ctx)
	if err != nil {
		return nil, err
	}
	if endpoints.TokenURL == "" {
		return nil, auth.ErrNoCodeFlow
	}
	return &oauth2.Config{
		ClientID: p.client.id, ClientSecret: p.client.secret, RedirectURL: a.RedirectURI,
		Scopes: []string{"openid", "email", "profile"},
		// Explicit, because probing for the style would use up the code.
		Endpoint: oauth2.Endpoint{AuthURL: endpoints.AuthorizationURL, TokenURL: endpoints.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}, nil
}

// clientErrors are the errors of the token endpoint (RFC 6749, section 5.2) that the
// API client causes. The others are caused by this server or by the issuer.
var clientErrors = []string{"invalid_grant", "invalid_request", "redirect_uri_mismatch"}

// exchangeError returns the reason why a code was not exchanged. It does not contain
// the issuer's message, which could repeat the request.
func exchangeError(err error) error {
	response, responded := errors.AsType[*oauth2.RetrieveError](err)
	if responded && slices.Contains(clientErrors, response.ErrorCode) {
		return reject("The authorization code is not accepted: it is unknown, too old, was used before, or belongs to another code_verifier or redirect_uri.")
	}
	if responded {
		err = fmt.Errorf("the token endpoint responded with %d %.50q", response.Response.StatusCode, response.ErrorCode)
	}
	away := problem.New(problem.Unavailable, "The identity provider cannot exchange codes at the moment.")
	away.RetryAfter = exchangeRetry
	return away.Because(err)
}

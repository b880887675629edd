// Package google verifies sign-ins with Google. It implements [auth.Provider].
//
// It trusts up to two issuers, each with its own keys: Google Sign-In, and the user
// store of one Google Cloud project (Identity Platform). It depends on neither users nor
// sessions, and does not store used tokens: package auth accepts each one once. Any
// OpenID Connect issuer works; tests and `codegenapp dev` use one of their own.
package google

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Config configures the trusted issuers and the rules for their tokens.
type Config struct {
	// Issuer is the base URL of the discovery document, and the claim iss.
	Issuer string
	// ClientIDs are the applications whose tokens are accepted. The first one
	// exchanges authorization codes. If empty, no token of Issuer is accepted.
	ClientIDs []string
	// ClientSecret authenticates the first client when it exchanges a code. It is
	// empty for a public client.
	ClientSecret string
	// Project is the Google Cloud project whose user store is trusted too. If empty,
	// only Google's ID tokens are accepted.
	Project string
	// UserStore is the issuer of that user store. If empty, it is Google's.
	UserStore string
	// HostedDomains are the Google Workspace domains whose accounts may sign in. If
	// empty, any account may.
	HostedDomains []string
	// HTTP is the client for requests to the issuers; its CheckRedirect is replaced. If
	// nil, it is a plain client.
	HTTP *http.Client
	// Now is the clock. If nil, it is time.Now.
	Now func() time.Time
	// Log receives failed fetches. If nil, they are not logged.
	Log *slog.Logger
}

// Provider verifies ID tokens, and exchanges authorization codes for them. It is
// safe for concurrent use.
type Provider struct {
	signIn *issuer
	// userStore is nil if no project is trusted.
	userStore *issuer
	client    client
}

var _ auth.Provider = (*Provider)(nil)

// New returns a provider. It sends no requests: the keys of an issuer are fetched for
// its first token, so the server starts without it.
func New(cfg Config) *Provider {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	domains := make([]string, len(cfg.HostedDomains))
	for n, domain := range cfg.HostedDomains {
		domains[n] = strings.ToLower(domain)
	}
	p := &Provider{
		signIn: newIssuer(cfg, rules{issuer: cfg.Issuer, audiences: cfg.ClientIDs, domains: domains, now: cfg.Now}),
		client: newClient(cfg),
	}
	if cfg.Project != "" {
		if cfg.UserStore == "" {
			cfg.UserStore = googleUserStores + cfg.Project
		}
		p.userStore = newIssuer(cfg, rules{
			issuer: cfg.UserStore, audiences: []string{cfg.Project}, domains: domains, now: cfg.Now, userStore: true,
		})
	}
	return p
}

// Verify returns the profile in rawIDToken, as [auth.Provider] specifies. Claims count,
// and appear in errors, only after the signature was verified. Before that, the issuer
// claim only selects the keys, and each issuer accepts its own tokens alone.
func (p *Provider) Verify(ctx context.Context, rawIDToken, nonce string) (auth.Profile, error) {
	if err := checkFormat(rawIDToken); err != nil {
		return auth.Profile{}, err
	}
	from := p.signIn
	if p.userStore != nil && claimedIssuer(rawIDToken) == p.userStore.rules.issuer {
		from = p.userStore
	}
	return from.verify(ctx, rawIDToken, nonce)
}

// Check fetches the keys of every trusted issuer, and returns the first error.
func (p *Provider) Check(ctx context.Context) error {
	for _, i := range []*issuer{p.signIn, p.userStore} {
		if i == nil || len(i.rules.audiences) == 0 {
			continue
		}
		if _, _, err := i.keys.fetcher.fetch(ctx); err != nil {
			return err
		}
	}
	return nil
}

func reject(format string, args ...any) *problem.Error {
	return problem.New(problem.GoogleTokenInvalid, format, args...)
}

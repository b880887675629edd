// Package google signs people in with Google. It implements
// [auth.Provider].
//
// It trusts up to two issuers, each with keys of its own: Google Sign-In, and
// the user store of one Google Cloud project (Identity Platform). Of each it
// believes what that publishes as its keys, and what those keys signed. It knows
// neither users nor sessions, and does not remember which tokens it has seen:
// package auth lets each sign in once. It is named for the issuer it was made
// for; any OpenID Connect issuer works, and the tests and `codegenapp dev` use
// one of their own.
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

// Config says whom to trust, and what must be true of a token.
type Config struct {
	// Issuer is the URL that the discovery document lies under, and the claim iss.
	Issuer string
	// ClientIDs are the applications whose tokens are accepted. The first of
	// them exchanges authorization codes. Without any, no token of Issuer is
	// accepted.
	ClientIDs []string
	// ClientSecret proves to Issuer that the first client exchanges a code. It
	// is empty for a public client.
	ClientSecret string
	// Project is the Google Cloud project whose user store may sign in here
	// too; none when empty.
	Project string
	// UserStore is the issuer of that user store; Google's own when empty.
	UserStore string
	// HostedDomains are the Google Workspace domains whose accounts may sign in;
	// any account may when there are none.
	HostedDomains []string
	// HTTP reaches the issuers; a plain client when nil. Its CheckRedirect is
	// replaced.
	HTTP *http.Client
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Log hears when an issuer cannot be read; nobody does when it is nil.
	Log *slog.Logger
}

// Provider verifies ID tokens, and exchanges authorization codes for them. It is
// safe for concurrent use.
type Provider struct {
	signIn *issuer
	// userStore is nil where no project is trusted.
	userStore *issuer
	client    client
}

var _ auth.Provider = (*Provider)(nil)

// New returns a provider. It asks the network for nothing: an issuer is read
// when its first token comes, so the server starts without it.
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

// Verify returns whom rawIDToken speaks of, as [auth.Provider] promises.
// What a token claims counts, and is told, only once its signature is verified;
// until then it picks the keys, and an issuer accepts no token but its own.
func (p *Provider) Verify(ctx context.Context, rawIDToken, nonce string) (auth.Profile, error) {
	if err := checkForm(rawIDToken); err != nil {
		return auth.Profile{}, err
	}
	from := p.signIn
	if p.userStore != nil && claimedIssuer(rawIDToken) == p.userStore.rules.issuer {
		from = p.userStore
	}
	return from.verify(ctx, rawIDToken, nonce)
}

func refuse(format string, args ...any) *problem.Error {
	return problem.New(problem.GoogleTokenInvalid, format, args...)
}

// Package google verifies the ID tokens that Google issues. It implements
// [identity.Verifier].
//
// It trusts one issuer: what that publishes as its keys, and what those keys
// signed. It knows neither users nor sessions, and does not remember which
// tokens it has seen: package identity lets each sign in once. It is named for
// the issuer it was made for; any OpenID Connect issuer works, and the tests and
// `codegenapp dev` use one of their own.
package google

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/identity"
)

// Config says whom to trust, and what must be true of a token.
type Config struct {
	// Issuer is the URL that the discovery document lies under, and the claim iss.
	Issuer string
	// ClientIDs are the applications whose tokens are accepted. Without any, no
	// token is.
	ClientIDs []string
	// HostedDomains are the Google Workspace domains whose accounts may sign in;
	// any account may when there are none.
	HostedDomains []string
	// HTTP fetches the keys; a plain client when nil. Its CheckRedirect is replaced.
	HTTP *http.Client
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Log hears when the issuer cannot be read; nobody does when it is nil.
	Log *slog.Logger
}

// Verifier verifies ID tokens. It is safe for concurrent use.
type Verifier struct {
	rules rules
	oidc  oidc.Config
	keys  *keyring
}

var _ identity.Verifier = (*Verifier)(nil)

// New returns a verifier. It asks the network for nothing: the issuer is read
// when the first token comes, so the server starts without it.
func New(cfg Config) *Verifier {
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
	return &Verifier{
		rules: rules{issuer: cfg.Issuer, clientIDs: cfg.ClientIDs, domains: domains, now: cfg.Now},
		oidc: oidc.Config{
			SupportedSigningAlgs: []string{rs256, es256},
			// go-oidc checks the form, the algorithm and the signature. What
			// the claims must say is checked in claims.go instead: tighter (go-oidc
			// lets nbf be five minutes off), for several clients, and with a
			// sentence for each rule.
			SkipIssuerCheck:   true,
			SkipClientIDCheck: true,
			SkipExpiryCheck:   true,
			Now:               cfg.Now,
		},
		keys: newKeyring(newPublisher(cfg), cfg.Now, cfg.Log),
	}
}

// Verify returns whom rawIDToken speaks of, as [identity.Verifier] promises.
// What a token claims counts, and is told, only once its signature is verified.
func (v *Verifier) Verify(ctx context.Context, rawIDToken, nonce string) (identity.Profile, error) {
	if err := checkForm(rawIDToken); err != nil {
		return identity.Profile{}, err
	}
	payload, err := v.open(ctx, rawIDToken)
	if err != nil {
		return identity.Profile{}, err
	}
	c, err := readClaims(payload)
	if err != nil {
		return identity.Profile{}, err
	}
	if err := v.rules.check(c, nonce); err != nil {
		return identity.Profile{}, err
	}
	return identity.Profile{
		Issuer:  v.rules.issuer,
		Subject: c.Subject,
		Email:   c.Email,
		Name:    displayName(c),
		Picture: pictureURL(c.Picture),
		Token:   fingerprint(rawIDToken),
		// The leeway belongs to it: until then the token must be remembered.
		Expires: c.Expires.at().Add(leeway),
	}, nil
}

// open returns the claims of a token whose signature is the issuer's.
func (v *Verifier) open(ctx context.Context, rawIDToken string) ([]byte, error) {
	checked := &seal{keys: v.keys}
	_, err := oidc.NewVerifier(v.rules.issuer, checked, &v.oidc).Verify(ctx, rawIDToken)
	switch {
	case checked.failure != nil:
		return nil, checked.failure
	case checked.payload == nil:
		return nil, refuse("The ID token is not a well-formed JWS.").Because(err)
	case err != nil:
		return nil, refuse("The claims of the ID token cannot be read.").Because(err)
	}
	return checked.payload, nil
}

func refuse(format string, args ...any) *fault.Error {
	return fault.New(fault.GoogleTokenInvalid, format, args...)
}

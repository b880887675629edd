package google

import (
	"context"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// issuer is somebody whose ID tokens are accepted: its keys, and what must be
// true of what they signed.
type issuer struct {
	rules rules
	oidc  oidc.Config
	keys  *keyring
}

func newIssuer(cfg Config, r rules) *issuer {
	return &issuer{
		rules: r,
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
		keys: newKeyring(newPublisher(cfg, r.issuer), cfg.Now, cfg.Log),
	}
}

// verify returns whom a token of this issuer speaks of. The caller has checked
// its form.
func (i *issuer) verify(ctx context.Context, rawIDToken, nonce string) (auth.Profile, error) {
	payload, err := i.open(ctx, rawIDToken)
	if err != nil {
		return auth.Profile{}, err
	}
	c, err := readClaims(payload)
	if err != nil {
		return auth.Profile{}, err
	}
	if err := i.rules.check(c, nonce); err != nil {
		return auth.Profile{}, err
	}
	return auth.Profile{
		Issuer:  i.rules.issuer,
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
func (i *issuer) open(ctx context.Context, rawIDToken string) ([]byte, error) {
	checked := &seal{keys: i.keys}
	_, err := oidc.NewVerifier(i.rules.issuer, checked, &i.oidc).Verify(ctx, rawIDToken)
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

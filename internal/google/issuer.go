package google

import (
	"context"
	"net/url"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/text"
)

// issuer is an issuer whose ID tokens are accepted: its keys, and the rules for its
// claims.
type issuer struct {
	rules rules
	oidc  oidc.Config
	keys  *keyCache
}

func newIssuer(cfg Config, r rules) *issuer {
	return &issuer{
		rules: r,
		oidc: oidc.Config{
			SupportedSigningAlgs: []string{rs256, es256},
			// go-oidc checks the format, the algorithm and the signature. The claims are
			// checked in claims.go instead: more strictly (go-oidc allows five minutes for
			// nbf), for several clients, and with a message for each rule.
			SkipIssuerCheck:   true,
			SkipClientIDCheck: true,
			SkipExpiryCheck:   true,
			Now:               cfg.Now,
		},
		keys: newKeyCache(newFetcher(cfg, r.issuer), cfg.Now, cfg.Log),
	}
}

// verify returns the profile in a token of this issuer. The caller has checked the
// format of the token.
func (i *issuer) verify(ctx context.Context, rawIDToken, nonce string) (auth.Profile, error) {
	payload, err := i.claimsOf(ctx, rawIDToken)
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
		// The token is accepted during the leeway, so it must be stored that long.
		Expires: c.Expires.at().Add(leeway),
	}, nil
}

// claimsOf verifies the signature of a token and returns its claims.
func (i *issuer) claimsOf(ctx context.Context, rawIDToken string) ([]byte, error) {
	checked := &signatureCheck{keys: i.keys}
	_, err := oidc.NewVerifier(i.rules.issuer, checked, &i.oidc).Verify(ctx, rawIDToken)
	switch {
	case checked.failure != nil:
		return nil, checked.failure
	case checked.payload == nil:
		return nil, reject("The ID token is not a well-formed JWS.").Because(err)
	case err != nil:
		return nil, reject("The claims of the ID token cannot be read.").Because(err)
	}
	return checked.payload, nil
}

const (
	maxName    = 200 // code points, as for every name of a user
	maxPicture = 2000
)

// displayName returns the user's name in one line. An unusable name is replaced by the
// local part of the address: it must not prevent the sign-in.
func displayName(c claims) string {
	if name := oneLine(c.Name); text.HasVisible(name) {
		return name
	}
	return oneLine(c.Email[:strings.LastIndexByte(c.Email, '@')])
}

func oneLine(name string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !text.AllowedInLine(r) {
			return -1
		}
		return r
	}, name))
	if runes := []rune(name); len(runes) > maxName {
		name = strings.TrimSpace(string(runes[:maxName]))
	}
	return name
}

// pictureURL returns the URL of the picture, or an empty string if a browser should not
// load it.
func pictureURL(address string) string {
	if len(address) > maxPicture {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return address
}

package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/id"
)

// accessTokenType is the header "typ" of RFC 9068. It keeps any other token
// that one of our keys might sign from passing as an access token.
const accessTokenType = "at+jwt"

// maxTokenBytes bounds what is parsed at all; our own tokens have about 500.
const maxTokenBytes = 2048

// leeway is how much the clocks of replicas may differ.
const leeway = 5 * time.Second

// AccessTokens issues and verifies access tokens: JWTs after RFC 9068, signed
// with HS256.
type AccessTokens struct {
	issuer, audience string
	lifetime         time.Duration
	now              func() time.Time
	newest           string
	keys             map[string][]byte
	parser           *jwt.Parser
}

// AccessConfig says how access tokens are made.
type AccessConfig struct {
	// Secrets has the signing key first, then keys that only verify. Each has
	// at least 32 bytes (RFC 7518, section 3.2).
	Secrets          [][]byte
	Issuer, Audience string
	Lifetime         time.Duration
	Now              func() time.Time
}

// NewAccessTokens returns the tokens of c. It panics without a secret: settings
// are validated long before.
func NewAccessTokens(c AccessConfig) *AccessTokens {
	t := &AccessTokens{
		issuer: c.Issuer, audience: c.Audience, lifetime: c.Lifetime, now: c.Now,
		newest: keyID(c.Secrets[0]),
		keys:   map[string][]byte{},
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
			jwt.WithIssuer(c.Issuer), jwt.WithAudience(c.Audience),
			jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(c.Now), jwt.WithStrictDecoding(),
		),
	}
	for _, secret := range c.Secrets {
		t.keys[keyID(secret)] = secret
	}
	return t
}

// keyID names a secret without telling anything of it.
func keyID(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("key id"))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

type accessClaims struct {
	jwt.RegisteredClaims
	Session SessionID `json:"sid"`
}

// Issue returns a token for the actor and how long it is valid.
func (t *AccessTokens) Issue(actor Actor) (string, time.Duration, error) {
	now := t.now()
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, accessClaims{
		Session: actor.Session,
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Subject: actor.User.String(), Audience: jwt.ClaimStrings{t.audience},
			ID:       id.New[AccessTokens]().String(),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(t.lifetime)),
		},
	})
	token.Header["typ"] = accessTokenType
	token.Header["kid"] = t.newest
	signed, err := token.SignedString(t.keys[t.newest])
	if err != nil {
		return "", 0, fmt.Errorf("sign access token: %w", err)
	}
	return signed, t.lifetime, nil
}

// Verify returns whom the token stands for. Whether the session is still live
// is for the store to say. Its faults are TokenInvalid and TokenExpired.
func (t *AccessTokens) Verify(raw string) (Actor, error) {
	var claims accessClaims
	if len(raw) > maxTokenBytes {
		return Actor{}, tokenInvalid(errors.New("longer than any token of ours"))
	}
	if strings.ContainsAny(raw, "\r\n") { // which the library's decoder passes over
		return Actor{}, tokenInvalid(errors.New("a line break in the token"))
	}
	_, err := t.parser.ParseWithClaims(raw, &claims, t.key)
	// An expired token is told apart only when nothing else is wrong with it.
	if errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenInvalidIssuer) &&
		!errors.Is(err, jwt.ErrTokenInvalidAudience) {
		return Actor{}, fault.New(fault.TokenExpired, "The access token has expired; get a new one with the refresh token.")
	}
	if err != nil {
		return Actor{}, tokenInvalid(err)
	}
	user, err := id.Parse[User](claims.Subject)
	if err != nil || claims.Session.IsZero() {
		return Actor{}, tokenInvalid(errors.New("subject or session is not an id"))
	}
	return Actor{User: user, Session: claims.Session}, nil
}

// key picks the secret by "kid". Nothing else of the header has an effect.
func (t *AccessTokens) key(token *jwt.Token) (any, error) {
	if token.Header["typ"] != accessTokenType {
		return nil, errors.New("typ is not at+jwt")
	}
	kid, _ := token.Header["kid"].(string)
	secret, ok := t.keys[kid]
	if !ok {
		return nil, errors.New("unknown kid")
	}
	if _, ok := token.Header["crit"]; ok {
		return nil, errors.New("crit is not understood") // RFC 7515, section 4.1.11
	}
	return secret, nil
}

func tokenInvalid(cause error) error {
	return fault.New(fault.TokenInvalid, "The access token is not valid; sign in again.").Because(cause)
}

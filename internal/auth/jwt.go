package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

const (
	// leeway is the accepted difference between the clocks of two replicas.
	leeway = 5 * time.Second

	// maxDate is the last second that a date of a token may name: the end of the
	// year 9999, the last year that RFC 3339 can write.
	maxDate = 253_402_300_799

	// accessTokenType is the header "typ" of RFC 9068. Other tokens signed by one
	// of the keys do not pass as access tokens.
	accessTokenType = "at+jwt"

	// maxTokenBytes is the maximum length of a token. Issued tokens have about 500.
	maxTokenBytes = 2048
)

// AccessTokens issues and verifies access tokens: JWTs after RFC 9068.
type AccessTokens struct {
	issuer, audience string
	lifetime         time.Duration
	now              func() time.Time
	keys             *KeyRing
	cache            tokenCache
}

// AccessConfig configures access tokens. Every field is required.
type AccessConfig struct {
	Keys             *KeyRing
	Issuer, Audience string
	Lifetime         time.Duration
	Now              func() time.Time
}

// NewAccessTokens returns the tokens of c.
func NewAccessTokens(c AccessConfig) *AccessTokens {
	return &AccessTokens{issuer: c.Issuer, audience: c.Audience, lifetime: c.Lifetime, now: c.Now, keys: c.Keys}
}

// accessClaims are the claims of an access token. All of them are required.
type accessClaims struct {
	Issuer    string         `json:"iss"`
	Subject   string         `json:"sub"`
	Audience  jsontext.Value `json:"aud"`
	Expires   *int64         `json:"exp"`
	NotBefore *int64         `json:"nbf"`
	IssuedAt  *int64         `json:"iat"`
	ID        string         `json:"jti"`
	Session   string         `json:"sid"`
}

// Issue returns a token for the actor and its lifetime.
func (t *AccessTokens) Issue(actor Actor) (string, time.Duration, error) {
	return t.issue(actor, t.lifetime)
}

// issueWithin is Issue for a session with so much time left. The token does not
// outlive the session, so that a cache of live sessions needs no other clock than
// the token's. The lifetime is at least one second.
func (t *AccessTokens) issueWithin(actor Actor, left time.Duration) (string, time.Duration, error) {
	return t.issue(actor, max(min(t.lifetime, left), time.Second))
}

func (t *AccessTokens) issue(actor Actor, lifetime time.Duration) (string, time.Duration, error) {
	now := t.now()
	audience, err := jsontext.AppendQuote(nil, t.audience)
	if err != nil {
		return "", 0, err
	}
	claims, err := json.Marshal(accessClaims{
		Issuer: t.issuer, Subject: actor.User.String(), Audience: audience, Session: actor.Session.String(),
		Expires: new(now.Add(lifetime).Unix()), NotBefore: new(now.Unix()), IssuedAt: new(now.Unix()),
		ID: id.New[AccessTokens]().String(),
	})
	if err != nil {
		return "", 0, err
	}
	token, err := t.keys.sign(claims)
	return token, lifetime, err
}

// Verify returns the actor of a token, or TokenInvalid or TokenExpired. The store
// checks whether the session is live.
func (t *AccessTokens) Verify(raw string) (Actor, error) {
	token, err := t.verify(raw)
	return Actor{User: token.user, Session: token.session}, err
}

// verify is Verify, with the expiry of the token.
func (t *AccessTokens) verify(raw string) (cachedToken, error) {
	hash := sha256.Sum256([]byte(raw))
	token, cached := t.cache.get(hash)
	if !cached {
		var err error
		if token, err = t.parse(raw); err != nil {
			return cachedToken{}, tokenInvalid(err)
		}
	}
	// The expiry is checked last, so that TokenExpired means that the token is
	// valid otherwise.
	if token.expires <= t.now().Add(-leeway).Unix() {
		return cachedToken{}, problem.New(problem.TokenExpired, "The access token has expired; get a new one with the refresh token.")
	}
	if !cached {
		t.cache.put(hash, token)
	}
	return token, nil
}

// parse checks everything about a token except its expiry.
func (t *AccessTokens) parse(raw string) (cachedToken, error) {
	payload, err := t.keys.verify(raw)
	if err != nil {
		return cachedToken{}, err
	}
	var claims accessClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return cachedToken{}, err
	}
	actor, err := t.actorOf(claims)
	if err != nil {
		return cachedToken{}, err
	}
	return cachedToken{user: actor.User, session: actor.Session, expires: *claims.Expires}, nil
}

// actorOf checks all claims except the expiry.
func (t *AccessTokens) actorOf(c accessClaims) (Actor, error) {
	switch {
	case c.Issuer != t.issuer:
		return Actor{}, errors.New("another issuer")
	case !isAudience(c.Audience, t.audience):
		return Actor{}, errors.New("another audience, or several")
	case c.ID == "":
		return Actor{}, errors.New("no jti")
	}
	for _, at := range []*int64{c.Expires, c.NotBefore, c.IssuedAt} {
		if at == nil || *at < 0 || *at > maxDate {
			return Actor{}, errors.New("exp, nbf or iat is missing or not a date")
		}
	}
	if soon := t.now().Add(leeway).Unix(); *c.NotBefore > soon || *c.IssuedAt > soon {
		return Actor{}, errors.New("not valid yet")
	}
	// Our tokens have ids in one spelling only.
	user, err := id.Parse[User](c.Subject)
	if err != nil || user.String() != c.Subject {
		return Actor{}, errors.New("the subject is not an id")
	}
	session, err := id.Parse[Session](c.Session)
	if err != nil || session.IsZero() || session.String() != c.Session {
		return Actor{}, errors.New("the session is not an id")
	}
	return Actor{User: user, Session: session}, nil
}

// isAudience reports whether the claim "aud" is only this audience, as a string
// or as a list. A token for several services could be replayed by any of them.
func isAudience(claim jsontext.Value, audience string) bool {
	var one string
	if json.Unmarshal(claim, &one) == nil && claim.Kind() == '"' {
		return one == audience
	}
	var list []*string
	return json.Unmarshal(claim, &list) == nil && slices.EqualFunc(list, []string{audience}, func(s *string, want string) bool {
		return s != nil && *s == want
	})
}

func tokenInvalid(cause error) error {
	return problem.New(problem.TokenInvalid, "The access token is not valid; sign in again.").Because(cause)
}

// header holds the header members of a JWT that have an effect: the key, its
// algorithm, and the type of the token. Keys and addresses of keys in a header
// have none.
type header struct {
	Algorithm string         `json:"alg"`
	Key       string         `json:"kid"`
	Type      string         `json:"typ"`
	Critical  jsontext.Value `json:"crit,omitzero"`
}

// sign returns a signed JWT in compact form (RFC 7515).
func (r *KeyRing) sign(claims []byte) (string, error) {
	k := r.signer
	head, err := json.Marshal(header{Algorithm: k.method.Alg(), Key: k.id, Type: accessTokenType})
	if err != nil {
		return "", fmt.Errorf("encode the header of an access token: %w", err)
	}
	input := base64url(head) + "." + base64url(claims)
	signature, err := k.method.Sign(input, k.sign)
	if err != nil {
		return "", fmt.Errorf("sign an access token: %w", err)
	}
	return input + "." + base64url(signature), nil
}

// verify returns the claims of a JWT with a valid signature. Before the signature
// is checked, only the header is read.
//
// The framing is written here because the parsers of golang-jwt and go-jose
// accept more than one spelling of a token. golang-jwt accepts a header member
// that occurs twice; go-jose accepts line breaks and unused bits in base64url.
// Two programs could then read one token differently.
func (r *KeyRing) verify(raw string) (claims []byte, err error) {
	if len(raw) > maxTokenBytes {
		return nil, errors.New("too long for an access token")
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, errors.New("not three parts")
	}
	var decoded [3][]byte
	for n, part := range parts {
		if decoded[n], err = decodeBase64url(part); err != nil {
			return nil, err
		}
	}
	var head header
	if err := json.Unmarshal(decoded[0], &head); err != nil {
		return nil, err
	}
	key, known := r.all[head.Key]
	switch {
	case head.Type != accessTokenType:
		return nil, errors.New("typ is not at+jwt")
	case !known:
		return nil, errors.New("unknown kid")
	case head.Algorithm != key.method.Alg():
		return nil, errors.New("alg is not the algorithm of the key")
	case head.Critical != nil: // RFC 7515, section 4.1.11
		return nil, errors.New("crit is not supported")
	}
	return decoded[1], key.method.Verify(raw[:len(raw)-len(parts[2])-1], decoded[2], key.verify)
}

// decodeBase64url decodes base64url in its only canonical spelling. The decoder
// itself skips line breaks.
func decodeBase64url(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a line break in the token")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

package auth

import (
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// leeway is how much the clocks of replicas may differ.
const leeway = 5 * time.Second

// latest is the last second that a date of a token may name: that of the year
// 9999, after which RFC 3339 has no name for one either.
const latest = 253_402_300_799

// AccessTokens issues and verifies access tokens: JWTs after RFC 9068.
type AccessTokens struct {
	issuer, audience string
	lifetime         time.Duration
	now              func() time.Time
	keys             *KeyRing
	remembered       rememberedTokens
}

// AccessConfig says how access tokens are made.
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

// accessClaims is what an access token says. Each claim is in each of them, so
// that a token without one is none of ours.
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

// Issue returns a token for the actor and how long it is valid.
func (t *AccessTokens) Issue(actor Actor) (string, time.Duration, error) {
	return t.issue(actor, t.lifetime)
}

// issueWithin is Issue for a session that lasts so long: its tokens last no longer,
// so that who remembers that it was live needs no other clock than the token's. A
// second is the least.
func (t *AccessTokens) issueWithin(actor Actor, session time.Duration) (string, time.Duration, error) {
	return t.issue(actor, max(min(t.lifetime, session), time.Second))
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
	token, err := t.keys.seal(claims)
	return token, lifetime, err
}

// Verify returns whom the token stands for. Whether the session is still live
// is for the store to say. Its faults are TokenInvalid and TokenExpired.
func (t *AccessTokens) Verify(raw string) (Actor, error) {
	hash := sha256.Sum256([]byte(raw))
	known, ok := t.remembered.find(hash)
	if !ok {
		var err error
		if known, err = t.read(raw); err != nil {
			return Actor{}, tokenInvalid(err)
		}
	}
	// Last, so that a token is told to be expired only when nothing else is
	// wrong with it.
	if known.expires <= t.now().Add(-leeway).Unix() {
		return Actor{}, problem.New(problem.TokenExpired, "The access token has expired; get a new one with the refresh token.")
	}
	if !ok {
		t.remembered.keep(hash, known)
	}
	return Actor{User: known.user, Session: known.session}, nil
}

// read checks everything of a token but the expiry.
func (t *AccessTokens) read(raw string) (remembered, error) {
	said, err := t.keys.open(raw)
	if err != nil {
		return remembered{}, err
	}
	var claims accessClaims
	if err := json.Unmarshal(said, &claims); err != nil {
		return remembered{}, err
	}
	actor, err := t.actorOf(claims)
	if err != nil {
		return remembered{}, err
	}
	return remembered{user: actor.User, session: actor.Session, expires: *claims.Expires}, nil
}

// actorOf checks everything of the claims but the expiry.
func (t *AccessTokens) actorOf(c accessClaims) (Actor, error) {
	switch {
	case c.Issuer != t.issuer:
		return Actor{}, errors.New("another issuer")
	case !names(c.Audience, t.audience):
		return Actor{}, errors.New("another audience, or others too")
	case c.ID == "":
		return Actor{}, errors.New("no jti")
	}
	for _, at := range []*int64{c.Expires, c.NotBefore, c.IssuedAt} {
		if at == nil || *at < 0 || *at > latest {
			return Actor{}, errors.New("exp, nbf or iat is missing or no date")
		}
	}
	if soon := t.now().Add(leeway).Unix(); *c.NotBefore > soon || *c.IssuedAt > soon {
		return Actor{}, errors.New("not valid yet")
	}
	user, err := id.Parse[User](c.Subject)
	if err != nil {
		return Actor{}, err
	}
	session, err := id.Parse[Session](c.Session)
	if err != nil || session.IsZero() {
		return Actor{}, errors.New("the session is not an id")
	}
	return Actor{User: user, Session: session}, nil
}

// names reports whether the claim "aud" is this audience alone, as a text or as
// a list. Ours have no other: one that several services took could be sent on by
// any of them.
func names(claim jsontext.Value, audience string) bool {
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

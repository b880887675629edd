package issuer

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const tokenLife = time.Hour

// Claims is what an ID token shall say. The zero Claims make a good token for
// the first user and the first client; a test says only what it is about.
type Claims struct {
	// Email picks the user whose claims are the defaults: the first of the
	// configuration when empty, one made up when nobody has the address.
	Email string
	// Subject, Name, Picture and HostedDomain replace those of the user.
	Subject      string
	Name         string
	Picture      string
	HostedDomain string
	// Audience is the first client, or the project, when empty.
	Audience string
	// Nonce is left out when empty.
	Nonce string

	// Extra adds claims, or replaces them by values of any type.
	Extra map[string]any
	// Omit names claims to leave out.
	Omit []string
	// Header adds header members, or replaces them. The signature is made with
	// the issuer's key whatever alg and kid then say.
	Header map[string]any
	// OmitHeader names header members to leave out.
	OmitHeader []string
}

// IDToken signs an ID token as it would come from the token endpoint.
func (i *Issuer) IDToken(c Claims) (string, error) {
	key := i.currentKey()
	header := map[string]any{"alg": key.public.Algorithm, "kid": key.public.KeyID, "typ": "JWT"}
	return key.compact(amend(header, c.Header, c.OmitHeader), amend(i.defaults(c), c.Extra, c.Omit))
}

func (i *Issuer) defaults(c Claims) map[string]any {
	u := i.user(c.Email)
	now := i.now()
	claims := map[string]any{
		"iss":            i.url,
		"aud":            cmp.Or(c.Audience, i.audience),
		"sub":            cmp.Or(c.Subject, u.Subject),
		"email":          u.Email,
		"email_verified": true,
		"name":           cmp.Or(c.Name, u.Name),
		"picture":        cmp.Or(c.Picture, u.Picture),
		"iat":            now.Unix(),
		// Two sign-ins of one person in one second are two tokens.
		"jti": rand.Text(),
		"exp": now.Add(tokenLife).Unix(),
	}
	if hd := cmp.Or(c.HostedDomain, u.HostedDomain); hd != "" {
		claims["hd"] = hd
	}
	if c.Nonce != "" {
		claims["nonce"] = c.Nonce
	}
	if i.project != "" {
		claims["user_id"] = claims["sub"]
		claims["auth_time"] = now.Unix()
		claims["firebase"] = map[string]any{
			"sign_in_provider": "google.com",
			"identities":       map[string]any{"google.com": []any{claims["sub"]}, "email": []any{claims["email"]}},
		}
	}
	return claims
}

// user is the one with this address, or one made up for it.
func (i *Issuer) user(email string) User {
	if email == "" {
		return i.users[0]
	}
	if u, ok := i.find(email); ok {
		return u
	}
	return complete(User{Email: email})
}

func (i *Issuer) find(email string) (User, bool) {
	n := slices.IndexFunc(i.users, func(u User) bool { return strings.EqualFold(u.Email, email) })
	if n < 0 {
		return User{}, false
	}
	return i.users[n], true
}

// complete fills what a configuration need not say. The subject depends on the
// address alone, so that a user stays the same over restarts; it is a decimal
// number, as Google's are.
func complete(u User) User {
	if u.Subject == "" {
		sum := sha256.Sum256([]byte(strings.ToLower(u.Email)))
		u.Subject = "1" + strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), 10)
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	if u.Picture == "" {
		u.Picture = "https://www.example.com/pictures/" + u.Subject + ".png"
	}
	return u
}

func amend(members, extra map[string]any, omit []string) map[string]any {
	maps.Copy(members, extra)
	for _, name := range omit {
		delete(members, name)
	}
	return members
}

// compact is the JWS compact serialization. It is written out here because a
// library would refuse the headers that tests need to be wrong.
func (k signingKey) compact(header, claims map[string]any) (string, error) {
	parts := make([]string, 0, 3)
	for _, members := range []map[string]any{header, claims} {
		text, err := json.Marshal(members)
		if err != nil {
			return "", fmt.Errorf("encode the token: %w", err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signature, err := k.sign(strings.Join(parts, "."))
	if err != nil {
		return "", err
	}
	return strings.Join(append(parts, base64.RawURLEncoding.EncodeToString(signature)), "."), nil
}

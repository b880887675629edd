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

// Claims are the claims of an ID token. The zero value makes a valid token for the first
// user and the first client, so a test sets only what it is about.
type Claims struct {
	// Email selects the user whose claims are the defaults. If empty, it is the first
	// user; for an unknown address a user is invented.
	Email string
	// Subject, Name, Picture and HostedDomain override those of the user.
	Subject      string
	Name         string
	Picture      string
	HostedDomain string
	// Audience is the first client, or the project, if empty.
	Audience string
	// Nonce is omitted if empty.
	Nonce string

	// Extra adds claims, or replaces them with values of any type.
	Extra map[string]any
	// Omit lists claims to omit.
	Omit []string
	// Header adds header fields, or replaces them. The signature always uses the issuer's
	// key, whatever alg and kid say.
	Header map[string]any
	// OmitHeader lists header fields to omit.
	OmitHeader []string
}

// IDToken returns a signed ID token like those of the token endpoint.
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
		"iat":            now.Unix(),
		// Two sign-ins of a user in the same second have different tokens.
		"jti": rand.Text(),
		"exp": now.Add(tokenLife).Unix(),
	}
	if picture := cmp.Or(c.Picture, u.Picture); picture != "" {
		claims["picture"] = picture
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

// user returns the user with this address, or an invented one.
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

// complete sets the subject and the name. The subject depends on the address alone, so a
// user stays the same after a restart. It is a decimal number, like Google's.
func complete(u User) User {
	if u.Subject == "" {
		sum := sha256.Sum256([]byte(strings.ToLower(u.Email)))
		u.Subject = "1" + strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), 10)
	}
	if u.Name == "" {
		u.Name, _, _ = strings.Cut(u.Email, "@")
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

// compact returns the JWS compact serialization. A library would reject the invalid
// headers that tests need.
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

package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// APITokenID identifies an API token.
type APITokenID = id.Of[APIToken]

// APIToken is a credential of a person or a bot for programs. It lives until it expires or
// is revoked, and needs no refresh.
type APIToken struct {
	ID     APITokenID
	User   UserID
	Name   string
	Scopes []Scope
	// Last4 is the end of the token, by which people recognize it.
	Last4                string
	CreatedAt, ExpiresAt time.Time
	// LastUsedAt and LastUsedIP are noted once in ten minutes; nil before the first use.
	LastUsedAt *time.Time
	LastUsedIP *string
}

// Scope is what an API token may be used for. Every token may read.
type Scope string

// The scopes. AnyScope is what an operation needs that every token may use.
const (
	AnyScope      Scope = ""
	ScopeRead     Scope = "read"
	ScopeWrite    Scope = "write"
	ScopeGenerate Scope = "generate"
	ScopeManage   Scope = "manage"
)

// TokenCredential is the API token of a request. The zero one is that of a session.
type TokenCredential struct {
	ID APITokenID
	// Hash is the SHA-256 of the secret, which the store compares.
	Hash [sha256.Size]byte
	// Key is the SHA-256 of user, id and hash. It names the credential where the store is
	// not queried: another secret has another key.
	Key [sha256.Size]byte
	// Needs is the scope that the operation needs.
	Needs Scope
}

// IsZero reports whether the request has a session instead of an API token.
func (c TokenCredential) IsZero() bool { return c.ID.IsZero() }

// CredentialID names the session or the API token of the actor for a cache of live
// credentials. That of a token is made of its secret, never of its id.
func (a Actor) CredentialID() SessionID {
	if a.Token.IsZero() {
		return a.Session
	}
	return SessionID(a.Token.Key[:len(SessionID{})])
}

// InsufficientScope is the problem of a live token without the scope that an operation
// needs.
func InsufficientScope(needs Scope) error {
	return problem.New(problem.InsufficientScope, "This operation needs the scope %s, which the API token does not have. Create a token with it.", needs)
}

// NeedsSession is the problem of an operation that no API token may use.
func NeedsSession() error {
	return problem.New(problem.InsufficientScope, "This operation needs a session; no scope of an API token suffices. Sign in, and send the access token.")
}

// The form of an API token: a prefix, the id of the user, the id of the token and the
// secret in base62, and a checksum. Numbers have a fixed width, so a token has one
// spelling. Scanners recognize it without a query; docs/security.md has a pattern.
const (
	tokenPrefix   = "cga_"
	base62Digits  = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" // those of big.Int
	secretBytes   = 24
	tokenBytes    = 2*len(UserID{}) + secretBytes
	bodyDigits    = 76 // of tokenBytes
	checkDigits   = 6  // of a CRC-32
	maxTokenChars = len(tokenPrefix) + bodyDigits + checkDigits
)

// newAPIToken returns a new token of a user as text, and its credential.
func newAPIToken(user UserID) (text string, c TokenCredential, err error) {
	var raw [tokenBytes]byte
	c.ID = id.New[APIToken]()
	copy(raw[:], user[:])
	copy(raw[len(user):], c.ID[:])
	if _, err := rand.Read(raw[tokenBytes-secretBytes:]); err != nil {
		return "", TokenCredential{}, fmt.Errorf("make the secret of an API token: %w", err)
	}
	c = credentialOf(raw)
	return SecretText(tokenPrefix, raw[:]), c, nil
}

// credentialOf returns the credential of the bytes of a token.
func credentialOf(raw [tokenBytes]byte) TokenCredential {
	head := raw[:tokenBytes-secretBytes]
	c := TokenCredential{ID: APITokenID(head[len(UserID{}):]), Hash: sha256.Sum256(raw[tokenBytes-secretBytes:])}
	c.Key = sha256.Sum256(append(append(make([]byte, 0, len(head)+len(c.Hash)), head...), c.Hash[:]...))
	return c
}

// parseAPIToken returns the actor of a token, or TokenInvalid. Only the store knows
// whether the token exists.
func parseAPIToken(text string) (Actor, error) {
	if len(text) != maxTokenChars || strings.Trim(text[len(tokenPrefix):], base62Digits) != "" {
		return Actor{}, apiTokenInvalid(errors.New("not the form of an API token"))
	}
	body, sum := text[:maxTokenChars-checkDigits], text[maxTokenChars-checkDigits:]
	if checksum(body) != sum {
		return Actor{}, apiTokenInvalid(errors.New("another checksum"))
	}
	number, ok := new(big.Int).SetString(body[len(tokenPrefix):], len(base62Digits))
	if !ok || number.BitLen() > 8*tokenBytes {
		return Actor{}, apiTokenInvalid(errors.New("too large a number"))
	}
	var raw [tokenBytes]byte
	number.FillBytes(raw[:])
	a := Actor{User: UserID(raw[:len(UserID{})]), Token: credentialOf(raw)}
	if a.User.IsZero() || a.Token.IsZero() {
		return Actor{}, apiTokenInvalid(errors.New("a zero id"))
	}
	return a, nil
}

func apiTokenInvalid(cause error) error {
	return problem.New(problem.TokenInvalid, "The API token is not valid: it is mistyped or cut off. Copy it again, or create another.").Because(cause)
}

// isAPIToken reports whether a bearer token has the prefix of API tokens. No JWT has it:
// those begin with the JSON of a header.
func isAPIToken(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// checksum is the CRC-32 of a token without it. It finds typing errors without a query,
// and proves nothing.
func checksum(text string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), checkDigits)
}

// SecretText returns bytes as a text that people copy and scanners recognize: the prefix,
// the bytes in base62 in the width of the largest ones, and the checksum of both.
func SecretText(prefix string, raw []byte) string {
	largest := new(big.Int).Lsh(big.NewInt(1), uint(8*len(raw)))
	text := prefix + base62(new(big.Int).SetBytes(raw), len(largest.Sub(largest, big.NewInt(1)).Text(len(base62Digits))))
	return text + checksum(text)
}

// base62 is a number in a fixed width.
func base62(n *big.Int, digits int) string {
	text := n.Text(len(base62Digits))
	return strings.Repeat(base62Digits[:1], digits-len(text)) + text
}

// Package seal makes tokens that a caller can read but neither make nor alter:
// JSON with a MAC (HMAC-SHA-256, RFC 2104) in front of it. Page tokens and the
// state of an OAuth login are such tokens.
//
// A seal hides nothing and does not expire by itself.
package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Key seals and opens the tokens of one purpose.
type Key struct{ key []byte }

// NewKey derives the key of a purpose from the server's secret. A token that is
// sealed for one purpose does not open for another.
func NewKey(secret []byte, purpose string) Key {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(purpose))
	return Key{key: mac.Sum(nil)}
}

// ErrInvalid is returned for a token that this key did not seal in this scope.
var ErrInvalid = errors.New("not sealed by this key in this scope")

// Seal returns the token of a value. The token opens only with the same scope,
// which it does not contain; an empty scope binds it to the key alone.
func (k Key) Seal(value any, scope string) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("seal a %T: %v", value, err)) // callers seal structs of times and strings
	}
	return base64.RawURLEncoding.EncodeToString(append(k.mac(text, scope), text...))
}

// Open reads the value of a token into the pointer value, or returns ErrInvalid.
func (k Key) Open(token, scope string, value any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	// The decoder skips line breaks. A token has exactly one spelling.
	if err != nil || len(raw) < sha256.Size || base64.RawURLEncoding.EncodeToString(raw) != token {
		return ErrInvalid
	}
	if !hmac.Equal(raw[:sha256.Size], k.mac(raw[sha256.Size:], scope)) {
		return ErrInvalid
	}
	return json.Unmarshal(raw[sha256.Size:], value)
}

// mac covers the scope's length, too, so that no part of a scope can pass as a
// part of the text.
func (k Key) mac(text []byte, scope string) []byte {
	mac := hmac.New(sha256.New, k.key)
	fmt.Fprintf(mac, "%d|%s|", len(scope), scope)
	mac.Write(text)
	return mac.Sum(nil)
}

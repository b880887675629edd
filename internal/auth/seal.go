package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// accessTokenType is the header "typ" of RFC 9068. It keeps any other token
// that one of our keys might sign from passing as an access token.
const accessTokenType = "at+jwt"

// maxTokenBytes bounds what is parsed at all; our own tokens have about 500.
const maxTokenBytes = 2048

// header is what of a token's header has an effect: which key, and that it is an
// access token. Nothing else does: no key and no address of one is taken from it.
type header struct {
	Algorithm string         `json:"alg"`
	Key       string         `json:"kid"`
	Type      string         `json:"typ"`
	Critical  jsontext.Value `json:"crit,omitzero"`
}

// seal returns a signed token in compact form (RFC 7515) that says claims.
func (r *KeyRing) seal(claims []byte) (string, error) {
	k := r.signer
	head, err := json.Marshal(header{Algorithm: k.method.Alg(), Key: k.id, Type: accessTokenType})
	if err != nil {
		return "", fmt.Errorf("write the header of an access token: %w", err)
	}
	input := base64url(head) + "." + base64url(claims)
	signature, err := k.method.Sign(input, k.sign)
	if err != nil {
		return "", fmt.Errorf("sign an access token: %w", err)
	}
	return input + "." + base64url(signature), nil
}

// open returns what a token says once its signature has proved right: before
// that only the header is read. A member that is there twice is refused, so that
// nobody else can read another token in it than this.
func (r *KeyRing) open(raw string) (claims []byte, err error) {
	if len(raw) > maxTokenBytes {
		return nil, errors.New("longer than any token of ours")
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
		return nil, errors.New("not the algorithm of the key")
	case head.Critical != nil: // RFC 7515, section 4.1.11
		return nil, errors.New("crit is not understood")
	}
	return decoded[1], key.method.Verify(raw[:len(raw)-len(parts[2])-1], decoded[2], key.verify)
}

// decodeBase64url reads the one spelling of some bytes: the decoder itself
// passes over line breaks.
func decodeBase64url(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a line break in the token")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

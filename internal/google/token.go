package google

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The accepted signature algorithms. Each key belongs to one of them.
const (
	rs256 = "RS256"
	es256 = "ES256"
)

// maxToken is several times the size of Google's tokens (about 1.2 KiB).
const maxToken = 16 << 10

// header has the header fields of a token that are used. All others are ignored, above
// all keys and URLs of keys.
type header struct {
	Algorithm string         `json:"alg"`
	KeyID     string         `json:"kid"`
	Type      string         `json:"typ"`
	Critical  jsontext.Value `json:"crit"`
	// Base64 would change what the signature covers (RFC 7797).
	Base64 jsontext.Value `json:"b64"`
}

// checkFormat accepts a compact JWS in its canonical encoding. go-jose also accepts
// JSON, white space, and bits after the last byte.
func checkFormat(rawIDToken string) error {
	if rawIDToken == "" {
		return reject("The ID token is empty.")
	}
	if len(rawIDToken) > maxToken {
		return reject("The ID token is longer than %d bytes.", maxToken)
	}
	parts := strings.Split(rawIDToken, ".")
	if len(parts) != 3 {
		return reject("The ID token does not have the three parts of a compact JWS.")
	}
	for _, part := range parts {
		if err := checkCanonical(part); err != nil {
			return reject("A part of the ID token is not in canonical base64url.").Because(err)
		}
	}
	return checkHeader(parts[0])
}

// checkCanonical compares part with the canonical encoding of its bytes: the library's
// strict decoder still ignores line breaks.
func checkCanonical(part string) error {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	if part == "" || base64.RawURLEncoding.EncodeToString(decoded) != part {
		return errors.New("empty, or not the canonical encoding")
	}
	return nil
}

func checkHeader(encoded string) error {
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return reject("The header of the ID token cannot be read.").Because(err)
	}
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		return reject("The header of the ID token cannot be read.").Because(err)
	}
	switch {
	case h.Algorithm != rs256 && h.Algorithm != es256:
		return reject("The ID token is not signed with RS256 or ES256.")
	case h.Critical != nil || h.Base64 != nil:
		return reject("The ID token requires an unknown extension.")
	case h.Type != "" && !strings.EqualFold(h.Type, "JWT"):
		return reject("The token is not an ID token; its header names another type.")
	case h.KeyID == "":
		return reject("The ID token does not say which key signed it.")
	}
	return nil
}

// claimedIssuer returns the issuer claim of an unverified token, or an empty string if
// it cannot be parsed.
func claimedIssuer(rawIDToken string) string {
	var c struct {
		Issuer string `json:"iss"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(rawIDToken, ".")[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return ""
	}
	return c.Issuer
}

// fingerprint returns the SHA-256 of the signed part: header and claims in their
// canonical encoding. It excludes the signature: the holder of an ES256 token can derive
// a second valid signature ((r, n-s) from (r, s)), and could sign in twice.
func fingerprint(rawIDToken string) [32]byte {
	return sha256.Sum256([]byte(rawIDToken[:strings.LastIndexByte(rawIDToken, '.')]))
}

// signatureCheck verifies the signature of one token. It stores the result, because
// go-oidc converts the errors of a key set to text.
type signatureCheck struct {
	keys    *keyCache
	payload []byte
	failure error
}

var _ oidc.KeySet = (*signatureCheck)(nil)

// VerifySignature implements [oidc.KeySet].
func (s *signatureCheck) VerifySignature(ctx context.Context, rawIDToken string) ([]byte, error) {
	s.payload, s.failure = s.verify(ctx, rawIDToken)
	return s.payload, s.failure
}

func (s *signatureCheck) verify(ctx context.Context, rawIDToken string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(rawIDToken, []jose.SignatureAlgorithm{rs256, es256})
	if err != nil {
		return nil, reject("The ID token is not a well-formed JWS.").Because(err)
	}
	name := keyName{jws.Signatures[0].Protected.KeyID, jws.Signatures[0].Protected.Algorithm}
	keys, err := s.keys.find(ctx, name)
	if err != nil {
		return nil, err
	}
	payload, err := verifyByAny(jws, keys)
	if err != nil {
		// The issuer may have another key of this name by now.
		if again := s.keys.findAgain(ctx, name, keys); len(again) > 0 {
			payload, err = verifyByAny(jws, again)
		}
	}
	if err != nil {
		return nil, reject("The signature of the ID token is wrong.").Because(err)
	}
	return payload, nil
}

// verifyByAny returns the payload if one of the keys, which all have the name in the
// token, verifies its signature.
func verifyByAny(jws *jose.JSONWebSignature, keys []crypto.PublicKey) (payload []byte, err error) {
	for _, key := range keys {
		if payload, err = jws.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, err
}

package google

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The algorithms a token may be signed with. Each key belongs to one of them.
const (
	rs256 = "RS256"
	es256 = "ES256"
)

// maxToken is several times what Google issues (about 1.2 KiB).
const maxToken = 16 << 10

// header is what is read of a token's header. Nothing else in it has a meaning
// here, above all no key and no place to fetch one from.
type header struct {
	Algorithm string         `json:"alg"`
	KeyID     string         `json:"kid"`
	Type      string         `json:"typ"`
	Critical  jsontext.Value `json:"crit"`
	// Base64 would change what the signature covers (RFC 7797).
	Base64 jsontext.Value `json:"b64"`
}

// checkForm refuses what is not a compact JWS in its only spelling. go-jose is
// more liberal: it takes JSON, white space, and bits after the last byte.
func checkForm(rawIDToken string) error {
	if rawIDToken == "" {
		return refuse("The ID token is empty.")
	}
	if len(rawIDToken) > maxToken {
		return refuse("The ID token is longer than %d bytes.", maxToken)
	}
	parts := strings.Split(rawIDToken, ".")
	if len(parts) != 3 {
		return refuse("The ID token does not have the three parts of a compact JWS.")
	}
	for _, part := range parts {
		if err := canonical(part); err != nil {
			return refuse("A part of the ID token is not in canonical base64url.").Because(err)
		}
	}
	return checkHeader(parts[0])
}

// canonical compares with what encoding would have made: the strict decoder of
// the library still passes over line breaks.
func canonical(part string) error {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	if part == "" || base64.RawURLEncoding.EncodeToString(decoded) != part {
		return errors.New("empty, or another spelling of the same bytes")
	}
	return nil
}

func checkHeader(encoded string) error {
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return refuse("The header of the ID token cannot be read.").Because(err)
	}
	var h header
	if err := json.Unmarshal(text, &h); err != nil {
		return refuse("The header of the ID token cannot be read.").Because(err)
	}
	switch {
	case h.Algorithm != rs256 && h.Algorithm != es256:
		return refuse("The ID token is not signed with RS256 or ES256.")
	case h.Critical != nil || h.Base64 != nil:
		return refuse("The ID token demands an extension that is not known here.")
	case h.Type != "" && !strings.EqualFold(h.Type, "JWT"):
		return refuse("The token is of another type than an ID token.")
	case h.KeyID == "":
		return refuse("The ID token does not say which key signed it.")
	}
	return nil
}

// claimedIssuer is who a token says has issued it; empty if that cannot be read.
// Nothing is verified yet.
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

// fingerprint is the SHA-256 of what was signed: header and claims in their
// only spelling. The signature is left out, because whoever holds an ES256
// token can make a second valid signature of it ((r, n-s) for (r, s)), and
// would have two tokens for two sign-ins.
func fingerprint(rawIDToken string) [32]byte {
	return sha256.Sum256([]byte(rawIDToken[:strings.LastIndexByte(rawIDToken, '.')]))
}

// seal verifies the signature of one token. It keeps what came of it, because
// go-oidc turns the errors of a key set into text.
type seal struct {
	keys    *keyring
	payload []byte
	failure error
}

var _ oidc.KeySet = (*seal)(nil)

// VerifySignature implements [oidc.KeySet].
func (s *seal) VerifySignature(ctx context.Context, rawIDToken string) ([]byte, error) {
	s.payload, s.failure = s.verify(ctx, rawIDToken)
	return s.payload, s.failure
}

func (s *seal) verify(ctx context.Context, rawIDToken string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(rawIDToken, []jose.SignatureAlgorithm{rs256, es256})
	if err != nil {
		return nil, refuse("The ID token is not a well-formed JWS.").Because(err)
	}
	protected := jws.Signatures[0].Protected
	key, err := s.keys.find(ctx, keyName{protected.KeyID, protected.Algorithm})
	if err != nil {
		return nil, err
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return nil, refuse("The signature of the ID token is wrong.").Because(err)
	}
	return payload, nil
}

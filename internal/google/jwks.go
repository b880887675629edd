package google

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	weakestRSA = 2048
	// largestRSA bounds the work that one signature can cost.
	largestRSA = 8192
)

// parseKeys returns the keys of a JWK set that can verify ID tokens. It passes
// over the others, as RFC 7517, section 5, asks: an issuer may publish kinds of
// keys that are not known here. A set without any usable key is an error, so
// that it does not replace a good one.
func parseKeys(text []byte) (map[keyName]crypto.PublicKey, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("parse keys: %w", err)
	}
	named := make(map[keyName]crypto.PublicKey, len(set.Keys))
	for _, member := range set.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(member); err != nil {
			continue
		}
		if algorithm := algorithmOf(key); algorithm != "" && key.KeyID != "" {
			named[keyName{key.KeyID, algorithm}] = key.Key
		}
	}
	if len(named) == 0 {
		return nil, errors.New("there is no key for RS256 or ES256 among them")
	}
	return named, nil
}

// algorithmOf returns the one algorithm that a key may be used with, or empty
// when it may not be used at all.
func algorithmOf(key jose.JSONWebKey) string {
	if key.Use != "" && key.Use != "sig" {
		return ""
	}
	algorithm := ""
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits >= weakestRSA && bits <= largestRSA {
			algorithm = rs256
		}
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			algorithm = es256
		}
	}
	if key.Algorithm != "" && key.Algorithm != algorithm {
		return ""
	}
	return algorithm
}

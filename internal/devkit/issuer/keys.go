package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// The algorithms that tokens can be signed with.
const (
	RS256 = "RS256"
	ES256 = "ES256"
)

const weakestRSA = 2048

// signingKey is a private key with its published ID and algorithm.
type signingKey struct {
	signer crypto.Signer
	public jose.JSONWebKey
}

// newSigningKey rejects keys that a verifier would ignore, so that a wrong key is
// reported at the start and not at the first sign-in.
func newSigningKey(signer crypto.Signer) (signingKey, error) {
	public := jose.JSONWebKey{Key: signer.Public(), Use: "sig"}
	switch key := signer.Public().(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < weakestRSA {
			return signingKey{}, fmt.Errorf("an RSA key of %d bits is too short", key.N.BitLen())
		}
		public.Algorithm = RS256
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return signingKey{}, errors.New("the curve of the key is not P-256")
		}
		public.Algorithm = ES256
	default:
		return signingKey{}, fmt.Errorf("a key of type %T cannot sign RS256 or ES256", key)
	}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return signingKey{}, fmt.Errorf("name the key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return signingKey{signer: signer, public: public}, nil
}

// Rotate generates a new signing key for alg, RS256 or ES256. The old public key is no
// longer published.
func (i *Issuer) Rotate(alg string) error {
	var signer crypto.Signer
	var err error
	switch alg {
	case RS256:
		signer, err = rsa.GenerateKey(rand.Reader, weakestRSA)
	case ES256:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return fmt.Errorf("there is no key for the algorithm %q", alg)
	}
	if err != nil {
		return fmt.Errorf("generate a key for %s: %w", alg, err)
	}
	key, err := newSigningKey(signer)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = key
	return nil
}

func (i *Issuer) currentKey() signingKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.key
}

func (i *Issuer) jwks(w http.ResponseWriter, _ *http.Request) {
	i.cacheable(w)
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{i.currentKey().public}})
}

// sign returns the JWS signature (RFC 7518, sections 3.3 and 3.4) of input.
func (k signingKey) sign(input string) ([]byte, error) {
	digest := sha256.Sum256([]byte(input))
	signature, err := k.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", k.public.Algorithm, err)
	}
	if k.public.Algorithm == RS256 {
		return signature, nil
	}
	// A crypto.Signer returns ASN.1; a JWS has the concatenated numbers.
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(signature, &pair); err != nil {
		return nil, fmt.Errorf("read the ECDSA signature: %w", err)
	}
	both := make([]byte, 64)
	pair.R.FillBytes(both[:32])
	pair.S.FillBytes(both[32:])
	return both, nil
}

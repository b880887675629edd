package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Key signs or verifies access tokens. It has one algorithm, by what it is: no
// token can ask for another.
type Key struct {
	id     string
	method jwt.SigningMethod
	// sign is nil where the key only verifies.
	sign, verify any
	// seed is what refresh tokens are derived from; nil where the key is public.
	seed []byte
	// public is nil where the key is a secret.
	public *PublicKey
}

// String names the key and tells nothing of it.
func (k Key) String() string { return k.method.Alg() + " " + k.id }

// ID is the key's name in tokens, and in the set of public keys.
func (k Key) ID() string { return k.id }

// Signs reports whether tokens can be signed with the key.
func (k Key) Signs() bool { return k.sign != nil }

// PublicKey is what anybody needs to verify access tokens (RFC 7517).
type PublicKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y,omitzero"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
}

// secretKey is a key for HS256, with at least 32 bytes (RFC 7518, section 3.2).
func secretKey(secret []byte) Key {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("key id"))
	return Key{
		id: hex.EncodeToString(mac.Sum(nil)[:8]), method: jwt.SigningMethodHS256,
		sign: secret, verify: secret, seed: secret,
	}
}

// errNeither is the end of a sentence about a key of another kind.
var errNeither = errors.New("that is neither Ed25519 nor P-256")

// keyOf is the key of what package x509 has read.
func keyOf(read any) (Key, error) {
	switch k := read.(type) {
	case ed25519.PrivateKey:
		key, err := keyOf(k.Public())
		key.sign, key.seed = k, k.Seed()
		return key, err
	case ed25519.PublicKey:
		return publicKey(jwt.SigningMethodEdDSA, k, PublicKey{Type: "OKP", Curve: "Ed25519", X: base64url(k)}), nil
	case *ecdsa.PrivateKey:
		key, err := keyOf(&k.PublicKey)
		if err != nil {
			return Key{}, err
		}
		key.sign = k
		key.seed, err = k.Bytes()
		return key, err
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y
		if err != nil || len(point) != 1+2*32 {
			return Key{}, errNeither
		}
		return publicKey(jwt.SigningMethodES256, k, PublicKey{Type: "EC", Curve: "P-256", X: base64url(point[1:33]), Y: base64url(point[33:])}), nil
	default:
		return Key{}, errNeither
	}
}

// publicKey is a key that verifies, named by its thumbprint (RFC 7638).
func publicKey(method jwt.SigningMethod, verify any, p PublicKey) Key {
	y := ""
	if p.Y != "" {
		y = fmt.Sprintf(`,"y":%q`, p.Y)
	}
	thumb := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":%q,"x":%q%s}`, p.Curve, p.Type, p.X, y))
	p.Use, p.Algorithm, p.ID = "sig", method.Alg(), base64url(thumb[:])
	return Key{id: p.ID, method: method, verify: verify, public: &p}
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// KeyRing is all keys of a server's tokens. The first key of the key file that
// can sign signs access tokens, else the secret does; every key verifies what is
// its own. So keys can be exchanged one step at a time: a key that is to come
// first verifies everywhere, then signs, and one that goes verifies for as long
// as its tokens live.
//
// Refresh tokens are derived from the secret where there is one, else from the
// key that signs; they are recognized by whatever is not public.
type KeyRing struct {
	signer  Key
	all     map[string]Key
	public  []PublicKey
	refresh *RefreshTokens
}

// NewKeyRing returns the ring of a key file, of a secret, and of previous
// secrets. Each may be missing, but something has to sign.
func NewKeyRing(file []Key, secret []byte, previous ...[]byte) (*KeyRing, error) {
	r := &KeyRing{all: map[string]Key{}}
	var keys []Key
	var seeds [][]byte
	for _, k := range file {
		keys = append(keys, k)
		r.public = append(r.public, *k.public)
		if k.Signs() {
			seeds = append(seeds, k.seed)
		}
	}
	if len(secret) > 0 {
		keys = append(keys, secretKey(secret))
		seeds = slices.Insert(seeds, 0, secret)
	}
	signer := slices.IndexFunc(keys, Key.Signs)
	if signer < 0 {
		return nil, errors.New("there is no key to sign access tokens with")
	}
	r.signer = keys[signer]
	for _, old := range previous {
		keys = append(keys, secretKey(old))
		seeds = append(seeds, old)
	}
	for _, k := range keys {
		r.all[k.id] = k
	}
	r.refresh = NewRefreshTokens(seeds...)
	return r, nil
}

// Signer is the key that signs.
func (r *KeyRing) Signer() Key { return r.signer }

// Public returns the public keys of the key file, whether they sign or not.
func (r *KeyRing) Public() []PublicKey { return r.public }

// Refresh returns the refresh tokens of the ring.
func (r *KeyRing) Refresh() *RefreshTokens { return r.refresh }

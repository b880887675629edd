package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Key signs or verifies access tokens. Its type determines the one algorithm; a
// token cannot choose another.
type Key struct {
	id     string
	method jwt.SigningMethod
	// sign is nil if the key only verifies.
	sign, verify any
	// seed is the secret of which refresh tokens are derived; nil for a public key.
	seed []byte
	// public is nil for a shared secret.
	public *PublicKey
}

// String returns the algorithm and the id. It reveals nothing secret.
func (k Key) String() string { return k.method.Alg() + " " + k.id }

// ID is the "kid" of the key in tokens and in the set of public keys.
func (k Key) ID() string { return k.id }

// Signs reports whether the key can sign.
func (k Key) Signs() bool { return k.sign != nil }

// PublicKey is a JSON Web Key (RFC 7517) that verifies access tokens.
type PublicKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y,omitzero"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
}

// secretKey returns an HS256 key of at least 32 bytes (RFC 7518, section 3.2).
func secretKey(secret []byte) Key {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("key id"))
	return Key{
		id: hex.EncodeToString(mac.Sum(nil)[:8]), method: jwt.SigningMethodHS256,
		sign: secret, verify: secret, seed: secret,
	}
}

// errNeither completes a sentence about a key of another type.
var errNeither = errors.New("that is neither Ed25519 nor P-256")

// keyOf returns the key that package x509 has parsed.
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

// publicKey returns a key that verifies. Its id is its thumbprint (RFC 7638).
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

// KeyRing holds all keys of a server's tokens. The first private key of the key
// file signs access tokens; without one the secret does. Every key verifies the
// tokens that it signed. So keys can be rotated step by step: a new key first
// verifies everywhere and then signs; an old key verifies until its tokens have
// expired.
//
// Refresh tokens are derived from the secret, or without one from the signing
// key. All keys that are not public recognize them.
type KeyRing struct {
	signer  Key
	all     map[string]Key
	public  []PublicKey
	refresh *RefreshTokens
}

// NewKeyRing returns the ring of a key file, a secret, and previous secrets. Each
// is optional, but one key must be able to sign.
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

// Signer returns the signing key.
func (r *KeyRing) Signer() Key { return r.signer }

// Public returns the public keys of all keys of the key file.
func (r *KeyRing) Public() []PublicKey { return r.public }

// Refresh returns the refresh tokens of the ring.
func (r *KeyRing) Refresh() *RefreshTokens { return r.refresh }

// ParseKeys parses a key file: PEM with private keys in PKCS#8 or SEC1, and
// public keys in PKIX, all Ed25519 or P-256. The error text continues a sentence
// that begins with the name of the setting. It quotes nothing of the file.
func ParseKeys(file []byte) ([]Key, error) {
	var keys []Key
	blocks := 0
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if blocks++; block.Type == "EC PARAMETERS" { // openssl writes them before a SEC1 key
			continue
		}
		key, err := parseKey(block)
		if err != nil {
			return nil, fmt.Errorf("holds a block (number %d) %w", blocks, err)
		}
		if slices.ContainsFunc(keys, func(known Key) bool { return known.id == key.id }) {
			return nil, errors.New("holds the same key twice")
		}
		keys = append(keys, key)
	}
	// The decoder skips blocks that it cannot read, and with them a key.
	if blocks == 0 || blocks != bytes.Count(file, []byte("-----BEGIN ")) {
		return nil, errors.New("is not PEM, or a part of it is damaged")
	}
	if len(keys) == 0 {
		return nil, errors.New("holds no key")
	}
	return keys, nil
}

func parseKey(block *pem.Block) (Key, error) {
	var read any
	var err error
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return Key{}, errors.New("that is encrypted; decrypt it with: openssl pkey")
	case block.Type == "PRIVATE KEY":
		read, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		read, err = x509.ParseECPrivateKey(block.Bytes)
	case block.Type == "PUBLIC KEY":
		read, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY" || block.Type == "RSA PUBLIC KEY" || block.Type == "DSA PRIVATE KEY":
		return Key{}, errNeither
	default:
		return Key{}, errors.New("that is not a key in PKCS#8, SEC1 or PKIX")
	}
	if err != nil { // the text of err may quote the file
		return Key{}, errors.New("that cannot be read, or is neither Ed25519 nor P-256")
	}
	return keyOf(read)
}

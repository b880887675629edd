package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"sync"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// algorithm is one of the three that access tokens may have, with a key, a ring
// in which that key signs and those of the other two verify, and a way to sign
// that shares nothing with the code.
type algorithm struct {
	name string
	key  auth.Key
	ring func() *auth.KeyRing
	sign func(input string) []byte
	// public is the public form of the key, in bytes that a forger could
	// take for a secret; none where it is one.
	public [][]byte
}

// algorithms are all three, over the same keys for a whole run.
var algorithms = sync.OnceValue(func() []algorithm {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	ec := p256()
	edPEM, ecPEM := privatePEM(ed), privatePEM(ec)
	edPublic, ecPublic := publicPEM(ed.Public()), publicPEM(&ec.PublicKey)
	return []algorithm{
		{
			name: "HS256", key: ring(nil, newSecret).Signer(),
			ring: func() *auth.KeyRing { return ring(keysIn(edPublic, ecPublic), newSecret) },
			sign: func(input string) []byte { return hs256(newSecret, input) },
		},
		{
			name: "EdDSA", key: keysIn(edPEM)[0],
			ring:   func() *auth.KeyRing { return ring(keysIn(edPEM, ecPublic), nil, newSecret) },
			sign:   func(input string) []byte { return ed25519.Sign(ed, []byte(input)) },
			public: waysToWrite(ed.Public(), ed.Public().(ed25519.PublicKey)),
		},
		{
			name: "ES256", key: keysIn(ecPEM)[0],
			ring:   func() *auth.KeyRing { return ring(keysIn(ecPEM, edPublic), nil, newSecret) },
			sign:   func(input string) []byte { return es256(ec, input) },
			public: waysToWrite(&ec.PublicKey, pointOf(&ec.PublicKey)),
		},
	}
})

// ring is a ring that signs.
func ring(file []auth.Key, secret []byte, previous ...[]byte) *auth.KeyRing {
	r, err := auth.NewKeyRing(file, secret, previous...)
	if err != nil {
		panic(err)
	}
	return r
}

// keysIn are the keys of a key file that is put together from these.
func keysIn(files ...string) []auth.Key {
	keys, err := auth.ParseKeys([]byte(strings.Join(files, "")))
	if err != nil {
		panic(err)
	}
	return keys
}

func p256() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func pointOf(key *ecdsa.PublicKey) []byte {
	point, err := key.Bytes()
	if err != nil {
		panic(err)
	}
	return point
}

func privatePEM(key any) string {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return block("PRIVATE KEY", der)
}

func publicPEM(key any) string { return block("PUBLIC KEY", publicDER(key)) }

func publicDER(key any) []byte {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic(err)
	}
	return der
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func waysToWrite(key any, bare []byte) [][]byte {
	text := publicPEM(key)
	return [][]byte{[]byte(text), []byte(text[:len(text)-1]), publicDER(key), bare}
}

func hs256(secret []byte, input string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

// es256 signs after RFC 7518, section 3.4.
func es256(key *ecdsa.PrivateKey, input string) []byte {
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature
}

// long reports whether there is time, as there is in `make test-long`.
func long() bool { return os.Getenv("TEST_LONG") != "" }

package testkit

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"sync/atomic"
	"testing"
)

// keyPairs are the signing keys of issuers and of their user stores. Each is generated on
// first use and shared by the tests of a process: generating one takes more processor time
// than most tests, and was 43 % of the time of package httpapi.
var keyPairs = newKeyPairs(4)

// takenPairs counts the uses of keyPairs, which issuers take in turns.
var takenPairs atomic.Uint64

func newKeyPairs(n int) (pairs [][2]func() (*rsa.PrivateKey, error)) {
	newKey := func() func() (*rsa.PrivateKey, error) {
		return sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	}
	for range n {
		pairs = append(pairs, [2]func() (*rsa.PrivateKey, error){newKey(), newKey()})
	}
	return pairs
}

// signingKeys returns the key of an issuer, and that of its user store.
func signingKeys(t testing.TB) (ofIssuer, ofUserStore crypto.Signer) {
	t.Helper()
	pair := keyPairs[takenPairs.Add(1)%uint64(len(keyPairs))]
	first, err := pair[0]()
	if err != nil {
		t.Fatalf("generate a signing key: %v", err)
	}
	second, err := pair[1]()
	if err != nil {
		t.Fatalf("generate a signing key: %v", err)
	}
	return first, second
}

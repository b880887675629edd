package testkit

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
)

// Generating a key of 2,048 bits takes a quarter of a second, and much longer
// under the race detector. With two keys per server that was two thirds of the
// processor time of package httpapi's tests. So the issuers of a process share
// their keys: one for issuers, another one for user stores.
var (
	issuerKey    = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	userStoreKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
)

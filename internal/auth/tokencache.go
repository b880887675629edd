package auth

import (
	"crypto/sha256"
	"sync"
)

// tokenGeneration is the number of tokens in one generation of the cache. The
// cache holds at most two generations. One token takes about 100 bytes.
const tokenGeneration = 8192

// tokenCache caches verified access tokens by their SHA-256. Verification costs
// more than the rest of a cached read. The cache holds only what never changes:
// the actor of a token, and its expiry. Whether the session is live is checked
// for each request.
//
// The zero value is an empty cache.
type tokenCache struct {
	mu sync.RWMutex
	// Tokens are added to the young generation. When that is full it becomes the
	// old one, and the former old one is dropped.
	young, old map[tokenHash]cachedToken
}

type tokenHash = [sha256.Size]byte

type cachedToken struct {
	user    UserID
	session SessionID
	// expires is in seconds of Unix time.
	expires int64
}

// get returns a cached token.
func (c *tokenCache) get(hash tokenHash) (cachedToken, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	t, ok := c.young[hash]
	if !ok {
		t, ok = c.old[hash]
	}
	return t, ok
}

// put caches a token.
func (c *tokenCache) put(hash tokenHash, t cachedToken) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= tokenGeneration {
		c.young, c.old = make(map[tokenHash]cachedToken), c.young
	}
	c.young[hash] = t
}

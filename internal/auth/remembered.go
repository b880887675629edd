package auth

import (
	"crypto/sha256"
	"sync"
)

// mostRemembered is how many verified tokens are remembered at least before the
// oldest are forgotten; never more than twice as many. One takes about 100 bytes.
const mostRemembered = 8192

// rememberedTokens are tokens that were verified, by their SHA-256. Verifying one
// costs more than all else of a read that is remembered. What is remembered is
// what can never change: whom a token stands for, and until when. Whether its
// session is live is asked each time, as for any token.
//
// The zero value remembers nothing yet.
type rememberedTokens struct {
	mu sync.RWMutex
	// Tokens go into the young ones; when those are many they become the old ones,
	// and the old ones are forgotten.
	young, old map[tokenHash]remembered
}

type tokenHash = [sha256.Size]byte

type remembered struct {
	user    UserID
	session SessionID
	// expires is in seconds of Unix time.
	expires int64
}

// find returns what is remembered of a token.
func (t *rememberedTokens) find(hash tokenHash) (remembered, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r, ok := t.young[hash]
	if !ok {
		r, ok = t.old[hash]
	}
	return r, ok
}

// keep remembers a token.
func (t *rememberedTokens) keep(hash tokenHash, r remembered) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.young == nil || len(t.young) >= mostRemembered {
		t.young, t.old = make(map[tokenHash]remembered), t.young
	}
	t.young[hash] = r
}

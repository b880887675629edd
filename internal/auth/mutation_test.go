package auth_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// The test replaces each byte of a token by each other byte: length × 255 tokens that
// differ from a valid one in one byte, more than 100,000. For key pairs, whose
// signatures take longer, it flips each bit; `make test-long` tests every byte of
// them, too, up to ten million.
func TestJWT_ChangedByteIsInvalid(t *testing.T) {
	t.Parallel()
	least, workers := 1, 1
	if long() {
		least, workers = 10_000_000, runtime.NumCPU()
	}
	now := &clock{time.Unix(1_800_000_000, 0)}
	var tried atomic.Int64
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for begun := false; !begun || tried.Load() < int64(least) && !t.Failed(); begun = true {
				for _, a := range algorithms() {
					tokens := tokensOf(now, a.ring())
					tried.Add(mutate(t, a.name, tokens, issue(t, tokens, newActor()), a.name == "HS256" || long()))
				}
			}
		})
	}
	running.Wait()
	if tried.Load() < 100_000 {
		t.Errorf("only %d tokens were tried", tried.Load())
	}
	t.Logf("%d tokens with one byte changed", tried.Load())
}

func mutate(t *testing.T, name string, tokens *auth.AccessTokens, good string, all bool) (tried int64) {
	t.Helper()
	if _, err := tokens.Verify(good); err != nil {
		t.Errorf("%s: the token itself: %v", name, err)
	}
	bad := []byte(good)
	for at := range bad {
		if t.Failed() { // one is enough, and there may be a hundred thousand
			return tried
		}
		for change := 1; change < 256; change++ {
			if !all && bits.OnesCount8(uint8(change)) > 1 {
				continue
			}
			bad[at] = good[at] ^ byte(change)
			tried++
			if actor, err := tokens.Verify(string(bad)); problem.CodeOf(err) != problem.TokenInvalid || actor != (auth.Actor{}) {
				t.Errorf("%s: with the byte %#x at %d of %d it is %v, %v", name, bad[at], at, len(bad), actor, err)
			}
		}
		bad[at] = good[at]
	}
	return tried
}

func TestJWT_AddedOrRemovedByteIsInvalid(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	for _, a := range algorithms() {
		tokens := tokensOf(now, a.ring())
		token := issue(t, tokens, newActor())
		refuse := func(how string, at int, changed string) {
			if _, err := tokens.Verify(changed); problem.CodeOf(err) != problem.TokenInvalid {
				t.Errorf("%s: a token with one byte %s at %d: %v", a.name, how, at, err)
			}
		}
		for at := range len(token) + 1 {
			for _, more := range []byte("AQgw_-09.+/= \t\r\n\x00\xff") {
				refuse("more", at, token[:at]+string([]byte{more})+token[at:])
			}
			if at < len(token) {
				refuse("less", at, token[:at]+token[at+1:])
			}
		}
	}
}

// The holder of an ES256 token can compute a second valid signature of the same
// content. It is accepted: see docs/decisions/0016-keys-of-access-tokens.md.
func TestJWT_OtherES256SignatureHasSameActor(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	for _, a := range algorithms() {
		if a.name != "ES256" {
			continue
		}
		tokens, actor := tokensOf(now, a.ring()), newActor()
		token := issue(t, tokens, actor)
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		if err != nil {
			t.Fatal(err)
		}
		s := new(big.Int).SetBytes(signature[32:])
		s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
		other := token[:dot+1] + base64.RawURLEncoding.EncodeToString(signature)
		if got, err := tokens.Verify(other); err != nil || got != actor || other == token {
			t.Errorf("Verify = %v, %v", got, err)
		}
	}
}

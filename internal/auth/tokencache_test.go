package auth_test

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestCache_VerifiedTokenExpires(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	tokens := accessTokens(now, oldSecret)
	actor := newActor()
	token := issue(t, tokens, actor)
	for _, after := range []time.Duration{0, 0, time.Hour, time.Hour + 4*time.Second} {
		now.at = time.Unix(1_800_000_000, 0).Add(after)
		if got, err := tokens.Verify(token); err != nil || got != actor {
			t.Fatalf("after %s it stands for %v, %v", after, got, err)
		}
	}
	now.at = now.at.Add(time.Second)
	for range 2 {
		if _, err := tokens.Verify(token); problem.CodeOf(err) != problem.TokenExpired {
			t.Errorf("an hour and five seconds later: %v", err)
		}
	}
}

// A cached token does not affect other tokens, and each keeps its own actor, however
// many there are.
func TestCache_TokensAreSeparateAndBounded(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	tokens := accessTokens(now, oldSecret)
	const many = 20_000 // more than the cache holds
	actors, issued := make([]auth.Actor, many), make([]string, many)
	for n := range many {
		actors[n] = newActor()
		issued[n] = issue(t, tokens, actors[n])
	}
	for range 2 {
		for n, token := range issued {
			if got, err := tokens.Verify(token); err != nil || got != actors[n] {
				t.Fatalf("token %d stands for %v, %v", n, got, err)
			}
			altered := token[:len(token)-2] + "A" + token[len(token)-1:]
			if _, err := tokens.Verify(altered); altered != token && problem.CodeOf(err) != problem.TokenInvalid {
				t.Fatalf("token %d is accepted with another signature: %v", n, err)
			}
		}
	}
	if got := tokens.CachedTokens(); got > 2*8192 {
		t.Errorf("%d tokens are cached", got)
	}
}

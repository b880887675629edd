package identity

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/id"
)

var testRules = SessionRules{Idle: time.Hour, MaxAge: 5 * time.Hour, ReuseGrace: 10 * time.Second, PerUser: 20}

func newTestSession(at time.Time) Session {
	return Session{
		ID: id.New[Session](), Salt: []byte("0123456789abcdef"), CreatedAt: at, LastUsedAt: at,
		ExpiresAt: at.Add(testRules.Idle), EndsAt: at.Add(testRules.MaxAge),
	}
}

func TestATokenNeverIssuedEndsNothing(t *testing.T) {
	t.Parallel()
	tokens, at := NewRefreshTokens([]byte("secret")), time.Now()
	s := newTestSession(at)
	later := s
	later.Counter = 7
	for name, token := range map[string]string{
		"of another key":            NewRefreshTokens([]byte("other")).Token(s),
		"of another session's salt": tokens.Token(Session{ID: s.ID, Salt: []byte("fedcba9876543210")}),
		"of a counter not reached":  tokens.Token(later),
	} {
		p, err := parseRefresh(token)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := tokens.rotate(p, s, at, testRules)
		if r.changed || fault.CodeOf(r.fault) != fault.RefreshTokenInvalid {
			t.Errorf("a token %s: changed %v, fault %v", name, r.changed, r.fault)
		}
	}
}

func TestRefreshTokensHaveOneSpelling(t *testing.T) {
	t.Parallel()
	token := NewRefreshTokens([]byte("secret")).Token(newTestSession(time.Now()))
	for name, bad := range map[string]string{
		"empty": "", "without prefix": token[4:], "other prefix": "abc_" + token[4:], "shorter": token[:len(token)-1],
		"longer": token + "A", "padded": token + "==", "with a newline": token[:20] + "\n" + token[20:],
	} {
		if _, err := parseRefresh(bad); fault.CodeOf(err) != fault.RefreshTokenInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

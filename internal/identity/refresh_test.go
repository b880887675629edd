package identity

import (
	"testing"
	"time"

	"pgregory.net/rapid"

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

// The model of a session's refresh tokens: which was issued when, and what a
// caller may still do with each.
func TestRefreshTokensBehaveLikeTheirModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tokens := NewRefreshTokens([]byte("secret"))
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := newTestSession(at)
		issued := []string{tokens.Token(s)}
		rotatedAt, ended := at, false
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "wait")))
			if rapid.Bool().Draw(t, "at once") {
				at = rotatedAt.Add(time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "soon")))
			}
			n := len(issued) - 1 - rapid.IntRange(0, min(3, len(issued)-1)).Draw(t, "age")
			p, err := parseRefresh(issued[n])
			if err != nil {
				t.Fatal(err)
			}
			expired := !at.Before(s.ExpiresAt) || !at.Before(s.EndsAt)
			r := tokens.rotate(p, s, at, testRules)
			var want fault.Code
			switch {
			case ended:
				want = fault.RefreshTokenInvalid
			case expired:
				want = fault.RefreshTokenExpired
			case n == len(issued)-1:
				issued = append(issued, tokens.Token(r.session))
				rotatedAt = at
			case n == len(issued)-2 && at.Sub(rotatedAt) <= testRules.ReuseGrace:
				if tokens.Token(r.session) != issued[len(issued)-1] {
					t.Fatal("the predecessor did not get the same successor")
				}
			default:
				want, ended = fault.RefreshTokenReused, true
			}
			if want == "" && r.fault != nil || want != "" && fault.CodeOf(r.fault) != want {
				t.Fatalf("token %d of %d at %s: %v, want %q", n, len(issued), at, r.fault, want)
			}
			if r.changed {
				s = r.session
			}
			if (s.RevokedAt != nil) != ended {
				t.Fatalf("revoked %v, want %v", s.RevokedAt, ended)
			}
			if s.ExpiresAt.After(s.EndsAt) {
				t.Fatal("the session outlives its greatest age")
			}
		}
	})
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

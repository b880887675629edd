package auth

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

var testRules = SessionPolicy{Idle: time.Hour, MaxAge: 5 * time.Hour, ReuseGrace: 10 * time.Second, PerUser: 20}

func newTestSession(at time.Time) Session {
	return Session{
		ID: id.New[Session](), Salt: []byte("0123456789abcdef"), CreatedAt: at, LastUsedAt: at,
		ExpiresAt: at.Add(testRules.Idle), EndsAt: at.Add(testRules.MaxAge),
	}
}

func TestRefresh_UnissuedTokenEndsNothing(t *testing.T) {
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
		if r.changed || problem.CodeOf(r.err) != problem.RefreshTokenInvalid {
			t.Errorf("a token %s: changed %v, fault %v", name, r.changed, r.err)
		}
	}
}

func TestRefresh_TokenHasOneSpelling(t *testing.T) {
	t.Parallel()
	token := NewRefreshTokens([]byte("secret")).Token(newTestSession(time.Now()))
	for name, bad := range map[string]string{
		"empty": "", "without prefix": token[4:], "other prefix": "abc_" + token[4:], "shorter": token[:len(token)-1],
		"longer": token + "A", "padded": token + "==", "with a newline": token[:20] + "\n" + token[20:],
	} {
		if _, err := parseRefresh(bad); problem.CodeOf(err) != problem.RefreshTokenInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// refreshForm is every text that encodes 52 bytes.
var refreshForm = regexp.MustCompile(`^cgr_[A-Za-z0-9_-]{69}[AQgw]$`)

// FuzzRefreshToken_Parse checks that a text is read as a refresh token exactly if it
// has the form of one, as the only spelling of what is in it, and that a session
// takes none but its own.
func FuzzRefreshToken_Parse(f *testing.F) {
	tokens, older := NewRefreshTokens([]byte("secret"), []byte("older")), NewRefreshTokens([]byte("older"))
	at := time.Unix(1_800_000_000, 0)
	s := newTestSession(at)
	s.ID = SessionID{0: 1, 15: 255} // the same in every process that fuzzes
	issued := map[string]bool{}
	for s.Counter = range int32(8) {
		issued[tokens.Token(s)], issued[older.Token(s)] = s.Counter <= 5, s.Counter <= 5
		f.Add(tokens.Token(s))
		f.Add(older.Token(s))
	}
	s.Counter = 5
	token := tokens.Token(s)
	for _, seed := range []string{"", "cgr_", token[4:], token[:73], token + "A", token + "=", token[:73] + "B", token[:9] + "\n" + token[9:], "cgr_" + strings.Repeat("_", 69) + "w", strings.ToUpper(token)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		p, err := parseRefresh(token)
		if refreshForm.MatchString(token) != (err == nil) || err != nil && problem.CodeOf(err) != problem.RefreshTokenInvalid {
			t.Fatalf("%q is read with %v", token, err)
		}
		if err != nil {
			return
		}
		var again []byte
		again = append(again, p.session[:]...)
		again = binary.BigEndian.AppendUint32(again, uint32(p.counter))
		again = append(again, p.mac...)
		if "cgr_"+base64.RawURLEncoding.EncodeToString(again) != token || !bytes.Equal(again[:20], p.body) {
			t.Fatalf("%q is read as %+v", token, p)
		}
		r := tokens.rotate(p, s, at, testRules)
		if tokens.issued(p, s) != issued[token] || !issued[token] && (r.changed || problem.CodeOf(r.err) != problem.RefreshTokenInvalid) {
			t.Fatalf("%q was issued: %t; it changes the session: %t, %v", token, issued[token], r.changed, r.err)
		}
	})
}

func TestRefresh_TokenNamesItsSession(t *testing.T) {
	t.Parallel()
	session := Session{ID: id.New[Session](), Salt: []byte("salt")}
	token := NewRefreshTokens([]byte("a secret")).Token(session)
	got, err := SessionOf(token)
	if err != nil || got != session.ID {
		t.Errorf("session = %s, %v, want %s", got, err, session.ID)
	}
	for _, none := range []string{"", "cgr_", "x", token[:len(token)-1], token + "\n"} {
		if _, err := SessionOf(none); problem.CodeOf(err) != problem.RefreshTokenInvalid {
			t.Errorf("%q names a session: %v", none, err)
		}
	}
}

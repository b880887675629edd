package auth_test

import (
	"bytes"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
)

var refreshForm = regexp.MustCompile(`^cgr_[A-Za-z0-9_-]{60,}$`)

func TestRefresh_TokenDependsOnAllInputs(t *testing.T) {
	t.Parallel()
	tokens := auth.NewRefreshTokens(newSecret)
	session := auth.Session{ID: id.New[auth.Session](), Salt: []byte("sixteen bytes ..")}
	token := tokens.Token(session)
	if !refreshForm.MatchString(token) {
		t.Errorf("token = %s", token)
	}
	if again := auth.NewRefreshTokens(newSecret).Token(session); again != token {
		t.Errorf("the same session has the tokens %s and %s", token, again)
	}
	seen := map[string]string{token: "itself"}
	for name, change := range map[string]func(*auth.Session){
		"another session":        func(s *auth.Session) { s.ID = id.New[auth.Session]() },
		"another salt":           func(s *auth.Session) { s.Salt = []byte("sixteen bytes .,") },
		"one rotation later":     func(s *auth.Session) { s.Counter = 1 },
		"two rotations later":    func(s *auth.Session) { s.Counter = 2 },
		"256 rotations later":    func(s *auth.Session) { s.Counter = 256 },
		"the greatest rotations": func(s *auth.Session) { s.Counter = 1<<31 - 1 },
	} {
		other := session
		change(&other)
		made := tokens.Token(other)
		if same, ok := seen[made]; ok {
			t.Errorf("%s has the token of %s", name, same)
		}
		seen[made] = name
	}
	if other := auth.NewRefreshTokens(oldSecret).Token(session); other == token {
		t.Error("another secret makes the same token")
	}
}

func TestRefresh_TokenRevealsNoSecret(t *testing.T) {
	t.Parallel()
	session := auth.Session{ID: id.New[auth.Session](), Salt: []byte("sixteen bytes ..")}
	token := auth.NewRefreshTokens(newSecret).Token(session)
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "cgr_"))
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{"salt": session.Salt, "key": newSecret[:8]} {
		if bytes.Contains(raw, secret) {
			t.Errorf("the %s is part of the token", name)
		}
	}
	if len(raw) < 16+4+32 {
		t.Errorf("the token has %d bytes; too few of them are a seal", len(raw))
	}
}

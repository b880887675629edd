package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// attemptLife is how long somebody may take on Google's page.
const attemptLife = 10 * time.Minute

// attempt is a browser's sign-in that is under way. It waits in a cookie of that
// browser, so that only there it can be finished.
type attempt struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	ReturnTo string    `json:"return_to"`
	Expires  time.Time `json:"expires"`
}

func (a attempt) by(redirectURI string) auth.AuthRequest {
	return auth.AuthRequest{RedirectURI: redirectURI, State: a.State, Nonce: a.Nonce, Verifier: a.Verifier}
}

// attempts seals attempts: a browser keeps one, but cannot make or alter it.
type attempts struct {
	key []byte
	now func() time.Time
}

func newAttempts(secret []byte, now func() time.Time) attempts {
	return attempts{key: keyFor("sign-in attempts", secret), now: now}
}

func (s attempts) mac(text []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(text)
	return mac.Sum(nil)
}

func (s attempts) seal(of auth.AuthRequest, returnTo string) string {
	text, err := json.Marshal(attempt{of.State, of.Nonce, of.Verifier, returnTo, s.now().Add(attemptLife)})
	if err != nil {
		panic(fmt.Sprintf("seal an attempt: %v", err)) // a struct of strings and a time
	}
	return base64.RawURLEncoding.EncodeToString(append(s.mac(text), text...))
}

// open returns the attempt of a cookie, if state is its own and its time is not
// over.
func (s attempts) open(sealed, state string) (attempt, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(raw) < sha256.Size || !hmac.Equal(raw[:sha256.Size], s.mac(raw[sha256.Size:])) {
		return attempt{}, errors.New("there is no cookie of an attempt, or it was altered")
	}
	var a attempt
	if err := json.Unmarshal(raw[sha256.Size:], &a); err != nil {
		return attempt{}, fmt.Errorf("read an attempt: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1:
		return attempt{}, errors.New("the state is that of another attempt")
	case !s.now().Before(a.Expires):
		return attempt{}, errors.New("the attempt has expired")
	}
	return a, nil
}

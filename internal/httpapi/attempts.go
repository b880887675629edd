package httpapi

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/seal"
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

// attempts seals attempts: a browser stores one, but cannot make or alter it.
type attempts struct {
	key seal.Key
	now func() time.Time
}

func newAttempts(secret []byte, now func() time.Time) attempts {
	return attempts{key: seal.NewKey(secret, "OAuth login state"), now: now}
}

func (s attempts) seal(of auth.AuthRequest, returnTo string) string {
	return s.key.Seal(attempt{of.State, of.Nonce, of.Verifier, returnTo, s.now().Add(attemptLife)}, "")
}

// open returns the attempt of a cookie, if state is its own and its time is not
// over.
func (s attempts) open(sealed, state string) (attempt, error) {
	var a attempt
	if err := s.key.Open(sealed, "", &a); err != nil {
		return attempt{}, fmt.Errorf("read the cookie of a sign-in: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) != 1:
		return attempt{}, errors.New("the state is that of another attempt")
	case !s.now().Before(a.Expires):
		return attempt{}, errors.New("the attempt has expired")
	}
	return a, nil
}

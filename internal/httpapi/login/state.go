package login

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/seal"
)

// stateTTL is how long a user may take on Google's page.
const stateTTL = 10 * time.Minute

// state is the OAuth state of a sign-in that is not complete. It is stored in a
// cookie, so that the sign-in can be completed only in the browser where it began.
type state struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"`
	ReturnTo string    `json:"return_to"`
	Expires  time.Time `json:"expires"`
}

func (s state) authRequest(redirectURI string) auth.AuthorizationRequest {
	return auth.AuthorizationRequest{RedirectURI: redirectURI, State: s.State, Nonce: s.Nonce, Verifier: s.Verifier}
}

// states seals OAuth states: a browser stores one, but cannot make or alter it.
type states struct {
	key seal.Key
	now func() time.Time
}

func (s states) seal(of auth.AuthorizationRequest, returnTo string) string {
	return s.key.Seal(state{
		State: of.State, Nonce: of.Nonce, Verifier: of.Verifier, ReturnTo: returnTo, Expires: s.now().Add(stateTTL),
	}, "")
}

// open returns the state in a cookie, if the parameter state of the callback is the
// same and the state has not expired.
func (s states) open(sealed, parameter string) (state, error) {
	var of state
	if err := s.key.Open(sealed, "", &of); err != nil {
		return state{}, fmt.Errorf("open the state cookie: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(of.State), []byte(parameter)) != 1:
		return state{}, errors.New("the state is that of another sign-in")
	case !s.now().Before(of.Expires):
		return state{}, errors.New("the state has expired")
	}
	return of, nil
}

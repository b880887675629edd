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
	// Complete is true after the sign-in. Until it expires, the callback may come again:
	// people reload pages and go back.
	Complete bool `json:"complete,omitzero"`
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

// complete seals the state of a sign-in that is over. It does not sign in again.
func (s states) complete(of state) (sealed string, age time.Duration) {
	return s.key.Seal(state{State: of.State, ReturnTo: of.ReturnTo, Expires: of.Expires, Complete: true}, ""), of.Expires.Sub(s.now())
}

// read returns the state in a cookie, if it has not expired.
func (s states) read(sealed string) (state, error) {
	var of state
	if err := s.key.Open(sealed, "", &of); err != nil {
		return state{}, fmt.Errorf("open the state cookie: %w", err)
	}
	if !s.now().Before(of.Expires) {
		return state{}, errors.New("the state has expired")
	}
	return of, nil
}

// open is read for the state in the parameter of the callback.
func (s states) open(sealed, parameter string) (state, error) {
	of, err := s.read(sealed)
	if err == nil && subtle.ConstantTimeCompare([]byte(of.State), []byte(parameter)) != 1 {
		return state{}, errors.New("the state is that of another sign-in")
	}
	return of, err
}

package login

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

func (s state) authRequest(redirectURI string) auth.AuthRequest {
	return auth.AuthRequest{RedirectURI: redirectURI, State: s.State, Nonce: s.Nonce, Verifier: s.Verifier}
}

// states seals OAuth states: a browser stores one, but cannot make or alter it.
type states struct {
	key []byte
	now func() time.Time
}

func (s states) mac(text []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(text)
	return mac.Sum(nil)
}

func (s states) seal(of auth.AuthRequest, returnTo string) string {
	text, err := json.Marshal(state{
		State: of.State, Nonce: of.Nonce, Verifier: of.Verifier, ReturnTo: returnTo, Expires: s.now().Add(stateTTL),
	})
	if err != nil {
		panic(fmt.Sprintf("seal an OAuth state: %v", err)) // a struct of strings and a time
	}
	return base64.RawURLEncoding.EncodeToString(append(s.mac(text), text...))
}

// open returns the state in a cookie, if the parameter state of the callback is the
// same and the state has not expired.
func (s states) open(sealed, parameter string) (state, error) {
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(raw) < sha256.Size || !hmac.Equal(raw[:sha256.Size], s.mac(raw[sha256.Size:])) {
		return state{}, errors.New("the state cookie is missing or altered")
	}
	var of state
	if err := json.Unmarshal(raw[sha256.Size:], &of); err != nil {
		return state{}, fmt.Errorf("read an OAuth state: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(of.State), []byte(parameter)) != 1:
		return state{}, errors.New("the state is that of another sign-in")
	case !s.now().Before(of.Expires):
		return state{}, errors.New("the state has expired")
	}
	return of, nil
}

package login

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/seal"
)

func TestOAuthState_ExpiresAfterTenMinutes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	cookies := states{key: seal.NewKey([]byte("the secret key of a test, 32 bytes"), "OAuth login state"), now: func() time.Time { return now }}
	of := auth.NewAuthorizationRequest("https://app.example.com/api/v1/auth/google/callback")
	sealed := cookies.seal(of, "/docs")

	now = now.Add(10*time.Minute - time.Nanosecond)
	got, err := cookies.open(sealed, of.State)
	if err != nil || got.authRequest(of.RedirectURI) != of || got.ReturnTo != "/docs" {
		t.Errorf("got %+v, %v", got, err)
	}
	now = now.Add(time.Nanosecond)
	if _, err := cookies.open(sealed, of.State); err == nil {
		t.Error("it lasts longer")
	}
}

func TestOAuthState_IsUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		a := auth.NewAuthorizationRequest("postmessage")
		for _, secret := range []string{a.State, a.Nonce, a.Verifier} {
			if seen[secret] || len(secret) < 26 {
				t.Fatalf("%+v has a secret that is short or known", a)
			}
			seen[secret] = true
		}
	}
}

// No byte of a sealed attempt can be another one.
func TestOAuthState_AlteredStateIsRejected(t *testing.T) {
	t.Parallel()
	cookies := states{key: seal.NewKey([]byte("the secret key of a test, 32 bytes"), "OAuth login state"), now: time.Now}
	of := auth.NewAuthorizationRequest("postmessage")
	raw, err := base64.RawURLEncoding.DecodeString(cookies.seal(of, "/docs"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		raw[n] ^= 1
		if _, err := cookies.open(base64.RawURLEncoding.EncodeToString(raw), of.State); err == nil {
			t.Errorf("byte %d can be altered", n)
		}
		raw[n] ^= 1
	}
}

package httpapi

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
)

func TestOAuthState_ExpiresAfterTenMinutes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	kept := newAttempts([]byte("the secret key of a test, 32 bytes"), func() time.Time { return now })
	of := auth.NewAuthRequest("https://app.example.com/api/v1/auth/google/callback")
	sealed := kept.seal(of, "/docs")

	now = now.Add(10*time.Minute - time.Nanosecond)
	got, err := kept.open(sealed, of.State)
	if err != nil || got.by(of.RedirectURI) != of || got.ReturnTo != "/docs" {
		t.Errorf("got %+v, %v", got, err)
	}
	now = now.Add(time.Nanosecond)
	if _, err := kept.open(sealed, of.State); err == nil {
		t.Error("it is accepted after its expiry")
	}
}

func TestOAuthState_IsUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		a := auth.NewAuthRequest("postmessage")
		for _, secret := range []string{a.State, a.Nonce, a.Verifier} {
			if seen[secret] || len(secret) < 26 {
				t.Fatalf("%+v has a short or repeated secret", a)
			}
			seen[secret] = true
		}
	}
}

// A value that was sealed for one purpose opens for no other.
func TestOAuthState_PageTokenIsRejected(t *testing.T) {
	t.Parallel()
	secret := []byte("the secret key of a test, 32 bytes")
	if bytes.Equal(newPageTokens(secret).key, newAttempts(secret, time.Now).key) {
		t.Error("page tokens and OAuth states share a key")
	}
}

// Every altered byte of a sealed state is detected.
func TestOAuthState_AlteredStateIsRejected(t *testing.T) {
	t.Parallel()
	kept := newAttempts([]byte("the secret key of a test, 32 bytes"), time.Now)
	of := auth.NewAuthRequest("postmessage")
	raw, err := base64.RawURLEncoding.DecodeString(kept.seal(of, "/docs"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		raw[n] ^= 1
		if _, err := kept.open(base64.RawURLEncoding.EncodeToString(raw), of.State); err == nil {
			t.Errorf("an altered byte %d is accepted", n)
		}
		raw[n] ^= 1
	}
}

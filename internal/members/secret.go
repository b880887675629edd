package members

import (
	"crypto/rand"

	"github.com/codegenapp/codegenapp/internal/auth"
)

const (
	// SecretPrefix begins each secret of an invitation, so that scanners recognize it.
	SecretPrefix = "cgi_"

	secretBytes = 24
)

// newSecret returns a new secret.
func newSecret() string {
	var random [secretBytes]byte
	_, _ = rand.Read(random[:]) // never fails
	return auth.SecretText(SecretPrefix, random[:])
}

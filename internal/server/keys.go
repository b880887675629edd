package server

import (
	"fmt"

	"github.com/codegenapp/codegenapp/internal/auth"
)

// keyFile is the keys of the key file; none where there is none.
func (s *Settings) keyFile() ([]auth.Key, error) {
	if s.JWTPrivateKey == "" {
		return nil, nil
	}
	return auth.ParseKeys([]byte(s.JWTPrivateKey))
}

// keyRing is all keys of tokens.
func (s *Settings) keyRing() (*auth.KeyRing, error) {
	file, err := s.keyFile()
	if err != nil {
		return nil, fmt.Errorf("JWT_PRIVATE_KEY_FILE %w", err)
	}
	var previous [][]byte
	for _, secret := range s.JWTPrevious {
		previous = append(previous, []byte(secret))
	}
	return auth.NewKeyRing(file, []byte(s.JWTSecret), previous...)
}

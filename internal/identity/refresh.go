package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// refreshPrefix lets people and secret scanners recognize a refresh token.
const refreshPrefix = "cgr_"

// RefreshTokens derives refresh tokens. A token is a function of its session
// and of how often that was rotated, so the database never holds one and the
// same successor can be handed out again when an answer was lost.
type RefreshTokens struct{ key []byte }

// NewRefreshTokens returns the tokens under a key derived from secret.
func NewRefreshTokens(secret []byte) *RefreshTokens {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("refresh tokens"))
	return &RefreshTokens{key: mac.Sum(nil)}
}

// Token returns the refresh token of the session at its present counter.
func (t *RefreshTokens) Token(s Session) string {
	body := binary.BigEndian.AppendUint32(append([]byte(nil), s.ID[:]...), uint32(s.Counter)) //nolint:gosec // counters are not negative
	mac := hmac.New(sha256.New, t.key)
	mac.Write(body)
	mac.Write(s.Salt)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(mac.Sum(body))
}

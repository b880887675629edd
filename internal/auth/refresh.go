package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// refreshPrefix lets people and secret scanners recognize a refresh token.
const refreshPrefix = "cgr_"

// RefreshTokens derives refresh tokens. A token is a function of its session
// and of how often that was rotated, so the database never holds one and the
// same successor can be handed out again when an answer was lost.
type RefreshTokens struct{ keys [][]byte }

// NewRefreshTokens returns the tokens under keys derived from the secrets: the
// first makes tokens, the others still recognize theirs.
func NewRefreshTokens(secrets ...[]byte) *RefreshTokens {
	t := &RefreshTokens{}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("refresh tokens"))
		t.keys = append(t.keys, mac.Sum(nil))
	}
	return t
}

// Token returns the refresh token of the session at its present counter.
func (t *RefreshTokens) Token(s Session) string {
	body := binary.BigEndian.AppendUint32(append([]byte(nil), s.ID[:]...), uint32(s.Counter)) //nolint:gosec // counters are not negative
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(body, refreshMAC(t.keys[0], body, s.Salt)...))
}

// issued reports whether the token was made for the session, now or before.
func (t *RefreshTokens) issued(p presented, s Session) bool {
	for _, key := range t.keys {
		if hmac.Equal(p.mac, refreshMAC(key, p.body, s.Salt)) {
			return p.counter <= s.Counter
		}
	}
	return false
}

func refreshMAC(key, body, salt []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	mac.Write(salt)
	return mac.Sum(nil)
}

// presented is a refresh token as somebody presents it. Whether it was ever
// issued only its session can tell.
type presented struct {
	session SessionID
	counter int32
	body    []byte
	mac     []byte
}

const (
	refreshBody  = 16 + 4
	refreshBytes = refreshBody + sha256.Size
)

func parseRefresh(token string) (presented, error) {
	text, ok := strings.CutPrefix(token, refreshPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder passes over line breaks; a token has one spelling.
	if !ok || err != nil || len(raw) != refreshBytes || base64.RawURLEncoding.EncodeToString(raw) != text {
		return presented{}, refreshInvalid(errors.New("not the form of a refresh token"))
	}
	p := presented{
		counter: int32(binary.BigEndian.Uint32(raw[16:refreshBody])), //nolint:gosec // a wrong number fails the MAC
		body:    raw[:refreshBody], mac: raw[refreshBody:],
	}
	copy(p.session[:], raw)
	return p, nil
}

// SessionOf returns the session that a refresh token names. Whether the token was ever
// issued is for the store to say. Its error is RefreshTokenInvalid.
func SessionOf(refreshToken string) (SessionID, error) {
	p, err := parseRefresh(refreshToken)
	return p.session, err
}

// rotation is what a refresh does to its session.
type rotation struct {
	session Session
	// changed is false where the same successor is handed out again.
	changed bool
	// fault is what the caller is told; the session is kept all the same.
	fault error
}

// rotate decides about a refresh token presented at a time. The immediate
// predecessor of the present token gets the same successor again for a while,
// for answers that were lost and second tabs. Any other old token ends the
// session: somebody has copied it. (RFC 9700, section 4.14.2)
func (t *RefreshTokens) rotate(p presented, s Session, at time.Time, rules SessionPolicy) rotation {
	if !t.issued(p, s) {
		return rotation{session: s, fault: refreshInvalid(errors.New("never issued"))}
	}
	switch {
	case s.RevokedAt != nil:
		return rotation{session: s, fault: refreshInvalid(errors.New("the session has ended"))}
	case !at.Before(s.ExpiresAt) || !at.Before(s.EndsAt):
		return rotation{session: s, fault: problem.New(problem.RefreshTokenExpired, "The session was not used for too long, or is too old; sign in again.")}
	case p.counter == s.Counter:
		s.Counter++
		s.LastUsedAt, s.ExpiresAt = at, earlier(at.Add(rules.Idle), s.EndsAt)
		return rotation{session: s, changed: true}
	case p.counter == s.Counter-1 && at.Sub(s.LastUsedAt) <= rules.ReuseGrace:
		return rotation{session: s}
	default:
		s.RevokedAt = &at
		return rotation{session: s, changed: true, fault: problem.New(problem.RefreshTokenReused,
			"This refresh token was used before. The session was ended, because somebody may have copied it; sign in again.")}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func refreshInvalid(cause error) error {
	return problem.New(problem.RefreshTokenInvalid, "The refresh token is not valid; sign in again.").Because(cause)
}

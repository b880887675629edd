package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// refreshPrefix makes refresh tokens recognizable to people and secret scanners.
const refreshPrefix = "cgr_"

// RefreshTokens derives refresh tokens. A token is a function of its session and
// the rotation counter. So the database holds no token, and a lost response can
// be repeated with the same successor.
type RefreshTokens struct{ keys [][]byte }

// NewRefreshTokens returns the tokens of the secrets. The first secret issues
// tokens; the others only recognize the tokens that they issued.
func NewRefreshTokens(secrets ...[]byte) *RefreshTokens {
	t := &RefreshTokens{}
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("refresh tokens"))
		t.keys = append(t.keys, mac.Sum(nil))
	}
	return t
}

// Token returns the present refresh token of a session.
func (t *RefreshTokens) Token(s Session) string {
	body := binary.BigEndian.AppendUint32(append([]byte(nil), s.ID[:]...), uint32(s.Counter)) //nolint:gosec // counters are not negative
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(body, refreshMAC(t.keys[0], body, s.Salt)...))
}

// issued reports whether the token is or was a token of the session.
func (t *RefreshTokens) issued(p parsedRefreshToken, s Session) bool {
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

// parsedRefreshToken is a refresh token of the right form. Only its session can
// show whether it was ever issued.
type parsedRefreshToken struct {
	session SessionID
	counter int32
	body    []byte
	mac     []byte
}

const (
	refreshBody  = 16 + 4
	refreshBytes = refreshBody + sha256.Size
)

func parseRefresh(token string) (parsedRefreshToken, error) {
	text, ok := strings.CutPrefix(token, refreshPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder skips line breaks. A token has exactly one spelling.
	if !ok || err != nil || len(raw) != refreshBytes || base64.RawURLEncoding.EncodeToString(raw) != text {
		return parsedRefreshToken{}, refreshInvalid(errors.New("not the form of a refresh token"))
	}
	p := parsedRefreshToken{
		counter: int32(binary.BigEndian.Uint32(raw[16:refreshBody])), //nolint:gosec // a wrong number fails the MAC
		body:    raw[:refreshBody], mac: raw[refreshBody:],
	}
	copy(p.session[:], raw)
	return p, nil
}

// SessionOf returns the session that a refresh token names. The store decides whether
// the token was ever issued. Its error is RefreshTokenInvalid.
func SessionOf(refreshToken string) (SessionID, error) {
	p, err := parseRefresh(refreshToken)
	return p.session, err
}

// Refresh exchanges a refresh token for a new token pair. The decision is stored
// even if the client disconnects: a reused token must revoke its session.
func (s *Service) Refresh(ctx context.Context, token string, from Client) (TokenPair, error) {
	p, err := parseRefresh(token)
	if err != nil {
		return TokenPair{}, err
	}
	var decided rotation
	var at time.Time
	ctx, cancel := detached(ctx)
	defer cancel()
	user, err := s.store.ChangeSession(ctx, p.session, func(before Session, now time.Time) SessionChange {
		at = now
		decided = s.refresh.rotate(p, before, now, s.rules)
		change := SessionChange{After: decided.session, Changed: decided.changed}
		if decided.changed && decided.err != nil {
			change.Event = new(reuseEvent(before, from))
		}
		return change
	})
	if problem.CodeOf(err) == problem.SessionNotFound {
		return TokenPair{}, refreshInvalid(err)
	}
	if err != nil {
		return TokenPair{}, err
	}
	// The session was revoked, now or by an earlier request. That request may have
	// failed to invalidate the cache, and this is its repetition.
	if decided.session.RevokedAt != nil {
		if err := s.invalidate(ctx, user.ID); err != nil {
			return TokenPair{}, err
		}
	}
	if decided.err != nil {
		return TokenPair{}, decided.err
	}
	return s.tokenPair(user, decided.session, at)
}

// reuseEvent is the event of a session that a reused refresh token revoked.
func reuseEvent(s Session, from Client) Event {
	return Actor{User: s.User, Session: s.ID, From: from}.sessionEvent(RefreshReused, s.ID)
}

// tokenState is what a refresh token is to its session at a time.
type tokenState int

const (
	// neverIssued tokens do not belong to the session.
	neverIssued tokenState = iota
	// ofEndedSession and ofExpiredSession say why no token of the session works.
	ofEndedSession
	ofExpiredSession
	// present is the newest token.
	present
	// predecessor is the token before the newest, within the grace.
	predecessor
	// reused is any older token.
	reused
)

// stateOf returns the state of a refresh token. It is the same for every operation
// that accepts refresh tokens.
func (t *RefreshTokens) stateOf(p parsedRefreshToken, s Session, at time.Time, rules SessionPolicy) tokenState {
	switch {
	case !t.issued(p, s):
		return neverIssued
	case s.RevokedAt != nil:
		return ofEndedSession
	case !at.Before(s.ExpiresAt) || !at.Before(s.EndsAt):
		return ofExpiredSession
	case p.counter == s.Counter:
		return present
	case p.counter == s.Counter-1 && rules.withinGrace(at.Sub(s.LastUsedAt)):
		return predecessor
	default:
		return reused
	}
}

// withinGrace reports whether the predecessor of a refresh token still counts at an
// age. The age is negative if the database's clock was set back. The true age is then
// unknown, so only a step of at most the grace is accepted.
func (r SessionPolicy) withinGrace(age time.Duration) bool { return age.Abs() <= r.ReuseGrace }

// rotation is the effect of a refresh on its session.
type rotation struct {
	session Session
	// changed is false if the same successor is issued again.
	changed bool
	// err is the error for the caller. The session is stored nevertheless.
	err error
}

// rotate decides about a refresh token. The immediate predecessor of the present
// token gets the same successor again for a short time, because responses get
// lost and browsers have several tabs. Any other old token revokes the session:
// it may have been copied (RFC 9700, section 4.14.2).
//
// LastUsedAt is the database's time even if that is before CreatedAt, because the
// grace is measured from it by the same clock.
func (t *RefreshTokens) rotate(p parsedRefreshToken, s Session, at time.Time, rules SessionPolicy) rotation {
	switch t.stateOf(p, s, at, rules) {
	case ofEndedSession:
		return rotation{session: s, err: refreshInvalid(errors.New("the session has ended"))}
	case ofExpiredSession:
		return rotation{session: s, err: problem.New(problem.RefreshTokenExpired, "The session has expired; sign in again.")}
	case present:
		s.Counter++
		s.LastUsedAt, s.ExpiresAt = at, earlier(at.Add(rules.Idle), s.EndsAt)
		return rotation{session: s, changed: true}
	case predecessor:
		return rotation{session: s}
	case reused:
		s.RevokedAt = &at
		return rotation{session: s, changed: true, err: errReused()}
	default:
		return rotation{err: refreshInvalid(errors.New("never issued"))}
	}
}

func errReused() error {
	return problem.New(problem.RefreshTokenReused,
		"This refresh token was used before. It may have been copied, so the session was revoked; sign in again.")
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

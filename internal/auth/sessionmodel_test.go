package auth_test

import (
	"slices"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// model is the contract of sessions in its simplest form: a session is a list of
// the tokens that were issued for it. It has no counter, no salt and no signature.
type model struct {
	rules  auth.SessionPolicy
	access time.Duration // how long an access token is valid
	now    time.Time

	sessions  []*modelled // the oldest first
	refreshes map[string]refreshGiven
	accesses  map[string]accessGiven
	suspended map[int]bool
}

// modelled is one session of the model.
type modelled struct {
	id             auth.SessionID
	person         int
	tokens         []string // the refresh tokens, the newest last
	rotated        time.Time
	expires, dies  time.Time
	ended          bool
	endedByReuse   bool
	accessesOfThis []string
}

type refreshGiven struct {
	session    *modelled
	generation int
}

type accessGiven struct {
	session *modelled
	expires int64
}

func newModel(rules auth.SessionPolicy, access time.Duration, now time.Time) *model {
	return &model{
		rules: rules, access: access, now: now,
		refreshes: map[string]refreshGiven{}, accesses: map[string]accessGiven{}, suspended: map[int]bool{},
	}
}

func (m *model) live(s *modelled) bool { return !s.ended && m.now.Before(s.expires) }

// of returns the live sessions of a person, the oldest first.
func (m *model) of(person int) []*modelled {
	return slices.DeleteFunc(slices.Clone(m.sessions), func(s *modelled) bool { return s.person != person || !m.live(s) })
}

// give records an issued token pair.
func (m *model) give(s *modelled, g auth.TokenPair) {
	if !slices.Contains(s.tokens, g.RefreshToken) {
		s.tokens = append(s.tokens, g.RefreshToken)
		m.refreshes[g.RefreshToken] = refreshGiven{s, len(s.tokens) - 1}
	}
	m.accesses[g.AccessToken] = accessGiven{s, m.now.Unix() + int64(m.access/time.Second)}
	s.accessesOfThis = append(s.accessesOfThis, g.AccessToken)
}

// admits returns the expected result of a sign-in.
func (m *model) admits(person int) problem.Code {
	if m.suspended[person] {
		return problem.AccountSuspended
	}
	return ""
}

// signIn starts a session. If there are too many, it revokes the oldest and returns
// how many it revoked.
func (m *model) signIn(person int, g auth.TokenPair) (went int) {
	for before := m.of(person); len(before) >= m.rules.PerUser; before = before[1:] {
		before[0].ended = true
		went++
	}
	s := &modelled{id: g.Session.ID, person: person, rotated: m.now, dies: m.now.Add(m.rules.MaxAge)}
	s.expires = m.now.Add(min(m.rules.Idle, m.rules.MaxAge))
	m.sessions = append(m.sessions, s)
	m.give(s, g)
	return went
}

// refresh executes a refresh and returns the expected result. If it succeeds it
// returns the session and the expected token; empty for a new token.
func (m *model) refresh(token string) (want problem.Code, s *modelled, successor string) {
	given, known := m.refreshes[token]
	s = given.session
	newest := 0
	if known {
		newest = len(s.tokens) - 1
	}
	switch {
	case !known || s.ended:
		return problem.RefreshTokenInvalid, nil, ""
	case !m.now.Before(s.expires):
		return problem.RefreshTokenExpired, nil, ""
	case given.generation == newest:
		s.rotated, s.expires = m.now, m.now.Add(m.rules.Idle)
		if s.dies.Before(s.expires) {
			s.expires = s.dies
		}
		return "", s, ""
	case given.generation == newest-1 && m.now.Sub(s.rotated) <= m.rules.ReuseGrace:
		return "", s, s.tokens[newest]
	default:
		s.ended, s.endedByReuse = true, true
		return problem.RefreshTokenReused, nil, ""
	}
}

// verify returns the expected error of an access token.
func (m *model) verify(access string) (*modelled, problem.Code) {
	given, known := m.accesses[access]
	switch {
	case !known:
		return nil, problem.TokenMissing
	case given.expires <= m.now.Add(-5*time.Second).Unix():
		return nil, problem.TokenExpired
	default:
		return given.session, ""
	}
}

// request returns the expected result of a request.
func (m *model) request(access string) (*modelled, problem.Code) {
	s, wrong := m.verify(access)
	if wrong == "" && !m.live(s) {
		wrong = problem.TokenRevoked
	}
	return s, wrong
}

// logout executes a logout and returns the expected result. A valid access token
// identifies the session, even if that has ended; otherwise the refresh token does.
func (m *model) logout(access, refresh string, all bool) problem.Code {
	s, wrong := m.verify(access)
	if wrong != "" && refresh == "" {
		return wrong
	}
	if wrong != "" {
		given, known := m.refreshes[refresh]
		if !known {
			return problem.RefreshTokenInvalid
		}
		if s = given.session; !m.live(s) {
			return "" // what has ended ends nothing more
		}
		newest := len(s.tokens) - 1
		if given.generation < newest-1 || given.generation == newest-1 && m.now.Sub(s.rotated) > m.rules.ReuseGrace {
			s.ended, s.endedByReuse = true, true
			return problem.RefreshTokenReused
		}
	}
	if all && !s.ended {
		m.endAll(s.person)
	}
	s.ended = true
	return ""
}

func (m *model) endAll(person int) {
	for _, s := range m.sessions {
		s.ended = s.ended || s.person == person
	}
}

// end revokes one session by its id and returns the expected result.
func (m *model) end(access string, id auth.SessionID) problem.Code {
	own, wrong := m.request(access)
	if wrong != "" {
		return wrong
	}
	for _, s := range m.of(own.person) {
		if s.id == id {
			s.ended = true
			return ""
		}
	}
	return problem.SessionNotFound
}

func (m *model) suspend(person int, suspended bool) {
	if m.suspended[person] = suspended; suspended {
		m.endAll(person)
	}
}

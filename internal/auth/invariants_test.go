package auth_test

import (
	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// checkRows compares the stored rows with the model, and checks the invariants that
// do not depend on the model.
func (s *simulation) checkRows() {
	stored := map[auth.SessionID]auth.Session{}
	for _, row := range s.kept(s.users[:]...) {
		stored[row.ID] = row
	}
	if len(stored) != len(s.model.sessions) {
		s.fail("%d sessions are stored, want %d", len(stored), len(s.model.sessions))
	}
	for _, m := range s.model.sessions {
		row := stored[m.id]
		switch {
		case (row.RevokedAt != nil) != m.ended:
			s.fail("session %s is stored as ended: %v, want %v", m.id, row.RevokedAt != nil, m.ended)
		case int(row.Counter) != len(m.tokens)-1:
			s.fail("session %s was rotated %d times, and %d tokens were given", m.id, row.Counter, len(m.tokens))
		case row.EndsAt.Sub(row.CreatedAt) != s.model.rules.MaxAge || row.ExpiresAt.After(row.EndsAt):
			s.fail("session %s lives from %s to %s, or to %s", m.id, row.CreatedAt, row.ExpiresAt, row.EndsAt)
		}
	}
	for person := range people {
		if n := len(s.model.of(person)); n > s.model.rules.PerUser {
			s.fail("person %d has %d live sessions", person, n)
		}
	}
}

// tryAllTokens presents every token that was ever issued. No token of an ended
// session works, neither for a request nor for a refresh. Of a live session only the
// newest works.
func (s *simulation) tryAllTokens() {
	for _, m := range s.model.sessions {
		for _, access := range m.accessesOfThis {
			_, want := s.model.request(access)
			if err := s.ask(access); s.want("an access token in the end", err, want) && !s.model.live(m) {
				s.fail("an access token works although its session is over")
			}
		}
		if s.model.live(m) {
			continue
		}
		for _, token := range m.tokens {
			_, err := s.rules.Refresh(s.t.Context(), token, auth.Client{})
			if code := problem.CodeOf(err); err == nil || code != problem.RefreshTokenInvalid && code != problem.RefreshTokenExpired {
				s.fail("a refresh token of a session that is over: %v", err)
			}
			if m.endedByReuse && problem.CodeOf(err) != problem.RefreshTokenInvalid {
				s.fail("a refresh token of a session that was ended for its reuse: %v", err)
			}
		}
	}
	s.checkRows()
	reuses := 0
	for _, m := range s.model.sessions {
		if m.endedByReuse {
			reuses++
		}
	}
	if got := s.auditCount(auth.RefreshReused); got != reuses {
		s.fail("the audit log has %d reused tokens, want %d", got, reuses)
	}
	for _, m := range s.model.sessions {
		if s.model.live(m) {
			s.refresh(&client{person: m.person, session: m.id}, m.tokens[len(m.tokens)-1], true)
		}
	}
	s.checkRows()
}

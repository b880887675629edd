package httpapi_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

const (
	refreshPath  = "/api/v1/auth/refresh"
	logoutPath   = "/api/v1/auth/logout"
	sessionsPath = "/api/v1/auth/sessions"
)

type tokenPair struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	SessionID    string `json:"session_id"`
}

func refresh(t testing.TB, s *testkit.Server, token string) *testkit.Response {
	t.Helper()
	return s.Anonymous(t).WithRetry().Post(refreshPath, map[string]any{"refresh_token": token})
}

func TestRefresh_TokenIsExchangedOnce(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)

	t.Run("for a pair of the same session that works", func(t *testing.T) {
		t.Parallel()
		ann := s.SignUp(t)
		var next tokenPair
		answer := refresh(t, s, ann.RefreshToken).Want(200).Decode(&next)
		if answer.Header.Get("Cache-Control") != "no-store" || next.SessionID != ann.Session || next.RefreshToken == ann.RefreshToken {
			t.Errorf("got %s with %v", answer.Body, answer.Header)
		}
		ann.Token = next.AccessToken
		ann.Get("/api/v1/users/me").Want(200)
	})
	t.Run("and its predecessor gets the same successor until that was used", func(t *testing.T) {
		t.Parallel()
		ann := s.SignUp(t)
		var first, again, second tokenPair
		refresh(t, s, ann.RefreshToken).Want(200).Decode(&first)
		refresh(t, s, ann.RefreshToken).Want(200).Decode(&again)
		if first.RefreshToken != again.RefreshToken {
			t.Error("the predecessor got another successor")
		}
		refresh(t, s, first.RefreshToken).Want(200).Decode(&second)
		refresh(t, s, ann.RefreshToken).WantProblem(401, "refresh_token_reused")
		refresh(t, s, second.RefreshToken).WantProblem(401, "refresh_token_invalid")
		ann.Get("/api/v1/users/me").WantProblem(401, "token_revoked")
	})
	t.Run("and one that was never issued ends nothing", func(t *testing.T) {
		t.Parallel()
		ann := s.SignUp(t)
		forged := []byte(ann.RefreshToken)
		forged[len(forged)-3] ^= 1
		for _, token := range []string{string(forged), "cgr_", ann.Token, "x"} {
			refresh(t, s, token).WantProblem(401, "refresh_token_invalid")
		}
		ann.Get("/api/v1/users/me").Want(200)
	})
}

// A page in cookie mode asks for tokens at its first load, and has no cookie then.
func TestRefresh_WithoutTokenIsUnauthenticated(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for _, body := range []any{"{}", nil, `{"refresh_token": null}`} {
		s.Anonymous(t).Post(refreshPath, body, "Sec-Fetch-Site", "same-origin").WantProblem(401, "refresh_token_invalid")
	}
	s.Anonymous(t).Post(refreshPath, `{"refresh_token": ""}`).WantProblem(422, "validation_failed")
}

func TestLogout_ReusedTokenEndsOnlyItsSession(t *testing.T) {
	t.Parallel()
	s, admin, _, _ := newAdminFixture(t)
	logOut := func(token string) *testkit.Response {
		return s.Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": token, "all_sessions": true})
	}
	thief := func(t *testing.T, email string, age func(*testkit.Client)) (one, two *testkit.Client) {
		t.Helper()
		one, two = newSession(t, s, email), newSession(t, s, email)
		old := one.RefreshToken
		one = withTokensOf(one, refresh(t, s, old).Want(200))
		age(one)
		logOut(old).WantProblem(401, "refresh_token_reused")
		two.Get("/api/v1/users/me").Want(200)
		refresh(t, s, one.RefreshToken).WantProblem(401, "refresh_token_invalid")
		one.Get("/api/v1/users/me").WantProblem(401, "token_revoked")
		logOut(old).Want(204) // the session has ended before
		two.Get("/api/v1/users/me").Want(200)
		events := listAuditEvents(admin)
		if e := events[0]; e.Action != "session.token_reused" || e.ResourceID == nil || *e.ResourceID != one.Session {
			t.Errorf("the last event is %s", formatEvent(e))
		}
		return one, two
	}
	t.Run("two rotations later", func(t *testing.T) {
		thief(t, "two-rotations@example.com", func(c *testkit.Client) {
			*c = *withTokensOf(c, refresh(t, s, c.RefreshToken).Want(200))
		})
	})
	t.Run("after the grace", func(t *testing.T) {
		thief(t, "grace@example.com", func(c *testkit.Client) { ageSession(t, s, c.Session) })
	})
	t.Run("but the predecessor logs out within the grace", func(t *testing.T) {
		one, two := newSession(t, s, "lost@example.com"), newSession(t, s, "lost@example.com")
		refresh(t, s, one.RefreshToken).Want(200)
		logOut(one.RefreshToken).Want(204)
		two.Get("/api/v1/users/me").WantProblem(401, "token_revoked")
	})
}

func TestLogout_IsFinal(t *testing.T) {
	t.Parallel()
	s := testkit.StartShared(t)
	replica := s.Replica(t)

	t.Run("by the access token, twice", func(t *testing.T) {
		t.Parallel()
		ann := s.SignUp(t)
		ann.Post(logoutPath, nil).Want(204)
		ann.At(replica).Get("/api/v1/users/me").WantProblem(401, "token_revoked")
		refresh(t, replica, ann.RefreshToken).WantProblem(401, "refresh_token_invalid")
		ann.Post(logoutPath, map[string]any{}).Want(204)
	})
	t.Run("by the refresh token, twice", func(t *testing.T) {
		t.Parallel()
		ann := s.SignUp(t)
		for range 2 {
			s.Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": ann.RefreshToken}).Want(204)
		}
		ann.Get("/api/v1/users/me").WantProblem(401, "token_revoked")
	})
	t.Run("for all sessions, by either token", func(t *testing.T) {
		t.Parallel()
		for _, byRefresh := range []bool{false, true} {
			one, two := s.SignIn(t, "everywhere@example.com"), s.SignIn(t, "everywhere@example.com")
			if byRefresh {
				s.Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": one.RefreshToken, "all_sessions": true}).Want(204)
			} else {
				one.Post(logoutPath, map[string]any{"all_sessions": true}).Want(204)
			}
			two.Get("/api/v1/users/me").WantProblem(401, "token_revoked")
		}
	})
	t.Run("but an ended session ends no other", func(t *testing.T) {
		t.Parallel()
		one, two := s.SignIn(t, "careful@example.com"), s.SignIn(t, "careful@example.com")
		one.Post(logoutPath, nil).Want(204)
		one.Post(logoutPath, map[string]any{"all_sessions": true}).Want(204)
		s.Anonymous(t).Post(logoutPath, map[string]any{"all_sessions": true, "refresh_token": one.RefreshToken}).Want(204)
		two.Get("/api/v1/users/me").Want(200)
	})
	t.Run("and needs a token", func(t *testing.T) {
		t.Parallel()
		s.Anonymous(t).Post(logoutPath, map[string]any{}).WantProblem(401, "token_missing")
		s.Anonymous(t).Post(logoutPath, map[string]any{"refresh_token": "x"}).WantProblem(401, "refresh_token_invalid")
	})
}

func TestSessions_AreListedAndEnded(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	one, two := s.SignIn(t, "ann@example.com"), s.SignIn(t, "ann@example.com")
	otherUser := s.SignUp(t)
	list := func(c *testkit.Client) (ids []string) {
		var got struct {
			Sessions []struct {
				ID      string
				Current bool
			}
		}
		c.Get(sessionsPath).Want(200).Decode(&got)
		for _, l := range got.Sessions {
			if l.Current != (l.ID == c.Session) {
				t.Errorf("current is %v for %s", l.Current, l.ID)
			}
			ids = append(ids, l.ID)
		}
		return ids
	}
	if diff := cmp.Diff([]string{two.Session, one.Session}, list(one)); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
	otherUser.Delete(sessionsPath+"/"+two.Session).WantProblem(404, "session_not_found")
	one.Delete(sessionsPath + "/" + two.Session).Want(204)
	one.Delete(sessionsPath+"/"+two.Session).WantProblem(404, "session_not_found")
	two.Get(sessionsPath).WantProblem(401, "token_revoked")
	if diff := cmp.Diff([]string{one.Session}, list(one)); diff != "" {
		t.Errorf("sessions (-want +got):\n%s", diff)
	}
}

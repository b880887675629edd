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

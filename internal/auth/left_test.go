package auth_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// The holder of a stolen token may disconnect as soon as the request is sent. The
// decision of the rules is stored nevertheless.
func TestSessions_DecisionIsStoredAfterClientDisconnects(t *testing.T) {
	t.Parallel()
	store, _ := openDatabase(t)
	keys := ring(nil, newSecret)
	now := &clock{time.Now()}
	rules := auth.NewService(store, fakeProvider{}, tokensOf(now, keys), keys.Refresh(), nil, auth.SessionPolicy{
		Idle: time.Hour, MaxAge: time.Hour, ReuseGrace: time.Minute, PerUser: 20,
	}, slog.New(slog.DiscardHandler))
	left, leave := context.WithCancel(t.Context())
	leave()
	for name, tc := range map[string]struct {
		do    func(t *testing.T, g auth.TokenPair) error
		want  problem.Code
		lives bool
	}{
		"a refresh": {
			func(_ *testing.T, g auth.TokenPair) error {
				_, err := rules.Refresh(left, g.RefreshToken, auth.Client{})
				return err
			}, "", true,
		},
		"the reuse of a token": {
			func(t *testing.T, g auth.TokenPair) error {
				next, err := rules.Refresh(t.Context(), g.RefreshToken, auth.Client{})
				if err != nil {
					return err
				}
				if _, err = rules.Refresh(t.Context(), next.RefreshToken, auth.Client{}); err != nil {
					return err
				}
				_, err = rules.Refresh(left, g.RefreshToken, auth.Client{})
				return err
			}, problem.RefreshTokenReused, false,
		},
		"a logout": {
			func(_ *testing.T, g auth.TokenPair) error {
				return rules.Logout(left, "Bearer "+g.AccessToken, "", false, auth.Client{})
			}, "", false,
		},
		"a logout by the refresh token": {
			func(_ *testing.T, g auth.TokenPair) error {
				return rules.Logout(left, "", g.RefreshToken, false, auth.Client{})
			}, "", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := rules.SignIn(t.Context(), name, "", auth.Client{})
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.do(t, g); err == nil && tc.want != "" || err != nil && problem.CodeOf(err) != tc.want {
				t.Errorf("it ended with %v, want %q", err, tc.want)
			}
			err = rules.CheckSession(t.Context(), auth.Actor{User: g.User.ID, Session: g.Session.ID})
			if (err == nil) != tc.lives || err != nil && problem.CodeOf(err) != problem.TokenRevoked {
				t.Errorf("afterwards the session is %v", err)
			}
		})
	}
}

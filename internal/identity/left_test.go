package identity_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/gate"
	"github.com/codegenapp/codegenapp/internal/identity"
)

// Whoever holds a stolen token may hang up as soon as it is sent. What the rules
// decide about it is kept all the same.
func TestWhatIsDecidedIsKeptAlsoWhenTheCallerHasLeft(t *testing.T) {
	t.Parallel()
	store, _ := openDatabase(t)
	keys := ring(nil, newSecret)
	now := &clock{time.Now()}
	rules := identity.NewService(store, everybody{}, tokensOf(now, keys), keys.Refresh(), gate.NewLocal(time.Now, 0), identity.SessionRules{
		Idle: time.Hour, MaxAge: time.Hour, ReuseGrace: time.Minute, PerUser: 20,
	}, slog.New(slog.DiscardHandler))
	left, leave := context.WithCancel(t.Context())
	leave()
	for name, tc := range map[string]struct {
		do    func(t *testing.T, g identity.Grant) error
		want  fault.Code
		lives bool
	}{
		"a refresh": {
			func(_ *testing.T, g identity.Grant) error {
				_, err := rules.Refresh(left, g.RefreshToken, identity.Client{})
				return err
			}, "", true,
		},
		"the reuse of a token": {
			func(t *testing.T, g identity.Grant) error {
				next, err := rules.Refresh(t.Context(), g.RefreshToken, identity.Client{})
				if err != nil {
					return err
				}
				if _, err = rules.Refresh(t.Context(), next.RefreshToken, identity.Client{}); err != nil {
					return err
				}
				_, err = rules.Refresh(left, g.RefreshToken, identity.Client{})
				return err
			}, fault.RefreshTokenReused, false,
		},
		"a logout": {
			func(_ *testing.T, g identity.Grant) error {
				return rules.Logout(left, "Bearer "+g.AccessToken, "", false, identity.Client{})
			}, "", false,
		},
		"a logout by the refresh token": {
			func(_ *testing.T, g identity.Grant) error {
				return rules.Logout(left, "", g.RefreshToken, false, identity.Client{})
			}, "", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := rules.SignIn(t.Context(), name, "", identity.Client{})
			if err != nil {
				t.Fatal(err)
			}
			if err := tc.do(t, g); err == nil && tc.want != "" || err != nil && fault.CodeOf(err) != tc.want {
				t.Errorf("it ended with %v, want %q", err, tc.want)
			}
			err = rules.CheckSession(t.Context(), identity.Actor{User: g.User.ID, Session: g.Session.ID})
			if (err == nil) != tc.lives || err != nil && fault.CodeOf(err) != fault.TokenRevoked {
				t.Errorf("afterwards the session is %v", err)
			}
		})
	}
}

package httpapi_test

import (
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// Whoever remembers that a session was live needs no other clock than the token's.
func TestAnAccessTokenLastsNoLongerThanItsSession(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		access, refresh, age string
		want                 float64
	}{
		"the token ends first":           {"10m", "1h", "2h", 600},
		"the session ends first":         {"1h", "10m", "2h", 600},
		"the session's age is over soon": {"1h", "5m", "5m", 300},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testkit.Start(t, func(s *server.Settings) {
				for _, lifetime := range []struct {
					of   interface{ UnmarshalText(text []byte) error }
					text string
				}{{&s.AccessLifetime, tc.access}, {&s.RefreshLifetime, tc.refresh}, {&s.SessionMaxAge, tc.age}} {
					if err := lifetime.of.UnmarshalText([]byte(lifetime.text)); err != nil {
						t.Error(err)
					}
				}
			})
			began := time.Now()
			answer := s.Anonymous(t).Post(loginPath, map[string]any{"id_token": s.IDToken(t, issuer.Claims{Email: "ann@example.com"})}).Want(200).JSON()
			got, _ := answer["expires_in"].(float64)
			if took := time.Since(began).Seconds(); got > tc.want || got < tc.want-took-1 {
				t.Errorf("it lasts for %.0f s, want %.0f", got, tc.want)
			}
		})
	}
}

package identity_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/gate"
	"github.com/codegenapp/codegenapp/internal/identity"
)

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	tokens, actor := accessTokens(now, newSecret), somebody()
	service := identity.NewService(nil, nil, tokens, nil, gate.NewLocal(time.Now, 0), identity.SessionRules{}, slog.New(slog.DiscardHandler))
	token := issue(t, tokens, actor)
	for name, tc := range map[string]struct {
		header string
		want   fault.Code
	}{
		"a bearer token":         {"Bearer " + token, ""},
		"another case":           {"bEARER " + token, ""},
		"nothing":                {"", fault.TokenMissing},
		"only the scheme":        {"Bearer", fault.TokenMissing},
		"the scheme and a blank": {"Bearer ", fault.TokenMissing},
		"another scheme":         {"Basic " + token, fault.TokenMissing},
		"no scheme":              {token, fault.TokenMissing},
		"a longer scheme":        {"Bearers " + token, fault.TokenMissing},
		"a Kelvin sign":          {"Bearer" + "\u212a " + token, fault.TokenMissing},
		"more after the token":   {"Bearer " + token + " x", fault.TokenInvalid},
		"the scheme twice":       {strings.Repeat("Bearer ", 2) + token, fault.TokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := service.Authenticate(tc.header)
			if tc.want == "" && (err != nil || got != actor) || tc.want != "" && fault.CodeOf(err) != tc.want {
				t.Errorf("Authenticate = %v, %v; want %q", got, err, tc.want)
			}
			if err != nil && got != (identity.Actor{}) {
				t.Errorf("a refused caller is %v", got)
			}
		})
	}
}

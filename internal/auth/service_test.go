package auth_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestAuthenticate_ParsesAuthorizationHeader(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	tokens, actor := accessTokens(now, newSecret), newActor()
	service := auth.NewService(nil, nil, tokens, nil, nil, auth.SessionPolicy{}, slog.New(slog.DiscardHandler))
	token := issue(t, tokens, actor)
	for name, tc := range map[string]struct {
		header string
		want   problem.Code
	}{
		"a bearer token":         {"Bearer " + token, ""},
		"another case":           {"bEARER " + token, ""},
		"nothing":                {"", problem.TokenMissing},
		"only the scheme":        {"Bearer", problem.TokenMissing},
		"the scheme and a blank": {"Bearer ", problem.TokenMissing},
		"another scheme":         {"Basic " + token, problem.TokenMissing},
		"no scheme":              {token, problem.TokenMissing},
		"a longer scheme":        {"Bearers " + token, problem.TokenMissing},
		"a Kelvin sign":          {"Bearer" + "\u212a " + token, problem.TokenMissing},
		"more after the token":   {"Bearer " + token + " x", problem.TokenInvalid},
		"the scheme twice":       {strings.Repeat("Bearer ", 2) + token, problem.TokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := service.Authenticate(tc.header)
			if tc.want == "" && (err != nil || got != actor) || tc.want != "" && problem.CodeOf(err) != tc.want {
				t.Errorf("Authenticate = %v, %v; want %q", got, err, tc.want)
			}
			if err != nil && got != (auth.Actor{}) {
				t.Errorf("a refused caller is %v", got)
			}
		})
	}
}

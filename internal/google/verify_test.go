package google_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// enoughBadTokens is how many ways to be wrong are tried at least, at each
// issuer.
const enoughBadTokens = 60

// badToken is a token with one fault.
type badToken struct {
	raw, nonce string
	code       problem.Code
	want       string // a part of the error's detail
}

// badTokensOf are the tokens that each kind of issuer has to reject.
var badTokensOf = map[string]func(*testing.T) (*fixture, map[string]badToken){
	"Google Sign-In": func(t *testing.T) (*fixture, map[string]badToken) {
		t.Helper()
		w := start(t, func(cfg *google.Config) { cfg.HostedDomains = []string{"Example.COM", "example.net"} })
		return w, claimsOf(t, w, badClaims(w), badSignInClaims())
	},
	"Identity Platform": func(t *testing.T) (*fixture, map[string]badToken) {
		t.Helper()
		w := startUserStore(t)
		return w, claimsOf(t, w, badClaims(w), badUserStoreClaims())
	},
}

func TestVerify_TokenWithOneFaultIsRejected(t *testing.T) {
	t.Parallel()
	for kind, tokens := range badTokensOf {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w, bad := tokens(t)
			maps.Copy(bad, forgeries(t, w))
			maps.Copy(bad, crossed(t, w))
			if len(bad) < enoughBadTokens {
				t.Errorf("%d bad tokens are tried, want at least %d", len(bad), enoughBadTokens)
			}
			seen := map[string]string{}
			for name, token := range bad {
				if other, again := seen[token.raw+token.nonce]; again {
					t.Errorf("%s and %s are the same token", name, other)
				}
				seen[token.raw+token.nonce] = name
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					w.refusesToken(t, name, token)
				})
			}
		})
	}
}

func (w *fixture) refusesToken(t *testing.T, name string, token badToken) {
	t.Helper()
	_, err := w.Verify(t.Context(), token.raw, token.nonce)
	f := wantFault(t, err, token.code, name)
	if !strings.Contains(f.Detail, token.want) {
		t.Errorf("the detail is %q (%v), want it to say %q", f.Detail, err, token.want)
	}
	if strings.Contains(f.Detail, "canary") {
		t.Errorf("the detail repeats what the token says: %q", f.Detail)
	}
}

// crossed are tokens that pass for those of the other issuer, which is trusted
// as well.
func crossed(t *testing.T, w *fixture) map[string]badToken {
	t.Helper()
	theirs := func(c issuer.Claims) string {
		raw, err := w.other.IDToken(c)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	ourKey := map[string]any{"kid": keyID(t, w.token(t, issuer.Claims{}))}
	const notTheirs, wrong = "a key that its issuer does not publish", "signature of the ID token is wrong"
	bad := map[string]badToken{}
	for name, tc := range map[string]struct{ raw, want string }{
		"the other's token under this name":           {theirs(issuer.Claims{Extra: map[string]any{"iss": w.url}}), notTheirs},
		"the same with this key's name":               {theirs(issuer.Claims{Header: ourKey, Extra: map[string]any{"iss": w.url}}), wrong},
		"the other's token for this audience":         {theirs(issuer.Claims{Audience: w.audience}), "is for another application"},
		"this one's token under the other's name":     {w.token(t, issuer.Claims{Extra: map[string]any{"iss": w.otherURL}}), notTheirs},
		"the same for the other's audience":           {w.token(t, issuer.Claims{Audience: w.otherAudience, Extra: map[string]any{"iss": w.otherURL}}), notTheirs},
		"this one's token for the other's audience":   {w.token(t, issuer.Claims{Audience: w.otherAudience}), "is for another application"},
		"two names of an issuer, the other's at last": {w.sign(t, w.header(t), `{"iss":"`+w.url+`","iss":"`+w.otherURL+`"}`), w.unless("claims of the ID token cannot be read")},
	} {
		bad[name] = badToken{raw: tc.raw, want: tc.want, code: problem.GoogleTokenInvalid}
	}
	return bad
}

// unless returns the message for a token that does not name this issuer: it is
// tried with the keys of Google Sign-In, and rejected when it is not signed by them.
func (w *fixture) unless(want string) string {
	if w.audience == clientID {
		return want
	}
	return "a key that its issuer does not publish"
}

// header is the header of a good token.
func (w *fixture) header(t *testing.T) string {
	t.Helper()
	return `{"alg":"RS256","kid":"` + keyID(t, w.token(t, issuer.Claims{})) + `"}`
}

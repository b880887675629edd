package google_test

import (
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

// FuzzIDToken_Verify checks that no text whatever makes the verifier panic, and that of
// all texts only the good token itself is accepted.
func FuzzIDToken_Verify(f *testing.F) {
	// Each fuzzing process has its own fixture. A fixed URL, key, clock and jti
	// make the good token the same in all of them.
	w := startAsGoogle(f)
	good := w.token(f, issuer.Claims{Nonce: "n-0S6", Extra: map[string]any{"jti": "1"}})
	if _, err := w.Verify(f.Context(), good, "n-0S6"); err != nil {
		f.Fatal(err)
	}
	part := strings.Split(good, ".")
	head, payload, _ := split(f, good)
	for _, seed := range []string{
		good,
		"",
		"..",
		good + ".",
		good + "\n",
		part[0] + "." + part[1] + ".",
		part[1] + "." + part[0] + "." + part[2],
		encode(`{"alg":"none"}`) + "." + part[1] + ".AA",
		encode(`{"alg":"HS256"}`) + "." + part[1] + "." + part[2],
		encode(strings.Replace(head, "RS256", "ES256", 1)) + "." + part[1] + "." + part[2],
		encode(head[:len(head)-1]+`,"crit":["b64"],"b64":false}`) + "." + payload + "." + part[2],
		encode(head[:len(head)-1]+`,"jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}`) + "." + part[1] + "." + part[2],
		part[0] + "." + encode(strings.Replace(payload, "ann", "eve", 1)) + "." + part[2],
		`{"payload":"` + part[1] + `","protected":"` + part[0] + `","signature":"` + part[2] + `"}`,
		w.token(f, issuer.Claims{Extra: map[string]any{"exp": 0}}),
		w.token(f, issuer.Claims{Extra: map[string]any{"aud": []any{nil, 1, clientID}}}),
		w.token(f, issuer.Claims{Extra: map[string]any{"aud": nil, "exp": nil, "email_verified": nil}}),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := w.Verify(t.Context(), raw, "n-0S6"); err == nil && raw != good {
			t.Errorf("accepted %q", raw)
		}
	})
}

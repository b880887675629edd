package issuer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

func TestIDToken_Claims(t *testing.T) {
	t.Parallel()
	w := start(t)
	base := func(changes map[string]any) map[string]any {
		claims := map[string]any{
			"iss": w.url, "aud": "web&app", "sub": "1001", "email": "ann@example.com", "email_verified": true,
			"name": "Ann", "picture": "https://example.com/a.png", "hd": "example.com",
			"iat": float64(epoch.Unix()), "exp": float64(epoch.Add(time.Hour).Unix()),
		}
		for name, value := range changes {
			if claims[name] = value; value == nil {
				delete(claims, name)
			}
		}
		return claims
	}
	// Made from the address alone, so that a user stays the same over restarts.
	const bob, eve = "16915383601577089388", "14175594173819238687"
	for name, tc := range map[string]struct {
		claims issuer.Claims
		want   map[string]any
	}{
		"nothing said": {issuer.Claims{}, base(nil)},
		"another user": {issuer.Claims{Email: "BOB@example.com"}, base(map[string]any{
			"email": "bob@example.com", "name": "Bob <b>", "sub": bob, "picture": nil, "hd": nil,
		})},
		"a user made up": {issuer.Claims{Email: "eve@example.org"}, base(map[string]any{
			"email": "eve@example.org", "name": "eve", "sub": eve, "picture": nil, "hd": nil,
		})},
		"a few values": {
			issuer.Claims{Subject: "7", Name: "A", Picture: "p", HostedDomain: "h", Nonce: "n"},
			base(map[string]any{"sub": "7", "name": "A", "picture": "p", "hd": "h", "nonce": "n"}),
		},
		"any value": {
			issuer.Claims{Extra: map[string]any{"email_verified": "true", "x": []any{1.5}}, Omit: []string{"name", "hd"}},
			base(map[string]any{"email_verified": "true", "x": []any{1.5}, "name": nil, "hd": nil}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := claimsOf(t, w, sign(t, w, tc.claims), "web&app")
			if err != nil {
				t.Fatal(err)
			}
			if id, ok := got["jti"].(string); !ok || id == "" {
				t.Errorf("jti = %v", got["jti"])
			}
			delete(got, "jti")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIDToken_Header(t *testing.T) {
	t.Parallel()
	w := start(t)
	raw := sign(t, w, issuer.Claims{Header: map[string]any{"alg": "none", "jku": "x"}, OmitHeader: []string{"typ", "kid"}})
	header, _, _ := strings.Cut(raw, ".")
	if want := "eyJhbGciOiJub25lIiwiamt1IjoieCJ9"; header != want { // {"alg":"none","jku":"x"}
		t.Errorf("the header is %s, want %s", header, want)
	}
	if _, err := w.IDToken(issuer.Claims{Extra: map[string]any{"x": func() {}}}); err == nil {
		t.Error("a claim that is no JSON was signed")
	}
}

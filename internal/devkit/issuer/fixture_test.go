package issuer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const callback = "https://app.example.com/callback?from=google"

// fixture is an issuer over real HTTP with one secret and one public client.
type fixture struct {
	*issuer.Issuer
	url string
	now time.Time
}

func start(t *testing.T) *fixture {
	t.Helper()
	return startBelow(t, "")
}

func startBelow(t *testing.T, path string) *fixture {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	w := &fixture{url: "http://" + srv.Listener.Addr().String() + path, now: epoch}
	cfg := config(t, w.url)
	cfg.Now = func() time.Time { return w.now }
	i, err := issuer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Issuer, srv.Config.Handler = i, i
	srv.Start()
	t.Cleanup(srv.Close)
	return w
}

func config(t *testing.T, url string) issuer.Config {
	t.Helper()
	return issuer.Config{
		URL: url,
		Clients: []issuer.Client{
			{ID: "web&app", Secret: "s3cret:+ %", RedirectURIs: []string{callback}},
			{ID: "phone", RedirectURIs: []string{"com.example.app:/callback"}},
		},
		Users: []issuer.User{
			{Email: "ann@example.com", Subject: "1001", Name: "Ann", Picture: "https://example.com/a.png", HostedDomain: "example.com"},
			{Email: "bob@example.com", Name: "Bob <b>"},
		},
		Key: curveKey(t, elliptic.P256()),
	}
}

func curveKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// reply is an response, read to its end.
type reply struct {
	status   int
	header   http.Header
	location string
	body     []byte
}

// get returns the response without following a redirect.
func get(t *testing.T, at string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) reply {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, res.Header.Get("Location"), body}
}

func publishedKeys(t *testing.T, w *fixture) []jose.JSONWebKey {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(get(t, w.url+"/jwks").body, &set); err != nil {
		t.Fatal(err)
	}
	return set.Keys
}

// claimsOf verifies a token as any relying party would, and returns its claims.
func claimsOf(t *testing.T, w *fixture, raw, audience string) (map[string]any, error) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), w.url)
	if err != nil {
		t.Fatal(err)
	}
	token, err := provider.VerifierContext(context.WithoutCancel(t.Context()), &oidc.Config{
		ClientID: audience, Now: func() time.Time { return w.now },
	}).Verify(t.Context(), raw)
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	return claims, nil
}

func sign(t *testing.T, w *fixture, c issuer.Claims) string {
	t.Helper()
	raw, err := w.IDToken(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

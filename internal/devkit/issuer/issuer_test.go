package issuer_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
)

func TestIssuer_InvalidConfigurations(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*issuer.Config)
		want   string
	}{
		"no URL":                {func(c *issuer.Config) { c.URL = "" }, "is not an http or https URL"},
		"a URL with a query":    {func(c *issuer.Config) { c.URL += "?x=1" }, "is not an http or https URL"},
		"another scheme":        {func(c *issuer.Config) { c.URL = "ftp://localhost" }, "is not an http or https URL"},
		"no client":             {func(c *issuer.Config) { c.Clients = nil }, "there is no client"},
		"a client without id":   {func(c *issuer.Config) { c.Clients[1].ID = "" }, "client 1 has no id"},
		"no user":               {func(c *issuer.Config) { c.Users = nil }, "there is no user"},
		"a user without e-mail": {func(c *issuer.Config) { c.Users[0].Email = "" }, "user 0 has no e-mail address"},
		"a weak key":            {func(c *issuer.Config) { c.Key = weak }, "1024 bits is too short"},
		"a key on P-384":        {func(c *issuer.Config) { c.Key = curveKey(t, elliptic.P384()) }, "not P-256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t, "http://localhost:1")
			tc.change(&cfg)
			if _, err := issuer.New(cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("the error is %v, want it to say %q", err, tc.want)
			}
		})
	}
	_, err = issuer.New(issuer.Config{})
	for _, want := range []string{"URL", "client", "user"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("an empty configuration: %v does not speak of the %s", err, want)
		}
	}
}

func TestKeys_Rotate(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, alg := range []string{issuer.RS256, issuer.ES256} {
		before := publishedKeys(t, w)
		old := sign(t, w, issuer.Claims{})
		if err := w.Rotate(alg); err != nil {
			t.Fatal(err)
		}
		after := publishedKeys(t, w)
		if len(before) != 1 || len(after) != 1 || before[0].KeyID == after[0].KeyID || after[0].Algorithm != alg {
			t.Errorf("before %v, after %v, want one other key for %s", before, after, alg)
		}
		if !after[0].IsPublic() {
			t.Error("the private key is published")
		}
		if _, err := claimsOf(t, w, old, "web&app"); err == nil {
			t.Error("a token of the old key is still valid")
		}
		if _, err := claimsOf(t, w, sign(t, w, issuer.Claims{}), "web&app"); err != nil {
			t.Errorf("a token of the new key: %v", err)
		}
	}
	if err := w.Rotate("HS256"); err == nil {
		t.Error("there is a key for HS256")
	}
}

func TestIssuer_DocumentsAreCacheable(t *testing.T) {
	t.Parallel()
	cfg := config(t, "http://localhost:1")
	for _, tc := range []struct {
		age  time.Duration
		want string
	}{{0, "public, max-age=3600"}, {5 * time.Minute, "public, max-age=300"}} {
		cfg.MaxAge = tc.age
		i, err := issuer.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/jwks", "/.well-known/openid-configuration"} {
			response := httptest.NewRecorder()
			i.ServeHTTP(response, httptest.NewRequest(http.MethodGet, path, http.NoBody))
			if got := response.Header().Get("Cache-Control"); response.Code != http.StatusOK || got != tc.want {
				t.Errorf("%s: %d with Cache-Control %q, want %q", path, response.Code, got, tc.want)
			}
		}
	}
}

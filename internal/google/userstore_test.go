package google_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestUserStore_AcceptedVariants(t *testing.T) {
	t.Parallel()
	w := startUserStore(t)
	for name, c := range map[string]issuer.Claims{
		"a sign-in a month ago":                 {Extra: map[string]any{"auth_time": at(-30 * 24 * time.Hour)}},
		"a sign-in ahead within the leeway":     {Extra: map[string]any{"auth_time": at(30 * time.Second)}},
		"a subject of 128 characters":           {Subject: strings.Repeat("u", 128)},
		"a password account":                    {Extra: map[string]any{"firebase": map[string]any{"sign_in_provider": "password"}}},
		"a phone account with a proven address": {Extra: map[string]any{"firebase": map[string]any{"sign_in_provider": "phone"}}},
		"nothing about the provider":            {Omit: []string{"firebase"}},
		"no tenant in words":                    {Extra: map[string]any{"firebase": map[string]any{"tenant": ""}}},
		"no name and no picture":                {Omit: []string{"name", "picture"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := w.Verify(t.Context(), w.token(t, c), ""); err != nil {
				t.Error(err)
			}
		})
	}
}

// Nothing in such a token speaks for a Workspace domain.
func TestUserStore_AccountsHaveNoHostedDomain(t *testing.T) {
	t.Parallel()
	w := startUserStore(t, func(cfg *google.Config) { cfg.HostedDomains = []string{"example.com"} })
	for name, c := range map[string]issuer.Claims{
		"an address of the domain":     {},
		"a claim that says otherwise":  {HostedDomain: "example.com"},
		"an account that Google knows": {Extra: map[string]any{"firebase": map[string]any{"sign_in_provider": "google.com"}}},
	} {
		_, err := w.Verify(t.Context(), w.token(t, c), "")
		wantFault(t, err, problem.DomainNotAllowed, name)
	}
}

func TestUserStore_IsNotTrustedWithoutAProject(t *testing.T) {
	t.Parallel()
	w := startUserStore(t, func(cfg *google.Config) { cfg.Project = "" })
	w.rejects(t, problem.GoogleTokenInvalid, "without a project")
	w.fetched(t, 0, "without a project")
}

// The user store of a project has an issuer of its own below Google's, with keys
// where its discovery document says.
func TestUserStore_IssuerIsGoogles(t *testing.T) {
	t.Parallel()
	const url = "https://securetoken.google.com/" + project
	h, at := serve(t), &clock{}
	store := newUserStore(t, url, at)
	_, discovery := h.stand("/"+project, store)
	p := google.New(google.Config{
		Issuer: "https://accounts.google.com", Project: project, Now: at.Now,
		HTTP: &http.Client{Transport: detour(strings.TrimPrefix(h.url, "http://"))},
	})
	raw, err := store.IDToken(issuer.Claims{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Verify(t.Context(), raw, "")
	if err != nil || got.Issuer != url {
		t.Errorf("got %+v, %v", got, err)
	}
	if discovery.count() != 1 {
		t.Error("the discovery document was not requested")
	}
}

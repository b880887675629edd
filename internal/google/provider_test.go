package google_test

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
)

func TestVerify_TokensOfTheIssuerAreAccepted(t *testing.T) {
	t.Parallel()
	forBoth(t, tokensOfTheIssuerAreAccepted)
}

func tokensOfTheIssuerAreAccepted(t *testing.T, start starter) {
	t.Helper()
	for _, alg := range []string{issuer.RS256, issuer.ES256} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			if alg != issuer.RS256 {
				if err := w.issuer.Rotate(alg); err != nil {
					t.Fatal(err)
				}
			}
			raw := w.token(t, issuer.Claims{Picture: "https://lh3.example.com/a/ann", Nonce: "n-0S6"})
			got, err := w.Verify(t.Context(), raw, "n-0S6")
			if err != nil {
				t.Fatal(err)
			}
			want := auth.Profile{
				Issuer:  w.url,
				Subject: "110169484474386276334",
				Email:   "ann@example.com",
				Name:    "Ann Example",
				Picture: "https://lh3.example.com/a/ann",
				Token:   sha256.Sum256([]byte(raw[:strings.LastIndex(raw, ".")])),
				Expires: epoch.Add(time.Hour + 30*time.Second),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("profile (-want +got):\n%s", diff)
			}
		})
	}
}

func TestProfile_IsCleaned(t *testing.T) {
	t.Parallel()
	w := start(t)
	type shown struct{ Name, Picture string }
	long := "https://example.com/" + strings.Repeat("p", 1980)
	for name, tc := range map[string]struct {
		name, picture any
		want          shown
	}{
		"no name":                               {nil, nil, shown{"ann", ""}},
		"a name of blanks":                      {" \t ", nil, shown{"ann", ""}},
		"a name of control characters":          {"\x00\x1b\u0085", nil, shown{"ann", ""}},
		"control characters inside":             {"An\x00n\r\nEx\u009bample ", nil, shown{"AnnExample", ""}},
		"a name of 200 code points":             {strings.Repeat("ä", 200), nil, shown{strings.Repeat("ä", 200), ""}},
		"a name of 201 code points":             {strings.Repeat("ä", 201), nil, shown{strings.Repeat("ä", 200), ""}},
		"a cut that would end in a blank":       {strings.Repeat("ä", 199) + " b", nil, shown{strings.Repeat("ä", 199), ""}},
		"a picture of 2,000 bytes":              {"Ann", long, shown{"Ann", long}},
		"a picture of 2,001 bytes":              {"Ann", long + "p", shown{"Ann", ""}},
		"a picture over plain HTTP":             {"Ann", "http://example.com/ann.png", shown{"Ann", ""}},
		"a picture that is a script":            {"Ann", "javascript:alert(1)", shown{"Ann", ""}},
		"a picture without host":                {"Ann", "https:///ann.png", shown{"Ann", ""}},
		"a picture that is no URL":              {"Ann", "https://exa mple.com/\n", shown{"Ann", ""}},
		"a picture as data":                     {"Ann", "data:image/png;base64,AAAA", shown{"Ann", ""}},
		"a picture whose scheme is in capitals": {"Ann", "HTTPS://example.com/ann.png", shown{"Ann", "HTTPS://example.com/ann.png"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := issuer.Claims{Extra: map[string]any{}}
			for claim, value := range map[string]any{"name": tc.name, "picture": tc.picture} {
				if value == nil {
					c.Omit = append(c.Omit, claim)
				} else {
					c.Extra[claim] = value
				}
			}
			got, err := w.Verify(t.Context(), w.token(t, c), "")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, shown{got.Name, got.Picture}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Google's tokens name their issuer in two ways, and both are the same person.
func TestVerify_GoogleHasTwoIssuerNames(t *testing.T) {
	t.Parallel()
	w := startAsGoogle(t)
	for _, name := range []string{"https://accounts.google.com", "accounts.google.com"} {
		got, err := w.Verify(t.Context(), w.token(t, issuer.Claims{Extra: map[string]any{"iss": name}}), "")
		if err != nil {
			t.Fatal(err)
		}
		if got.Issuer != "https://accounts.google.com" {
			t.Errorf("the issuer of a token by %s is %s", name, got.Issuer)
		}
	}
}

// startAsGoogle returns a fixture whose issuer has Google's own https URL. Connections
// to it end at this machine.
func startAsGoogle(t testing.TB) *fixture {
	t.Helper()
	w := start(t)
	there := strings.TrimPrefix(w.url, "http://")
	w.url = "https://accounts.google.com"
	inner := newIssuer(t, w.url, w.clock)
	w.issuer, w.keys.to, w.discovery.to = inner, inner, inner
	w.Provider = newProvider(w.url, w.otherURL, w.clock, []func(*google.Config){func(cfg *google.Config) {
		cfg.HTTP = &http.Client{Transport: detour(there)}
	}})
	return w
}

// detour sends every request to one host in plain HTTP.
type detour string

func (d detour) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", string(d)
	return http.DefaultTransport.RoundTrip(r)
}

package auth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

var (
	oldSecret = []byte("the-old-secret-of-32-bytes-or-more")
	newSecret = []byte("the-new-secret-of-32-bytes-or-more")
)

// clock is a time that tests set.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// accessTokens are tokens under these secrets, the first of which signs.
func accessTokens(now *clock, secrets ...[]byte) *auth.AccessTokens {
	return tokensOf(now, ring(nil, secrets[0], secrets[1:]...))
}

func tokensOf(now *clock, keys *auth.KeyRing) *auth.AccessTokens {
	return auth.NewAccessTokens(auth.AccessConfig{
		Keys: keys, Issuer: "issuer", Audience: "audience", Lifetime: time.Hour, Now: now.now,
	})
}

func newActor() auth.Actor {
	return auth.Actor{User: id.New[auth.User](), Session: id.New[auth.Session]()}
}

func issue(t testing.TB, tokens *auth.AccessTokens, actor auth.Actor) string {
	t.Helper()
	token, lifetime, err := tokens.Issue(actor)
	if err != nil || lifetime != time.Hour {
		t.Fatalf("Issue = %v, %v", lifetime, err)
	}
	return token
}

func part(t *testing.T, token string, n int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestJWT_FollowsRFC9068(t *testing.T) {
	t.Parallel()
	for _, a := range algorithms() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			now := &clock{time.Unix(1_800_000_000, 999_999_999)}
			actor := newActor()
			tokens := tokensOf(now, a.ring())
			token := issue(t, tokens, actor)
			header, payload := part(t, token, 0), part(t, token, 1)
			if diff := cmp.Diff(map[string]any{"alg": a.name, "typ": "at+jwt", "kid": a.key.ID()}, header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			want := map[string]any{
				"iss": "issuer", "sub": actor.User.String(), "aud": "audience", "sid": actor.Session.String(), "jti": payload["jti"],
				"iat": 1.8e9, "nbf": 1.8e9, "exp": 1.8e9 + 3600,
			}
			if diff := cmp.Diff(want, payload); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
			if again := part(t, issue(t, tokens, actor), 1); again["jti"] == payload["jti"] || payload["jti"] == "" {
				t.Errorf("jti = %v, then %v", payload["jti"], again["jti"])
			}
			if len(token) > 600 {
				t.Errorf("the token has %d bytes", len(token))
			}
		})
	}
}

func TestJWT_KeyIDRevealsNoSecret(t *testing.T) {
	t.Parallel()
	token := issue(t, accessTokens(&clock{time.Unix(1_800_000_000, 0)}, newSecret), newActor())
	kid, _ := part(t, token, 0)["kid"].(string)
	if len(kid) < 8 || strings.Contains(token, string(newSecret)) || strings.Contains(kid, base64.RawURLEncoding.EncodeToString(newSecret)[:8]) {
		t.Errorf("kid = %v", kid)
	}
}

func TestJWT_VerifyReturnsActor(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	for _, a := range algorithms() {
		tokens := tokensOf(now, a.ring())
		rapid.Check(t, func(t *rapid.T) {
			bytes := rapid.SliceOfN(rapid.Byte(), 16, 16).Filter(func(b []byte) bool { return slices.Max(b) > 0 })
			want := auth.Actor{User: auth.UserID(bytes.Draw(t, "user")), Session: auth.SessionID(bytes.Draw(t, "session"))}
			token, _, err := tokens.Issue(want)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := tokens.Verify(token); err != nil || got != want {
				t.Fatalf("%s: Verify = %v, %v; want %v", a.name, got, err, want)
			}
		})
	}
}

func TestJWT_KeyRotation(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	before, after, later := accessTokens(now, oldSecret), accessTokens(now, newSecret, oldSecret), accessTokens(now, newSecret)
	actor := newActor()
	ofOld, ofNew := issue(t, before, actor), issue(t, after, actor)
	for name, tc := range map[string]struct {
		by    *auth.AccessTokens
		token string
		want  bool
	}{
		"the old key, while it is the only one":   {before, ofOld, true},
		"the old key, while it still verifies":    {after, ofOld, true},
		"the old key, once it is gone":            {later, ofOld, false},
		"the new key, where it signs":             {after, ofNew, true},
		"the new key, where only it is known":     {later, ofNew, true},
		"the new key, where it is not known yet":  {before, ofNew, false},
		"the old key under the name of the new":   {after, renamed(t, ofOld, part(t, ofNew, 0)["kid"], oldSecret), false},
		"the new key under the name of the old":   {after, renamed(t, ofNew, part(t, ofOld, 0)["kid"], newSecret), false},
		"the new key under no name":               {after, renamed(t, ofNew, nil, newSecret), false},
		"the new key under a name nobody has":     {after, renamed(t, ofNew, "nobody", newSecret), false},
		"the new key under its own name, by hand": {after, renamed(t, ofNew, part(t, ofNew, 0)["kid"], newSecret), true},
		"the new key under a name in capitals":    {after, renamed(t, ofNew, strings.ToUpper(part(t, ofNew, 0)["kid"].(string)), newSecret), false},
		"an empty key under the name of the new":  {after, renamed(t, ofNew, part(t, ofNew, 0)["kid"], nil), false},
		"an unknown key under the name of a key":  {after, renamed(t, ofNew, part(t, ofNew, 0)["kid"], []byte("an-unknown-secret-of-32-bytes-or-more")), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.by.Verify(tc.token)
			if (err == nil) != tc.want || err == nil && got != actor {
				t.Errorf("Verify = %v, %v", got, err)
			}
			if err != nil && problem.CodeOf(err) != problem.TokenInvalid {
				t.Errorf("Verify = %v", err)
			}
		})
	}
	if part(t, ofNew, 0)["kid"] == part(t, ofOld, 0)["kid"] {
		t.Error("two keys have one name")
	}
	if part(t, ofNew, 0)["kid"] != part(t, issue(t, later, actor), 0)["kid"] {
		t.Error("a key has two names")
	}
}

// renamed signs the token again by hand, with another kid; nil for none.
func renamed(t *testing.T, token string, kid any, secret []byte) string {
	t.Helper()
	header := maps.Clone(part(t, token, 0))
	if header["kid"] = kid; kid == nil {
		delete(header, "kid")
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(text) + "." + strings.Split(token, ".")[1]
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestJWT_TimeClaimsAreChecked(t *testing.T) {
	t.Parallel()
	issued := time.Unix(1_800_000_000, 0)
	for name, tc := range map[string]struct {
		after time.Duration
		want  problem.Code
	}{
		"at once":                        {0, ""},
		"at a replica 4 s behind":        {-4 * time.Second, ""},
		"at a replica a minute behind":   {-time.Minute, problem.TokenInvalid},
		"in the last second":             {time.Hour - time.Second, ""},
		"within the leeway":              {time.Hour + 4*time.Second, ""},
		"after the leeway":               {time.Hour + 6*time.Second, problem.TokenExpired},
		"a day later":                    {24 * time.Hour, problem.TokenExpired},
		"a century later":                {100 * 365 * 24 * time.Hour, problem.TokenExpired},
		"before the invention of clocks": {-50 * 365 * 24 * time.Hour, problem.TokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := &clock{issued}
			tokens := accessTokens(now, newSecret)
			token := issue(t, tokens, newActor())
			now.at = issued.Add(tc.after)
			_, err := tokens.Verify(token)
			if tc.want == "" && err != nil || tc.want != "" && problem.CodeOf(err) != tc.want {
				t.Errorf("Verify = %v, want %q", err, tc.want)
			}
		})
	}
}

func TestJWT_OtherIssuerOrAudienceIsInvalid(t *testing.T) {
	t.Parallel()
	now := &clock{time.Unix(1_800_000_000, 0)}
	config := auth.AccessConfig{Keys: ring(nil, newSecret), Issuer: "issuer", Audience: "audience", Lifetime: time.Hour, Now: now.now}
	for name, change := range map[string]func(*auth.AccessConfig){
		"issuer":   func(c *auth.AccessConfig) { c.Issuer = "another" },
		"audience": func(c *auth.AccessConfig) { c.Audience = "another" },
	} {
		other := config
		change(&other)
		token := issue(t, auth.NewAccessTokens(other), newActor())
		for _, at := range []time.Time{now.at, now.at.Add(2 * time.Hour)} {
			ours := config
			ours.Now = func() time.Time { return at }
			if _, err := auth.NewAccessTokens(ours).Verify(token); problem.CodeOf(err) != problem.TokenInvalid {
				t.Errorf("another %s at %s: %v", name, at, err)
			}
		}
	}
}

func FuzzAccessToken_Verify(f *testing.F) {
	now := &clock{time.Unix(1_800_000_000, 0)}
	tokens := accessTokens(now, newSecret)
	// The same in every process that fuzzes, which an issued one is not.
	header, _, _ := strings.Cut(issue(f, tokens, newActor()), ".")
	input := header + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"issuer","aud":"audience","exp":1800003600,"iat":1800000000,"nbf":1800000000,"jti":"x",`+
		`"sub":"01a20519-0000-7000-8000-000000000001","sid":"01a20519-0000-7000-8000-000000000002"}`))
	mac := hmac.New(sha256.New, newSecret)
	mac.Write([]byte(input))
	good := input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if _, err := tokens.Verify(good); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", ".", "..", "...", good, good[1:], good + "=", "." + good, strings.Repeat("a", 3000), "e30.e30.", "bnVsbA.bnVsbA.AA", "eyJhbGciOiJub25lIn0.e30."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := tokens.Verify(token)
		if err == nil && token != good {
			t.Fatalf("%q passes", token)
		}
		if code := problem.CodeOf(err); err != nil && code != problem.TokenInvalid && code != problem.TokenExpired {
			t.Fatalf("%q is %v", token, err)
		}
	})
}

func BenchmarkAccessToken_Verify(b *testing.B) {
	now := &clock{time.Unix(1_800_000_000, 0)}
	for _, a := range algorithms() {
		ring := a.ring()
		token := issue(b, tokensOf(now, ring), newActor())
		b.Run(a.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() { // each by an instance with an empty cache
				if _, err := tokensOf(now, ring).Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(a.name+", remembered", func(b *testing.B) {
			tokens := tokensOf(now, ring)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tokens.Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

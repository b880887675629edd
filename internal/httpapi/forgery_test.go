package httpapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/server"
	"github.com/codegenapp/codegenapp/internal/testkit"
)

// claims are the members of a token's header or payload.
type claims = map[string]any

// forger makes access tokens out of a good one.
type forger struct {
	header, payload claims
	secret          []byte
}

// with returns the members with changes; nil takes one away.
func with(members, changes claims) claims {
	changed := maps.Clone(members)
	for name, value := range changes {
		if changed[name] = value; value == nil {
			delete(changed, name)
		}
	}
	return changed
}

// signed signs a changed token with the server's own secret, as only the
// server could: what is left to refuse it is the changed member.
func (f forger) signed(header, payload claims) string {
	input := f.input(header, payload)
	return input + "." + mac(f.secret, input)
}

func (f forger) input(header, payload claims) string {
	return segment(with(f.header, header)) + "." + segment(with(f.payload, payload))
}

func segment(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func mac(secret []byte, input string) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func newForger(t *testing.T, token, secret string) forger {
	t.Helper()
	f := forger{secret: []byte(secret)}
	parts := strings.Split(token, ".")
	for i, into := range []*claims{&f.header, &f.payload} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// forgeries are tokens that must not pass, by what is wrong with them. They are
// those that HTTP could make worse, and one of each sort of the table beside
// package auth, which has hundreds.
func forgeries(f forger, good, refresh, id, user string) map[string]string {
	parts := strings.Split(good, ".")
	head, body, signature := parts[0], parts[1], parts[2]
	unsigned := f.input(claims{"alg": "none"}, nil)
	return map[string]string{
		"a word":                            "x",
		"two dots":                          "..",
		"no signature":                      head + "." + body,
		"an empty signature":                head + "." + body + ".",
		"alg none":                          unsigned + ".",
		"alg none, signed":                  f.signed(claims{"alg": "none"}, nil),
		"another alg":                       f.signed(claims{"alg": "EdDSA"}, nil),
		"the signature of another secret":   f.input(nil, nil) + "." + mac([]byte("another-secret-of-32-bytes-or-more!!"), f.input(nil, nil)),
		"a payload of another token":        head + "." + segment(with(f.payload, claims{"sub": user})) + "." + signature,
		"five parts":                        good + ".x.y",
		"padding after the signature":       good + "=",
		"a blank in the signature":          good[:len(good)-5] + " " + good[len(good)-5:],
		"a second token after it":           good + " " + good,
		"a comma and a scheme":              good + ", Basic eDp4",
		"the scheme twice":                  "Bearer " + good,
		"quotes":                            `"` + good + `"`,
		"the JSON serialization":            `{"payload":"` + body + `","protected":"` + head + `","signature":"` + signature + `"}`,
		"the refresh token":                 refresh,
		"the refresh token in parts":        head + "." + refresh + "." + signature,
		"the ID token":                      id,
		"30,000 bytes":                      strings.Repeat("a", 30000),
		"30,000 dots":                       strings.Repeat(".", 30000),
		"typ JWT":                           f.signed(claims{"typ": "JWT"}, nil),
		"a kid that is a path":              f.signed(claims{"kid": "../../../../dev/null"}, nil),
		"crit":                              f.signed(claims{"crit": []string{"exp"}}, nil),
		"another issuer":                    f.signed(nil, claims{"iss": "https://accounts.google.com"}),
		"another audience":                  f.signed(nil, claims{"aud": "another"}),
		"a session that is SQL":             f.signed(nil, claims{"sid": "' OR true --"}),
		"no expiry":                         f.signed(nil, claims{"exp": nil}),
		"an nbf to come":                    f.signed(nil, claims{"nbf": time.Now().Unix() + 3600}),
		"an expiry of before, and alg none": f.input(claims{"alg": "none"}, claims{"exp": time.Now().Unix() - 60}) + ".",
	}
}

func TestForgedAccessTokens(t *testing.T) {
	t.Parallel()
	var secret string
	s := testkit.Start(t, func(settings *server.Settings) { secret = string(settings.JWTSecret) })
	ann := s.SignUp(t)
	f := newForger(t, ann.Token, secret)
	for name, token := range map[string]string{
		"itself":                  ann.Token,
		"made again":              f.signed(nil, nil),
		"with a list of audience": f.signed(nil, claims{"aud": []string{"codegenapp"}}),
		"with more in it":         f.signed(claims{"x": 1, "jku": "http://127.0.0.1:1"}, claims{"role": "admin"}),
		"of a clock 3 s behind":   f.signed(nil, claims{"nbf": time.Now().Unix() + 3, "iat": time.Now().Unix() + 3}),
		"expired 2 s ago, leeway": f.signed(nil, claims{"exp": time.Now().Unix() - 1}),
	} {
		if answer := withToken(t, s, token).Get(projectsPath); answer.Status != 200 {
			t.Errorf("a good token %s was answered %d: %s", name, answer.Status, answer.Body)
		}
	}
	idToken := idToken(t, s, issuer.Claims{Email: "ann@example.com"})
	for name, token := range forgeries(f, ann.Token, ann.RefreshToken, idToken, ann.User) {
		t.Run("a token with "+name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, s, token, "token_invalid")
		})
	}
	now := time.Now().Unix()
	for name, token := range map[string]string{
		"a minute ago": f.signed(nil, claims{"exp": now - 60}),
		"in 1970":      f.signed(nil, claims{"exp": 1}),
	} {
		t.Run("a token that expired "+name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, s, token, "token_expired")
		})
	}
	// Only the server could make these; a session and its user belong together.
	bob := s.SignUp(t)
	for name, token := range map[string]string{
		"a session of somebody else":   f.signed(nil, claims{"sub": bob.User}),
		"a session that never was":     f.signed(nil, claims{"sid": "01a20519-0000-7000-8000-000000000000"}),
		"the nil subject":              f.signed(nil, claims{"sub": "00000000-0000-0000-0000-000000000000"}),
		"the subject of a session":     f.signed(nil, claims{"sid": ann.User}),
		"the session where a user was": f.signed(nil, claims{"sub": ann.Session}),
	} {
		t.Run("a token with "+name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, s, token, "token_revoked")
		})
	}
}

// wantRefusal fails the test unless reads and writes with the token are
// refused in the form of the contract.
func wantRefusal(t *testing.T, s *testkit.Server, token, code string) {
	t.Helper()
	c := withToken(t, s, token)
	for _, answer := range []*testkit.Response{c.Get(projectsPath), c.Post(projectsPath, titled("x"))} {
		problem := answer.WantProblem(401, code)
		if got := answer.Header.Get("WWW-Authenticate"); got != `Bearer realm="codegenapp", error="invalid_token"` {
			t.Errorf("WWW-Authenticate = %s", got)
		}
		if len(problem.Detail) > 200 || mentionsGo(problem.Detail) || strings.Contains(string(answer.Body), token) && len(token) > 3 {
			t.Errorf("it is explained by %s", answer.Body)
		}
	}
}

func TestARequestWithoutABearerTokenIsTold(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	ann := s.SignUp(t)
	for name, authorization := range map[string]string{
		"nothing":            "",
		"another scheme":     "Basic " + ann.Token,
		"only the scheme":    "Bearer",
		"scheme and blank":   "Bearer ",
		"only the token":     ann.Token,
		"a longer scheme":    "BearerX " + ann.Token,
		"an equals sign":     "Bearer=" + ann.Token,
		"a colon":            "Bearer:" + ann.Token,
		"the token in Basic": "Basic OmJlYXJlcg==",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			anybody := s.Anonymous(t)
			for _, answer := range []*testkit.Response{
				anybody.Get(projectsPath, "Authorization", authorization),
				anybody.Post(projectsPath, "{", "Authorization", authorization),
				anybody.Delete(projectsPath+"/x", "Authorization", authorization),
				anybody.Get(projectsPath+"?nonsense=1", "Authorization", authorization),
			} {
				answer.WantProblem(401, "token_missing")
				if got := answer.Header.Get("WWW-Authenticate"); got != `Bearer realm="codegenapp"` {
					t.Errorf("WWW-Authenticate = %s", got)
				}
			}
		})
	}
	t.Run("the scheme in any case passes", func(t *testing.T) {
		t.Parallel()
		for _, scheme := range []string{"bearer", "BEARER", "bEaReR"} {
			s.Anonymous(t).Get(projectsPath, "Authorization", scheme+" "+ann.Token).Want(200)
		}
	})
	t.Run("a token in the query or a cookie is none", func(t *testing.T) {
		t.Parallel()
		s.Anonymous(t).Get(projectsPath+"?access_token="+ann.Token).WantProblem(401, "token_missing")
		s.Anonymous(t).Get(projectsPath, "Cookie", "access_token="+ann.Token).WantProblem(401, "token_missing")
	})
}

package httpapi_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/app"
	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
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
	return input + "." + mac(crypto.SHA256, f.secret, input)
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

func mac(hash crypto.Hash, secret []byte, input string) string {
	m := hmac.New(hash.New, secret)
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

// forgeries are tokens that must not pass, by what is wrong with them.
func forgeries(t *testing.T, f forger, good, refresh, id, user string) map[string]string {
	t.Helper()
	now := time.Now().Unix()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	head, body, signature := parts[0], parts[1], parts[2]
	all := map[string]string{
		"a word":                           "x",
		"two dots":                         "..",
		"a header alone":                   head,
		"no signature":                     head + "." + body,
		"an empty signature":               head + "." + body + ".",
		"an empty header":                  "." + body + "." + signature,
		"an empty payload":                 head + ".." + signature,
		"a fourth part":                    good + ".x",
		"an empty fourth part":             good + ".",
		"an empty part before":             "." + good,
		"five parts":                       good + ".x.y",
		"the signature of another secret":  f.input(nil, nil) + "." + mac(crypto.SHA256, []byte("another-secret-of-32-bytes-or-more!!"), f.input(nil, nil)),
		"the signature of an empty secret": f.input(nil, nil) + "." + mac(crypto.SHA256, nil, f.input(nil, nil)),
		"the signature of its kid":         f.input(nil, nil) + "." + mac(crypto.SHA256, []byte(f.header["kid"].(string)), f.input(nil, nil)),
		"a signature cut short":            good[:len(good)-4],
		"a signature of another bit":       good[:len(good)-2] + "A" + good[len(good)-1:],
		"a signature in another spelling":  otherSpelling(good),
		"a payload of another token":       head + "." + segment(with(f.payload, claims{"sub": user})) + "." + signature,
		"padding after the signature":      good + "=",
		"padding in the header":            head + "=." + body + "." + signature,
		"padding in the payload":           head + "." + body + "=." + signature,
		"a blank after the header":         head + " ." + body + "." + signature,
		"a blank in the signature":         good[:len(good)-5] + " " + good[len(good)-5:],
		"a second token after it":          good + " " + good,
		"a comma and a scheme":             good + ", Basic eDp4",
		"the scheme twice":                 "Bearer " + good,
		"quotes":                           `"` + good + `"`,
		"the alphabet of plain base64":     strings.NewReplacer("-", "+", "_", "/").Replace(good) + "+/",
		"the JSON serialization":           `{"payload":"` + body + `","protected":"` + head + `","signature":"` + signature + `"}`,
		"the general JSON serialization":   `{"payload":"` + body + `","signatures":[{"protected":"` + head + `","signature":"` + signature + `"}]}`,
		"the refresh token":                refresh,
		"the refresh token in parts":       head + "." + refresh + "." + signature,
		"the ID token":                     id,
		"30,000 bytes":                     strings.Repeat("a", 30000),
		"30,000 dots":                      strings.Repeat(".", 30000),
		"a header that is no JSON":         "eA." + body + "." + signature,
		"a header that is a list":          segment([]int{1}) + "." + body + "." + signature,
		"a header that is null":            segment(nil) + "." + body + "." + signature,
		"a signed header of nothing":       f.rawHeader("{}"),
		"a signed payload that is a list":  f.rawPayload(`[]`),
		"a signed payload that is null":    f.rawPayload(`null`),
		"a signed payload of nothing":      f.rawPayload(`{}`),
		"a signed payload cut short":       f.rawPayload(`{"sub":`),
		"RS256 of a key of one's own":      f.rs256(t, key, nil),
		"RS256 of a key in the header": f.rs256(t, key, claims{"jwk": claims{
			"kty": "RSA", "alg": "RS256", "n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": "AQAB",
		}}),
		"RS256 of a key elsewhere": f.rs256(t, key, claims{"jku": "http://127.0.0.1:1/jwks", "x5u": "http://127.0.0.1:1/cert"}),
		"HS512 with the secret":    f.input(claims{"alg": "HS512"}, nil) + "." + mac(crypto.SHA512, f.secret, f.input(claims{"alg": "HS512"}, nil)),
		"HS384 with the secret":    f.input(claims{"alg": "HS384"}, nil) + "." + mac(crypto.SHA384, f.secret, f.input(claims{"alg": "HS384"}, nil)),
	}
	for name, alg := range map[string]any{
		"none": "none", "None": "None", "NONE": "NONE", "nOnE": "nOnE", "no name": "", "null": nil, "a number": 0, "a list": []string{"HS256"},
		"a blank": "HS256 ", "another case": "hs256", "RS256 by HMAC": "RS256", "ES256 by HMAC": "ES256", "EdDSA by HMAC": "EdDSA",
		"PS256 by HMAC": "PS256", "HS512 by HS256": "HS512", "a wrong one": "HS257",
	} {
		all["alg "+name+", signed"] = f.signed(claims{"alg": alg}, nil)
		all["alg "+name+", not signed"] = f.input(claims{"alg": alg}, nil) + "."
	}
	for name, header := range map[string]claims{
		"typ JWT": {"typ": "JWT"}, "typ of another case": {"typ": "AT+JWT"}, "no typ": {"typ": nil}, "typ that is a list": {"typ": []string{"at+jwt"}},
		"no kid": {"kid": nil}, "an empty kid": {"kid": ""}, "another kid": {"kid": "0123456789abcdef"}, "a kid that is a number": {"kid": 1},
		"a kid that is a path": {"kid": "../../../../dev/null"}, "a kid that is SQL": {"kid": "' UNION SELECT 'x"},
		"a kid that is an object": {"kid": claims{"x": 1}}, "a kid of another case": {"kid": strings.ToUpper(f.header["kid"].(string))},
		"crit": {"crit": []string{"exp"}}, "crit of nothing": {"crit": []string{}}, "crit of b64": {"crit": []string{"b64"}, "b64": false},
	} {
		all["a header with "+name] = f.signed(header, nil)
	}
	for name, payload := range map[string]claims{
		"another issuer": {"iss": "https://accounts.google.com"}, "no issuer": {"iss": nil}, "an issuer that is a list": {"iss": []string{"codegenapp"}},
		"an issuer in capitals": {"iss": "CODEGENAPP"}, "another audience": {"aud": "another"}, "no audience": {"aud": nil},
		"an empty audience": {"aud": []string{}}, "an audience that is an object": {"aud": claims{"codegenapp": 1}},
		"no session": {"sid": nil}, "an empty session": {"sid": ""}, "a session that is a number": {"sid": 1},
		"a session in capitals": {"sid": strings.ToUpper(f.payload["sid"].(string))}, "the nil session": {"sid": "00000000-0000-0000-0000-000000000000"},
		"a session that is SQL": {"sid": "' OR true --"}, "no subject": {"sub": nil}, "an empty subject": {"sub": ""},
		"a subject that is a number": {"sub": 1}, "a subject that is a word": {"sub": "ann"}, "a subject in capitals": {"sub": strings.ToUpper(user)},
		"no expiry": {"exp": nil}, "an expiry that is null": {"exp": json.RawMessage("null")},
		"an enormous expiry": {"exp": json.RawMessage("1e400")}, "an nbf to come": {"nbf": now + 3600}, "an iat to come": {"iat": now + 3600},
		"expired, of another audience": {"exp": now - 60, "aud": "another"}, "expired, of another issuer": {"exp": now - 60, "iss": "x"},
	} {
		all["a payload with "+name] = f.signed(nil, payload)
	}
	expired := f.input(nil, claims{"exp": now - 60})
	all["expired, with a wrong signature"] = expired + "." + signature
	all["expired, alg none"] = f.input(claims{"alg": "none"}, claims{"exp": now - 60}) + "."
	return all
}

// rawHeader and rawPayload are tokens with a good signature of what is no good.
func (f forger) rawHeader(text string) string {
	input := base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + segment(f.payload)
	return input + "." + mac(crypto.SHA256, f.secret, input)
}

func (f forger) rawPayload(text string) string {
	input := segment(f.header) + "." + base64.RawURLEncoding.EncodeToString([]byte(text))
	return input + "." + mac(crypto.SHA256, f.secret, input)
}

func (f forger) rs256(t *testing.T, key *rsa.PrivateKey, header claims) string {
	t.Helper()
	input := f.input(with(claims{"alg": "RS256"}, header), nil)
	h := crypto.SHA256.New()
	h.Write([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// otherSpelling changes bits of the last character that are not part of the
// last byte: 32 bytes are 42 characters and two thirds.
func otherSpelling(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

func TestForgedAccessTokens(t *testing.T) {
	t.Parallel()
	var secret string
	s := testkit.Start(t, func(settings *app.Settings) { secret = string(settings.JWTSecret) })
	ann := s.SignUp(t)
	f := newForger(t, ann.Token, secret)
	for name, token := range map[string]string{
		"itself":                  ann.Token,
		"made again":              f.signed(nil, nil),
		"for several audiences":   f.signed(nil, claims{"aud": []string{"another", "codegenapp"}}),
		"with more in it":         f.signed(claims{"x": 1, "jku": "http://127.0.0.1:1"}, claims{"role": "admin"}),
		"of a clock 3 s behind":   f.signed(nil, claims{"nbf": time.Now().Unix() + 3, "iat": time.Now().Unix() + 3}),
		"expired 2 s ago, leeway": f.signed(nil, claims{"exp": time.Now().Unix() - 1}),
	} {
		if answer := withToken(t, s, token).Get(projectsPath); answer.Status != 200 {
			t.Errorf("a good token %s was answered %d: %s", name, answer.Status, answer.Body)
		}
	}
	idToken := idToken(t, s, issuer.Claims{Email: "ann@example.com"})
	for name, token := range forgeries(t, f, ann.Token, ann.RefreshToken, idToken, ann.User) {
		t.Run("a token with "+name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, s, token, "token_invalid")
		})
	}
	now := time.Now().Unix()
	for name, token := range map[string]string{
		"a minute ago":    f.signed(nil, claims{"exp": now - 60}),
		"in 1970":         f.signed(nil, claims{"exp": 1}),
		"before the time": f.signed(nil, claims{"exp": -1}),
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
	for _, answer := range []*testkit.Answer{c.Get(projectsPath), c.Post(projectsPath, titled("x"))} {
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
			anybody := s.Anybody(t)
			for _, answer := range []*testkit.Answer{
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
			s.Anybody(t).Get(projectsPath, "Authorization", scheme+" "+ann.Token).Want(200)
		}
	})
	t.Run("a token in the query or a cookie is none", func(t *testing.T) {
		t.Parallel()
		s.Anybody(t).Get(projectsPath+"?access_token="+ann.Token).WantProblem(401, "token_missing")
		s.Anybody(t).Get(projectsPath, "Cookie", "access_token="+ann.Token).WantProblem(401, "token_missing")
	})
}

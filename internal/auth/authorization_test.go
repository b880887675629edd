package auth_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

const (
	goodClaims = `{"iss":"issuer","aud":"audience","exp":1800003600,"iat":1800000000,"nbf":1800000000,"jti":"x",` +
		`"sub":"01a20519-0000-7000-8000-000000000001","sid":"01a20519-0000-7000-8000-000000000002"}`
	noActor = "00000000-0000-0000-0000-000000000000"
)

// signedByHand is a token of any header and claims under the right key.
func signedByHand(header, claims []byte) string {
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	mac := hmac.New(sha256.New, newSecret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// headerOf is the header of the tokens that are issued.
func headerOf(t testing.TB, tokens *auth.AccessTokens) []byte {
	t.Helper()
	encoded, _, _ := strings.Cut(issue(t, tokens, newActor()), ".")
	header, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return header
}

// FuzzAuthorization_Header sends any Authorization header: a bearer token is judged by
// what is behind the blanks, anything else is no token.
func FuzzAuthorization_Header(f *testing.F) {
	tokens := accessTokens(&clock{time.Unix(1_800_000_000, 0)}, newSecret)
	good := signedByHand(headerOf(f, tokens), []byte(goodClaims))
	for _, seed := range []string{"", "Bearer", "Bearer ", "bearer " + good, "BEARER " + good, "Bearer  " + good, "Bearer\t" + good, " Bearer " + good, "Bearer " + good + " ", "Basic " + good, good, "Bearer a b"} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`(?is)^bearer +([^ ].*)$`)
	service := auth.NewService(nil, nil, tokens, nil, nil, auth.SessionPolicy{}, nil)
	f.Fuzz(func(t *testing.T, authorization string) {
		actor, err := service.Authenticate(authorization)
		parts := form.FindStringSubmatch(authorization)
		if parts == nil {
			if problem.CodeOf(err) != problem.TokenMissing {
				t.Fatalf("%q is %v, %v", authorization, actor, err)
			}
			return
		}
		want, judged := tokens.Verify(parts[1])
		if actor != want || problem.CodeOf(err) != problem.CodeOf(judged) {
			t.Fatalf("%q is %v, %v; its token is %v, %v", authorization, actor, err, want, judged)
		}
		if err == nil && parts[1] != good {
			t.Fatalf("%q passes", authorization)
		}
	})
}

var canonicalID = regexp.MustCompile(`^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`)

// readHeader reports whether a header names the key of kid, the algorithm, the
// type, and nothing that would have to be understood.
func readHeader(text []byte, kid any) bool {
	value, strict := strictjson.Read(text, 100)
	header, _ := value.(map[string]any)
	_, critical := header["crit"]
	return strict && header["alg"] == "HS256" && header["typ"] == "at+jwt" && header["kid"] == kid && !critical
}

// readClaims is the actor of claims, or noActor, and whether their token is live
// at a time.
func readClaims(text []byte, at float64) (user, session string, live bool) {
	value, strict := strictjson.Read(text, 100)
	claims, _ := value.(map[string]any)
	user, _ = claims["sub"].(string)
	session, _ = claims["sid"].(string)
	audiences, ok := claims["aud"].([]any)
	if !ok {
		audiences = []any{claims["aud"]}
	}
	begun := func(name string) bool {
		date, there := claims[name].(strictjson.Number)
		return claims[name] == nil || there && date.Float() <= at+5
	}
	expires, limited := claims["exp"].(strictjson.Number)
	if !strict || !limited || claims["iss"] != "issuer" || !slices.Contains(audiences, any("audience")) || !begun("nbf") || !begun("iat") ||
		!canonicalID.MatchString(user) || !canonicalID.MatchString(session) || session == noActor {
		return noActor, noActor, false
	}
	return user, session, math.Floor(expires.Float()) > at-5
}

func TestJWT_AmbiguousTokenIsInvalid(t *testing.T) {
	t.Parallel()
	tokens := accessTokens(&clock{time.Unix(1_800_000_000, 0)}, newSecret)
	header := string(headerOf(t, tokens))
	if _, err := tokens.Verify(signedByHand([]byte(header), []byte(goodClaims))); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a parameter given twice":  {`"alg"`, `"alg":"none","alg"`},
		"a claim given twice":      {`"sub"`, `"sub":"01a20519-0000-7000-8000-000000000009","sub"`},
		"a claim in another case":  {`"sub"`, `"SUB"`},
		"a date in quotes":         {`1800003600`, `"1800003600"`},
		"bytes that are not UTF-8": {`"jti":"x"`, "\"jti\":\"\xff\""},
		"half of a pair":           {`"jti":"x"`, `"jti":"\ud835"`},
	} {
		token := signedByHand([]byte(strings.Replace(header, change[0], change[1], 1)), []byte(strings.Replace(goodClaims, change[0], change[1], 1)))
		if _, err := tokens.Verify(token); problem.CodeOf(err) != problem.TokenInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJWT_ExpiredForgeryIsInvalid(t *testing.T) {
	t.Parallel()
	tokens := accessTokens(&clock{time.Unix(1_800_000_000, 0)}, newSecret)
	old := strings.Replace(goodClaims, "1800003600", "1700000000", 1)
	if _, err := tokens.Verify(signedByHand(headerOf(t, tokens), []byte(old))); problem.CodeOf(err) != problem.TokenExpired {
		t.Fatal(err)
	}
	for name, claims := range map[string]string{
		"nothing but an expiry":       `{"exp":0}`,
		"no audience":                 strings.Replace(old, `"aud":"audience",`, "", 1),
		"a beginning in the future":   strings.Replace(old, `"nbf":1800000000`, `"nbf":1900000000`, 1),
		"an issue in the future":      strings.Replace(old, `"iat":1800000000`, `"iat":1900000000`, 1),
		"a subject that is no id":     strings.Replace(old, `"sub":"01a2`, `"sub":"01A2`, 1),
		"a session that is not named": strings.Replace(old, `"sid"`, `"x"`, 1),
	} {
		if _, err := tokens.Verify(signedByHand(headerOf(t, tokens), []byte(claims))); problem.CodeOf(err) != problem.TokenInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzAccessToken_Claims signs any header and claims with the right key, as another
// release might. Only an access token is accepted, for the user that it names.
// Only a token that was valid once is rejected as expired.
func FuzzAccessToken_Claims(f *testing.F) {
	const now = 1_800_000_000
	tokens := accessTokens(&clock{time.Unix(now, 0)}, newSecret)
	header := headerOf(f, tokens)
	f.Add(header, []byte(goodClaims))
	for _, change := range [][2]string{
		{`"typ":"at+jwt"`, `"typ":"JWT"`},
		{`"typ"`, `"Typ"`},
		{`"alg":"HS256"`, `"alg":"none"`},
		{`"alg":"HS256"`, `"alg":"none","alg":"HS256"`},
		{`"kid"`, `"crit":[],"kid"`},
		{`"exp":1800003600`, `"exp":1700000000`},
		{`"exp":1800003600`, `"exp":1e999`},
		{`"exp":1800003600`, `"exp":"x"`},
		{`"nbf":1800000000`, `"nbf":1800000006`},
		{`"iat":1800000000`, `"iat":null`},
		{`"aud":"audience"`, `"aud":["x","audience"]`},
		{`"aud":"audience"`, `"aud":[]`},
		{`"iss"`, `"ISS"`},
		{`"iss":"issuer"`, `"iss":"x","iss":"issuer"`},
		{`"sid":"01a20519-0000-7000-8000-000000000002"`, `"sid":"` + noActor + `"`},
		{`"sub":"01a2`, `"sub":"01A2`},
		{`"jti":"x"`, "\"jti\":\"\xff\""},
	} {
		f.Add([]byte(strings.Replace(string(header), change[0], change[1], 1)), []byte(strings.Replace(goodClaims, change[0], change[1], 1)))
	}
	value, _ := strictjson.Read(header, 100)
	kid, _ := value.(map[string]any)["kid"].(string)
	f.Fuzz(func(t *testing.T, header, claims []byte) {
		header = bytes.ReplaceAll(header, []byte("KID"), []byte(kid)) // for inputs that outlive a change of names
		actor, err := tokens.Verify(signedByHand(header, claims))
		user, session, live := readClaims(claims, now)
		right := readHeader(header, kid) && user != noActor
		switch code := problem.CodeOf(err); {
		case err == nil && (!right || !live || actor.User.String() != user || actor.Session.String() != session):
			t.Fatalf("%q %q passes as %v", header, claims, actor)
		case err != nil && code != problem.TokenInvalid && code != problem.TokenExpired:
			t.Fatalf("%q %q is %v", header, claims, err)
		case code == problem.TokenExpired && (!right || live):
			t.Fatalf("%q %q is reported as expired", header, claims)
		case err != nil && string(claims) == goodClaims && right:
			t.Fatalf("%q with good claims is %v", header, err)
		}
	})
}

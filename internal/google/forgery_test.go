package google_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/devkit/issuer"
	"github.com/codegenapp/codegenapp/internal/google"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// forgeries are tokens whose form or signature is wrong.
func forgeries(t *testing.T, w *fixture) map[string]badToken {
	t.Helper()
	good := w.token(t, issuer.Claims{})
	kid := keyID(t, good)
	part := strings.Split(good, ".")
	head, payload, signature := split(t, good)
	otherIssuer := w.again(t)
	if err := otherIssuer.issuer.Rotate(issuer.RS256); err != nil {
		t.Fatal(err)
	}
	byOtherIssuer := func(header map[string]any) string {
		header["kid"] = kid
		return otherIssuer.token(t, issuer.Claims{Header: header, Extra: map[string]any{"iss": w.url}})
	}
	bad := map[string]badToken{}
	for name, tc := range map[string]struct{ raw, want string }{
		"empty":                     {"", "is empty"},
		"longer than the bound":     {w.token(t, issuer.Claims{Name: strings.Repeat("a", google.MaxToken)}), "is longer than"},
		"one part":                  {part[0], "three parts"},
		"two parts":                 {part[0] + "." + part[1], "three parts"},
		"four parts":                {good + "." + part[2], "three parts"},
		"five parts, as encrypted":  {good + "." + part[1] + "." + part[2], "three parts"},
		"only dots":                 {"..", "canonical base64url"},
		"no signature":              {part[0] + "." + part[1] + ".", "canonical base64url"},
		"JSON serialization":        {fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, part[1], part[0], part[2]), "three parts"},
		"two signatures in JSON":    {fmt.Sprintf(`{"payload":%[1]q,"signatures":[{"protected":%[2]q,"signature":%[3]q},{"protected":%[2]q,"signature":%[3]q}]}`, part[1], part[0], part[2]), "three parts"},
		"JSON with two dots inside": {fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q,"x":".."}`, part[1], part[0], part[2]), "canonical base64url"},
		"white space around":        {" " + good + "\n", "canonical base64url"},
		"a line break inside":       {part[0] + "." + part[1][:20] + "\n" + part[1][20:] + "." + part[2], "canonical base64url"},
		"padding":                   {good + "==", "canonical base64url"},
		"the other base64 alphabet": {part[0] + "." + part[1] + "." + "+/" + part[2][2:], "canonical base64url"},
		"bits after the last byte":  {good[:len(good)-1] + string(nextLetter(good[len(good)-1])), "canonical base64url"},
		"a header that is not JSON": {encode("alg: RS256") + "." + part[1] + "." + part[2], "header of the ID token cannot be read"},
		"a header with a name twice": {
			encode(`{"alg":"RS256",`+head[1:]) + "." + part[1] + "." + part[2], "header of the ID token cannot be read",
		},
		"none":                  {encode(`{"alg":"none","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "RS256 or ES256"},
		"None":                  {encode(`{"alg":"None","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "RS256 or ES256"},
		"NONE":                  {encode(`{"alg":"NONE","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "RS256 or ES256"},
		"nOnE":                  {encode(`{"alg":"nOnE","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "RS256 or ES256"},
		"no algorithm":          {encode(`{"kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "RS256 or ES256"},
		"RS384":                 {encode(`{"alg":"RS384","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "RS256 or ES256"},
		"PS256":                 {encode(`{"alg":"PS256","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "RS256 or ES256"},
		"ES256 with an RSA key": {encode(`{"alg":"ES256","kid":"`+kid+`"}`) + "." + part[1] + "." + part[2], "does not publish"},
		"no key id":             {w.token(t, issuer.Claims{OmitHeader: []string{"kid"}}), "which key"},
		"a key id as a path":    {w.token(t, issuer.Claims{Header: map[string]any{"kid": "../../dev/null"}}), "does not publish"},
		"a key id as SQL":       {w.token(t, issuer.Claims{Header: map[string]any{"kid": "' OR 1=1 --"}}), "does not publish"},
		"an access token":       {w.token(t, issuer.Claims{Header: map[string]any{"typ": "at+jwt"}}), "another type"},
		"a logout token":        {w.token(t, issuer.Claims{Header: map[string]any{"typ": "logout+jwt"}}), "another type"},
		"crit":                  {w.token(t, issuer.Claims{Header: map[string]any{"crit": []string{"exp"}}}), "an unknown extension"},
		"crit of nothing":       {w.token(t, issuer.Claims{Header: map[string]any{"crit": []string{}}}), "an unknown extension"},
		"crit b64":              {w.token(t, issuer.Claims{Header: map[string]any{"crit": []string{"b64"}, "b64": false}}), "an unknown extension"},
		"b64 alone":             {w.token(t, issuer.Claims{Header: map[string]any{"b64": false}}), "an unknown extension"},
		"another issuer's key":  {byOtherIssuer(map[string]any{}), "signature of the ID token is wrong"},
		"other claims":          {part[0] + "." + encode(strings.Replace(payload, "ann@", "eve@", 1)) + "." + part[2], "signature of the ID token is wrong"},
		"another signature":     {part[0] + "." + part[1] + "." + encode(signature[:255]+string(signature[255]^1)), "signature of the ID token is wrong"},
		"half a signature":      {part[0] + "." + part[1] + "." + encode(signature[:128]), "signature of the ID token is wrong"},
		"its key in the header": {byOtherIssuer(map[string]any{"jwk": publicJWK(t, otherIssuer)}), "signature of the ID token is wrong"},
		"claims that are no object": {
			w.sign(t, `{"alg":"RS256","kid":"`+kid+`"}`, `["iss"]`), w.unless("claims of the ID token cannot be read"),
		},
		"claims with a name twice": {
			w.sign(t, `{"alg":"RS256","kid":"`+kid+`"}`, `{"sub":"1",`+payload[1:]), w.unless("claims of the ID token cannot be read"),
		},
		"claims in bad UTF-8": {
			w.sign(t, `{"alg":"RS256","kid":"`+kid+`"}`, strings.Replace(payload, "Ann", "\xff", 1)), w.unless("claims of the ID token cannot be read"),
		},
	} {
		bad[name] = badToken{raw: tc.raw, want: tc.want, code: problem.GoogleTokenInvalid}
	}
	return bad
}

// nextLetter is the letter that differs from c in the lowest bit, which in the
// last place of 256 bytes stands for nothing.
func nextLetter(c byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, c)^1]
}

// sign signs any text with the issuer's key.
func (w *fixture) sign(t testing.TB, header, payload string) string {
	t.Helper()
	return compact(t, header, payload, w.key)
}

func compact(t testing.TB, header, payload string, key *rsa.PrivateKey) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(string(signature))
}

func TestVerify_ForgedTokensRevealNoClaimChecks(t *testing.T) {
	t.Parallel()
	forBoth(t, forgedTokensLearnNothing)
}

func forgedTokensLearnNothing(t *testing.T, start starter) {
	t.Helper()
	w := start(t)
	bad := w.token(t, issuer.Claims{Extra: map[string]any{
		"aud": "x", "auth_time": 1 << 40, "exp": 0, "email_verified": false, "hd": "x", "sub": "",
	}})
	_, _, signature := split(t, w.token(t, issuer.Claims{}))
	_, err := w.Verify(t.Context(), bad[:strings.LastIndex(bad, ".")+1]+encode(signature), "nonce")
	f := wantFault(t, err, problem.GoogleTokenInvalid, "forged")
	if !strings.Contains(f.Detail, "signature") {
		t.Errorf("the detail is %q, want it to speak of the signature alone", f.Detail)
	}
}

// A second signature of an ES256 token can be computed from the token alone. It must
// not count as a second token.
func TestVerify_SecondSignatureIsTheSameToken(t *testing.T) {
	t.Parallel()
	w := start(t)
	if err := w.issuer.Rotate(issuer.ES256); err != nil {
		t.Fatal(err)
	}
	good := w.token(t, issuer.Claims{})
	_, _, signature := split(t, good)
	s := new(big.Int).SetBytes([]byte(signature[32:]))
	other := new(big.Int).Sub(elliptic.P256().Params().N, s).FillBytes(make([]byte, 32))
	twin := good[:strings.LastIndex(good, ".")+1] + encode(signature[:32]+string(other))

	first, err := w.Verify(t.Context(), good, "")
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.Verify(t.Context(), twin, "")
	if err == nil && second.Token != first.Token {
		t.Error("one token signs in twice")
	}
}

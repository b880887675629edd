package google

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

// base64url is every text that encodes some bytes in the one way.
var base64url = regexp.MustCompile(`^(?:[\w-]{4})*(?:[\w-]{4}|[\w-]{2}[AEIMQUYcgkosw048]|[\w-][AQgw])$`)

// textIn is a member that is a string, empty where it is absent or null, and
// whether it is one of these.
func textIn(members map[string]any, name string) (string, bool) {
	text, ok := members[name].(string)
	return text, ok || members[name] == nil
}

// FuzzIDToken_Form checks that a token has the form of an ID token exactly if its three
// parts are in their canonical encoding, and its header requires nothing but a known
// algorithm and a key by its name.
func FuzzIDToken_Form(f *testing.F) {
	for _, header := range []string{
		`{"alg":"RS256","kid":"a","typ":"JWT"}`, `{"alg":"ES256","kid":"a"}`, `{"alg":"none","kid":"a"}`, `{"alg":"RS256"}`, `{"alg":"RS256","kid":"a","typ":"at+jwt"}`,
		`{"alg":"RS256","kid":"a","crit":[]}`, `{"alg":"RS256","kid":"a","b64":null}`, `{"alg":"RS256","kid":"a","kid":"b"}`, `{"ALG":"RS256","kid":"a"}`, `null`, `[]`, "",
	} {
		f.Add([]byte(header), "e30", "AA")
	}
	for _, part := range []string{"", "A", "AB", "AAB", "AA=", "AA==", "A\nA", "AAA\r", "+A", "AA.AA"} {
		f.Add([]byte(`{"alg":"RS256","kid":"a"}`), part, "AA")
		f.Add([]byte(`{"alg":"RS256","kid":"a"}`), "e30", part)
	}
	f.Fuzz(func(t *testing.T, head []byte, payload, signature string) {
		encoded := base64.RawURLEncoding.EncodeToString(head)
		err := checkFormat(encoded + "." + payload + "." + signature)
		value, strict := strictjson.Read(head, 10_000)
		members, _ := value.(map[string]any)
		kid, named := textIn(members, "kid")
		kind, typed := textIn(members, "typ")
		_, critical := members["crit"]
		_, unencoded := members["b64"]
		want := base64url.MatchString(payload) && base64url.MatchString(signature) && strict &&
			(members["alg"] == rs256 || members["alg"] == es256) && named && kid != "" &&
			typed && (kind == "" || strings.EqualFold(kind, "jwt")) && !critical && !unencoded &&
			len(encoded)+len(payload)+len(signature)+2 <= maxToken
		if (err == nil) != want || err != nil && problem.CodeOf(err) != problem.GoogleTokenInvalid {
			t.Fatalf("%q %q %q has the form of an ID token: %t; it is %v", head, payload, signature, want, err)
		}
	})
}

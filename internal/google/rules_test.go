package google

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

// between reports whether a member is a number from first to last, or is absent and
// not needed.
func between(members map[string]any, name string, first, last float64, needed bool) bool {
	date, ok := members[name].(strictjson.Number)
	if !ok {
		return members[name] == nil && !needed
	}
	seconds := date.Float()
	return seconds >= 0 && seconds <= 253402300799 && float64(int64(seconds)) >= first && float64(int64(seconds)) <= last
}

// namesUs reports whether the audience is ours: alone, or among others and requested by
// one of our clients.
func namesUs(members map[string]any) bool {
	audiences, list := members["aud"].([]any)
	if !list {
		audiences = []any{members["aud"]}
	}
	us := 0
	for _, audience := range audiences {
		if _, text := audience.(string); !text {
			return false
		}
		if audience == "one" || audience == "two" {
			us++
		}
	}
	azp := members["azp"]
	return us > 0 && (azp == "one" || azp == "two" || len(audiences) == 1)
}

// isPerson reports whether members name a user that may sign in.
func isPerson(members map[string]any) bool {
	subject, _ := members["sub"].(string)
	email, _ := members["email"].(string)
	local, domain := "", ""
	if cut := strings.LastIndex(email, "@"); cut >= 0 {
		local, domain = email[:cut], email[cut+1:]
	}
	ascii := strings.Trim(subject, "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") == ""
	return subject != "" && len(subject) <= 255 && ascii && local != "" && domain != "" && len(email) <= 320 &&
		!strings.ContainsFunc(email, unicode.IsSpace) && !strings.ContainsFunc(email, unicode.IsControl) && members["email_verified"] == true
}

// claimed is what strict JSON claims; nothing otherwise.
func claimed(payload []byte) map[string]any {
	value, strict := strictjson.Read(payload, 10_000)
	members, _ := value.(map[string]any)
	if !strict {
		return nil
	}
	return members
}

// maySignIn reports whether claims keep the rules of Google Sign-In, but for the
// domain.
func maySignIn(payload []byte, nonce string, now float64) bool {
	members := claimed(payload)
	for _, name := range []string{"iss", "azp", "nonce", "sub", "email", "hd", "name", "picture"} {
		if _, text := textIn(members, name); !text {
			return false
		}
	}
	// What only a user store has must be of its type all the same.
	firebase, object := members["firebase"].(map[string]any)
	_, text := textIn(firebase, "tenant")
	return (members["iss"] == "https://accounts.google.com" || members["iss"] == "accounts.google.com") && namesUs(members) &&
		between(members, "exp", now-29, 1e12, true) && between(members, "iat", 0, now+30, true) && between(members, "nbf", 0, now+30, false) &&
		between(members, "auth_time", 0, 1e12, false) && (object || members["firebase"] == nil) && text &&
		(nonce == "" || members["nonce"] == nonce) && isPerson(members)
}

const goodIDClaims = `{"iss":"https://accounts.google.com","aud":"one","exp":1800000600,"iat":1800000000,"sub":"7","email":"ann@example.com","email_verified":true,"hd":"example.com","nonce":"n","name":"Ann","picture":"https://example.com/a"}`

// FuzzIDToken_Claims checks that the claims of a signed ID token sign a user in exactly
// if they satisfy every rule, and that the resulting profile can be stored.
func FuzzIDToken_Claims(f *testing.F) {
	const now = 1_800_000_000
	f.Add([]byte(goodIDClaims), "n", true)
	for _, change := range [][2]string{
		{`"https://accounts.google.com"`, `"accounts.google.com"`},
		{`"https://accounts.google.com"`, `"http://accounts.google.com"`},
		{`"iss"`, `"ISS"`},
		{`"iss"`, `"iss":"x","iss"`},
		{`"aud":"one"`, `"aud":["two"]`},
		{`"aud":"one"`, `"aud":["one","x"]`},
		{`"aud":"one"`, `"aud":["one","x",null],"azp":"two"`},
		{`"aud":"one"`, `"aud":{}`},
		{`"aud":"one"`, `"aud":null`},
		{`"aud":"one"`, `"aud":"one","azp":"x"`},
		{`"exp":1800000600`, `"exp":1799999970`},
		{`"exp":1800000600`, `"exp":1799999971.9`},
		{`"exp":1800000600`, `"exp":253402300800`},
		{`"exp":1800000600`, `"exp":null`},
		{`"exp":1800000600`, `"exp":"1800000600"`},
		{`"iat":1800000000`, `"iat":1800000031`},
		{`"iat":1800000000`, `"iat":-1`},
		{`"iat":1800000000`, `"iat":0,"nbf":1800000031`},
		{`"sub":"7"`, `"sub":"a b"`},
		{`"sub":"7"`, `"sub":7`},
		{`ann@example.com`, `@`},
		{`ann@example.com`, `a@b@c`},
		{`ann@example.com`, `a\u0000@c`},
		{`ann@example.com`, "a\u00a0@c"},
		{`:true`, `:"true"`},
		{`:true`, `:false`},
		{`"hd":"example.com"`, `"hd":"example.org"`},
		{`"name":"Ann"`, `"name":" \u0007\u2003"`},
		{`"name":"Ann"`, `"name":"` + strings.Repeat("ä", 199) + ` bc"`},
		{`"https://example.com/a"`, `"javascript:alert(1)"`},
		{`"https://example.com/a"`, `"https:a"`},
		{`"https://example.com/a"`, `"HTTPS://a/%zz"`},
		{`"name":"Ann"`, `"name":1`},
	} {
		f.Add([]byte(strings.Replace(goodIDClaims, change[0], change[1], 1)), "", false)
	}
	r := rules{issuer: googleIssuer, audiences: []string{"one", "two"}, now: func() time.Time { return time.Unix(now, 0) }}
	f.Fuzz(func(t *testing.T, payload []byte, nonce string, hosted bool) {
		if r.domains = nil; hosted {
			r.domains = []string{"example.com"}
		}
		c, err := readClaims(payload)
		if err == nil {
			err = r.check(c, nonce)
		}
		want := maySignIn(payload, nonce, now) && (!hosted || claimed(payload)["hd"] == "example.com")
		if (err == nil) != want {
			t.Fatalf("%q with the nonce %q may sign in (hosted: %t): %t; it is %v", payload, nonce, hosted, want, err)
		}
		if err != nil {
			if code := problem.CodeOf(err); !slices.Contains([]problem.Code{problem.GoogleTokenInvalid, problem.EmailNotVerified, problem.DomainNotAllowed}, code) {
				t.Fatalf("%q is %v", payload, err)
			}
			return
		}
		checkTaken(t, c)
	})
}

// checkTaken checks what a profile takes over of the claims.
func checkTaken(t *testing.T, c claims) {
	t.Helper()
	name := displayName(c)
	if kept, faults := auth.ParseName(name); faults != nil || kept.String() != name || !utf8.ValidString(name) {
		t.Fatalf("%q becomes the name %q: %v", c.Name, name, faults)
	}
	picture := pictureURL(c.Picture)
	if picture != "" && (picture != c.Picture || !strings.HasPrefix(strings.ToLower(picture), "https://") || len(picture) > 2000) {
		t.Fatalf("%q becomes the picture %q", c.Picture, picture)
	}
}

// FuzzUserStore_Claims checks that the claims of a user store sign a user in exactly if
// they would with Google Sign-In, and contain the time of the user's sign-in to the
// project.
func FuzzUserStore_Claims(f *testing.F) {
	const now = 1_800_000_000
	good := strings.Replace(goodIDClaims, `"iat"`, `"auth_time":1800000000,"firebase":{"identities":{},"sign_in_provider":"google.com"},"iat"`, 1)
	f.Add([]byte(good))
	for _, change := range [][2]string{
		{`"auth_time"`, `"Auth_Time"`},
		{`"auth_time":1800000000`, `"auth_time":null`},
		{`"auth_time":1800000000`, `"auth_time":1800000031`},
		{`"auth_time":1800000000`, `"auth_time":1800000030.9`},
		{`"identities":{}`, `"tenant":"t"`},
		{`"identities":{}`, `"tenant":""`},
		{`"identities":{}`, `"tenant":1`},
		{`"identities":{}`, `"tenant":null,"Tenant":"t"`},
		{`"firebase":{`, `"firebase":null,"x":{`},
		{`"firebase":{`, `"firebase":[],"x":{`},
		{`"sub":"7"`, `"sub":"` + strings.Repeat("7", 129) + `"`},
		{`"email":"ann@example.com"`, `"email":null`},
	} {
		f.Add([]byte(strings.Replace(good, change[0], change[1], 1)))
	}
	r := rules{issuer: googleIssuer, audiences: []string{"one", "two"}, now: func() time.Time { return time.Unix(now, 0) }, userStore: true}
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, err := readClaims(payload)
		if err == nil {
			err = r.check(c, "")
		}
		members := claimed(payload)
		subject, _ := members["sub"].(string)
		firebase, _ := members["firebase"].(map[string]any)
		tenant, _ := textIn(firebase, "tenant")
		want := maySignIn(payload, "", now) && between(members, "auth_time", 0, now+30, true) && tenant == "" && len(subject) <= 128
		if (err == nil) != want {
			t.Fatalf("%q may sign in: %t; it is %v", payload, want, err)
		}
		if err == nil {
			checkTaken(t, c)
		}
	})
}

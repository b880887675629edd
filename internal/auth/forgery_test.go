package auth_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// forgeries gathers tokens by what is wrong with them.
type forgeries map[string]string

func (all forgeries) add(name, token string) {
	if _, twice := all[name]; twice {
		panic("two forgeries are called " + name)
	}
	all[name] = token
}

// malformed are not three parts of base64url.
func malformed(f forger) forgeries {
	head, body, signature := f.parts()
	header, payload := f.json(f.header), f.json(f.payload)
	all := forgeries{
		"nothing": "", "a word": "x", "two dots": "..", "only dots": strings.Repeat(".", 2000),
		"one part": head, "two parts": head + "." + body, "an empty signature": head + "." + body + ".",
		"an empty header": "." + body + "." + signature, "an empty payload": head + ".." + signature,
		"a trailing dot": f.good + ".", "a leading dot": "." + f.good, "a fourth part": f.good + ".x", "five parts": f.good + ".x.y",
		"five parts, as if it were encrypted": head + "..." + body + "." + signature,
		"the flattened JSON serialization":    `{"payload":"` + body + `","protected":"` + head + `","signature":"` + signature + `"}`,
		"the general JSON serialization":      `{"payload":"` + body + `","signatures":[{"protected":"` + head + `","signature":"` + signature + `"}]}`,
		"NUL at the end":                      f.good + "\x00", "NUL in the middle": head + "\x00." + body + "." + signature,
		"a byte order mark": "\ufeff" + f.good, "a full-width dot": head + "．" + body + "." + signature,
		"a Cyrillic letter": "е" + f.good[1:], "bad UTF-8": f.good[:10] + "\xff" + f.good[11:],
		"a blank before": " " + f.good, "a blank after": f.good + " ", "a tab after": f.good + "\t",
		"two of them": f.good + " " + f.good, "quotes": `"` + f.good + `"`, "percent signs": strings.ReplaceAll(f.good, ".", "%2e"),
		"too many bytes": f.signed(nil, claims{"x": strings.Repeat("x", 2048)}), "far too many bytes": strings.Repeat("a", 1<<20),
	}
	for name, bad := range map[string]func(string) string{
		"padding": func(s string) string { return s + "=" },
		"a blank": func(s string) string { return s[:4] + " " + s[4:] }, "a line feed": func(s string) string { return s[:4] + "\n" + s[4:] },
		"a line break of two": func(s string) string { return s + "\r\n" }, "a letter of no alphabet": func(s string) string { return s[:4] + "*" + s[4:] },
	} {
		all.add(name+" in the header, signed", f.sealed(bad(head), body))
		all.add(name+" in the payload, signed", f.sealed(head, bad(body)))
		all.add(name+" in the signature", head+"."+body+"."+bad(signature))
	}
	all.add("spare bits in the header, signed", f.sealed(spareBits(header), body))
	all.add("spare bits in the payload, signed", f.sealed(head, spareBits(payload)))
	all.add("spare bits in the signature", otherSpelling(f.good))
	all.add("the alphabet of plain base64 in the payload, signed", f.sealed(head, strings.NewReplacer("-", "+", "_", "/").Replace(b64(f.json(with(f.payload, claims{"x": "??????"}))))))
	return all
}

// missigned have a signature that is not one of the key that they name.
func missigned(t *testing.T, f forger) forgeries {
	t.Helper()
	head, body, signature := f.parts()
	unknown := newUnknownKeys(t)
	sum := func(input string) []byte { return f.sign(input + " ") }
	all := forgeries{
		"the signature of other words":          f.by(sum, nil),
		"a signature of an unknown key":         f.by(unknown.sign(f.name), nil),
		"a signature cut short":                 f.good[:len(f.good)-4],
		"a signature and more":                  f.good + "AAAA",
		"a signature of zeros":                  head + "." + body + "." + b64(string(make([]byte, 64))),
		"a signature of nothing but its length": head + "." + body + "." + b64(string(make([]byte, 32))),
		"a payload of another token":            head + "." + f.body(claims{"sub": "01a20519-0000-7000-8000-000000000001"}) + "." + signature,
		"a header of another token":             f.head(claims{"x": 1}) + "." + body + "." + signature,
		"the signature of an empty secret":      f.by(func(input string) []byte { return hs256(nil, input) }, claims{"alg": "HS256"}),
		"the signature of its kid":              f.by(func(input string) []byte { return hs256([]byte(f.key.ID()), input) }, claims{"alg": "HS256"}),
		"an unknown key in jwk":                 f.by(unknown.sign(f.name), claims{"jwk": unknown.jwk(f.name)}),
		"an unknown key in jwk, and no kid":     f.by(unknown.sign(f.name), claims{"jwk": unknown.jwk(f.name), "kid": nil}),
		"an unknown key at jku":                 f.by(unknown.sign(f.name), claims{"jku": "http://127.0.0.1:1/jwks.json", "kid": "1"}),
		"an unknown key at x5u":                 f.by(unknown.sign(f.name), claims{"x5u": "http://127.0.0.1:1/cert.pem"}),
		"an unknown key in x5c":                 f.by(unknown.sign(f.name), claims{"x5c": []string{"MIIB"}}),
		"a payload that is not encoded":         f.by(func(input string) []byte { return f.sign(f.head(nil) + "." + f.json(f.payload)) }, claims{"b64": false}),
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE"} {
		all.add("alg "+none+", not signed", f.head(claims{"alg": none})+"."+body+".")
		all.add("alg "+none+", signed", f.signed(claims{"alg": none}, nil))
		all.add("alg "+none+", no kid, not signed", f.head(claims{"alg": none, "kid": nil})+"."+body+".")
	}
	for _, other := range []string{
		"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448", "dir", "A256GCM",
	} {
		if other != f.name {
			all.add("alg "+other+", signed by "+f.name, f.signed(claims{"alg": other}, nil))
		}
	}
	for name, alg := range map[string]any{
		"in lower case": strings.ToLower(f.name), "and a blank": f.name + " ", "and NUL": f.name + "\x00", "in a list": []string{f.name}, "that is empty": "", "that is a number": 256, "that is null": json.RawMessage("null"),
	} {
		all.add("an alg "+name, f.signed(claims{"alg": alg}, nil))
	}
	all.add("no alg", f.signed(claims{"alg": nil}, nil))
	for n, public := range f.public {
		// The old mistake: the public key as the secret of an HMAC.
		all.add(fmt.Sprintf("HS256 with the public key, way %d", n), f.by(func(input string) []byte { return hs256(public, input) }, claims{"alg": "HS256"}))
		all.add(fmt.Sprintf("HMAC with the public key under its own alg, way %d", n), f.by(func(input string) []byte { return hs256(public, input) }, nil))
		all.add(fmt.Sprintf("HS512 with the public key, way %d", n), f.by(func(input string) []byte { return hs512(public, input) }, claims{"alg": "HS512"}))
	}
	for _, other := range algorithms() {
		if other.name == f.name {
			continue
		}
		all.add(other.name+" under the kid of "+f.name, f.by(other.sign, claims{"alg": other.name}))
		all.add(other.name+" under the kid and alg of "+f.name, f.by(other.sign, nil))
		all.add(f.name+" under the kid of "+other.name, f.by(f.sign, claims{"kid": other.key.ID()}))
		all.add(f.name+" under the kid and alg of "+other.name, f.by(f.sign, claims{"kid": other.key.ID(), "alg": other.name}))
	}
	return all
}

func hs512(secret []byte, input string) []byte {
	mac := hmac.New(sha512.New, secret)
	mac.Write([]byte(input))
	return mac.Sum(nil)
}

// misheaded have a valid signature, and a header that the service does not issue.
func misheaded(f forger) forgeries {
	kid := f.key.ID()
	body := f.body(nil)
	all := forgeries{
		"a header of nothing": f.sealed(b64("{}"), body), "a header that is null": f.sealed(b64("null"), body),
		"a header that is a list": f.sealed(b64("["+f.json(f.header)+"]"), body), "a header that is a text": f.sealed(b64(`"at+jwt"`), body),
		"a header cut short": f.sealed(b64(strings.TrimSuffix(f.json(f.header), "}")), body), "a header and more": f.sealed(b64(f.json(f.header)+"{}"), body),
		"a header after a byte order mark": f.sealed(b64("\ufeff"+f.json(f.header)), body), "a header with a comment": f.sealed(b64("/**/"+f.json(f.header)), body),
		"a header in single quotes": f.sealed(b64(strings.ReplaceAll(f.json(f.header), `"`, `'`)), body),
	}
	for name, change := range map[string]claims{
		"crit": {"crit": []string{"exp"}}, "crit of nothing": {"crit": []string{}}, "crit of b64": {"crit": []string{"b64"}, "b64": true}, "crit that is null": {"crit": json.RawMessage("null")},
		"no kid": {"kid": nil}, "an empty kid": {"kid": ""}, "another kid": {"kid": "0123456789abcdef"}, "a kid that is null": {"kid": json.RawMessage("null")},
		"a kid that is a number": {"kid": 1}, "a kid that is a list": {"kid": []string{kid}}, "a kid that is an object": {"kid": claims{"kid": kid}}, "a kid that is true": {"kid": true},
		"a kid that is a path": {"kid": "../../../../dev/null"}, "a kid that is a file": {"kid": "/proc/self/environ"}, "a kid that is SQL": {"kid": "' UNION SELECT 'x' --"},
		"a kid that is a command": {"kid": "| id"}, "a kid that is an address": {"kid": "http://127.0.0.1:1/" + kid}, "a kid and a blank": {"kid": kid + " "}, "a kid and NUL": {"kid": kid + "\x00"},
		"a kid of other cases": {"kid": swapCase(kid)}, "a kid cut short": {"kid": kid[:len(kid)-1]},
		"no typ": {"typ": nil}, "typ JWT": {"typ": "JWT"}, "typ at+JWT": {"typ": "at+JWT"}, "a typ in full": {"typ": "application/at+jwt"}, "a typ and a blank": {"typ": "at+jwt "},
		"a typ that is null": {"typ": json.RawMessage("null")}, "a typ that is a list": {"typ": []string{"at+jwt"}}, "typ id+jwt": {"typ": "id+jwt"}, "typ logout+jwt": {"typ": "logout+jwt"},
	} {
		all.add("a header with "+name, f.signed(change, nil))
	}
	for _, name := range []string{"alg", "kid", "typ"} {
		member := f.member(name)
		all.add("a header with "+name+" twice", f.saying(member, member+","+member))
		all.add("a header with "+name+" twice, the first another", f.saying(member, `"`+name+`":"x",`+member))
		all.add("a header with "+name+" twice, the last another", f.saying(member, member+`,"`+name+`":"x"`))
		all.add("a header with "+name+" twice, once escaped", f.saying(member, member+`,"`+fmt.Sprintf(`\u%04x`, name[0])+name[1:]+`":"x"`))
		all.add("a header with "+name+" in capitals", f.saying(`"`+name+`"`, `"`+strings.ToUpper(name)+`"`))
	}
	all.add("a header with something else twice", f.saying(`"alg"`, `"x":1,"x":1,"alg"`))
	all.add("a header with something twice further in", f.saying(`"alg"`, `"x":[{"y":1,"y":1}],"alg"`))
	all.add("a header with bad UTF-8", f.saying(`"alg"`, "\"x\":\"\xff\",\"alg\""))
	all.add("a header with half a surrogate pair", f.saying(`"alg"`, `"x":"\ud800","alg"`))
	return all
}

func swapCase(text string) string {
	if lower := strings.ToLower(text); lower != text {
		return lower
	}
	return strings.ToUpper(text)
}

func TestJWT_ForgeriesAreRejected(t *testing.T) {
	t.Parallel()
	// Rejected tokens are counted, and none counts twice.
	const atLeast = 60
	now := &clock{time.Unix(1_800_000_000, 0)}
	for _, a := range algorithms() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			tokens, actor := tokensOf(now, a.ring()), newActor()
			f := newForger(t, a, issue(t, tokens, actor))
			for name, token := range wellFormed(f) {
				if got, err := tokens.Verify(token); err != nil || got != actor {
					t.Errorf("a good token %s: %v, %v", name, got, err)
				}
			}
			named := map[string]string{f.good: "the good one"}
			refuse := func(name, token string, want problem.Code) {
				if other, same := named[token]; same {
					t.Errorf("%s is the same token as %s", name, other)
				}
				named[token] = name
				if got, err := tokens.Verify(token); problem.CodeOf(err) != want || got != (auth.Actor{}) {
					t.Errorf("a token with %s: %v, %v; want %s", name, got, err, want)
				}
			}
			invalid := forgeries{}
			for _, some := range []forgeries{malformed(f), missigned(t, f), misheaded(f), misclaimed(f), mistimed(f)} {
				for name, token := range some {
					invalid.add(name, token)
				}
			}
			for name, token := range invalid {
				refuse(name, token, problem.TokenInvalid)
			}
			expired := outlived(f)
			for name, token := range expired {
				refuse(name, token, problem.TokenExpired)
			}
			if total := len(invalid) + len(expired); total < atLeast || total != len(named)-1 {
				t.Errorf("%d forgeries, %d different tokens; want %d or more", total, len(named)-1, atLeast)
			}
			t.Logf("%d forgeries", len(invalid)+len(expired))
		})
	}
}

// wellFormed are valid tokens, made by hand like the forgeries. They show that a forgery
// is rejected for its one fault only.
func wellFormed(f forger) forgeries {
	now := int64(1_800_000_000)
	return forgeries{
		"itself": f.good, "made by hand": f.signed(nil, nil), "with its audience in a list": f.signed(nil, claims{"aud": []string{"audience"}}),
		"with more in it":       f.signed(claims{"x": 1, "jku": "http://127.0.0.1:1", "x5u": "http://127.0.0.1:1"}, claims{"role": "admin"}),
		"with room in its JSON": f.sealed(b64(" "+strings.ReplaceAll(f.json(f.header), ",", " ,\n")), b64(strings.ReplaceAll(f.json(f.payload), ":1", ": 1")+"\n")),
		"of a clock 5 s ahead":  f.signed(nil, claims{"nbf": now + 5, "iat": now + 5}), "that expired 4 s ago": f.signed(nil, claims{"exp": now - 4}),
		"of the greatest length": f.signed(nil, claims{"x": strings.Repeat("x", (2048-len(f.good))*3/4-10)}),
		"for all our time":       f.signed(nil, claims{"exp": 253_402_300_799}), "with an escape": f.saying(`"alg"`, `"\u0061lg"`),
	}
}

package auth_test

import (
	"encoding/json"
	"fmt"
	"strings"
)

// misclaimed have a valid signature, and claims that the service does not issue.
func misclaimed(f forger) forgeries {
	head := f.head(nil)
	payload := f.json(f.payload)
	all := forgeries{
		"claims of nothing": f.sealed(head, b64("{}")), "claims that are null": f.sealed(head, b64("null")), "no claims at all": f.sealed(head, ""),
		"claims that are a list": f.sealed(head, b64("["+payload+"]")), "claims that are a text": f.sealed(head, b64(`"x"`)),
		"claims cut short": f.sealed(head, b64(strings.TrimSuffix(payload, "}"))), "claims and more": f.sealed(head, b64(payload+"{}")),
		"claims that are no JSON": f.sealed(head, b64("sub=x")), "claims after a byte order mark": f.sealed(head, b64("\ufeff"+payload)),
		"claims with a comma too many": f.sealed(head, b64(strings.TrimSuffix(payload, "}")+",}")),
		"claims that are deep":         f.sealed(head, b64(strings.TrimSuffix(payload, "}")+`,"x":`+strings.Repeat("[", 600)+"}")),
		"claims that are compressed":   f.by(f.sign, claims{"zip": "DEF", "crit": []string{"zip"}}),
		"bad UTF-8 in a claim":         f.saying(`"iss":"issuer"`, "\"iss\":\"issuer\",\"x\":\"\xff\""),
		"half a surrogate pair":        f.saying(`"iss":"issuer"`, `"iss":"issuer","x":"\udc00"`),
		"something twice further in":   f.saying(`"iss":"issuer"`, `"iss":"issuer","x":{"y":1,"y":2}`),
	}
	for _, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid"} {
		member := f.member(name)
		all.add("no "+name, f.signed(nil, claims{name: nil}))
		for what, value := range map[string]string{
			"null": "null", "true": "true", "an object": "{}", "an empty list": "[]", "a list in a list": "[[]]", "an empty text": `""`,
		} {
			all.add(name+" that is "+what, f.saying(member, `"`+name+`":`+value))
		}
		all.add(name+" twice", f.saying(member, member+","+member))
		all.add(name+" twice, the first null", f.saying(member, `"`+name+`":null,`+member))
		all.add(name+" twice, the last null", f.saying(member, member+`,"`+name+`":null`))
		all.add(name+" in capitals", f.saying(`"`+name+`"`, `"`+strings.ToUpper(name)+`"`))
	}
	user, session := f.payload["sub"].(string), f.payload["sid"].(string)
	for name, change := range map[string]claims{
		"another issuer": {"iss": "https://accounts.google.com"}, "an issuer with a slash": {"iss": "issuer/"}, "an issuer with a blank": {"iss": " issuer"},
		"an issuer in capitals": {"iss": "ISSUER"}, "an issuer in a list": {"iss": []string{"issuer"}}, "an issuer and NUL": {"iss": "issuer\x00"}, "an issuer that is a number": {"iss": 1},
		"another audience": {"aud": "another"}, "an audience with a slash": {"aud": "audience/"}, "an audience in capitals": {"aud": "AUDIENCE"}, "an audience that is a number": {"aud": 1},
		"other audiences": {"aud": []string{"one", "another"}}, "the audience and another": {"aud": []string{"audience", "another"}}, "another audience and this": {"aud": []string{"another", "audience"}},
		"the audience twice": {"aud": []string{"audience", "audience"}}, "an audience that is an object": {"aud": claims{"audience": 1}}, "the audience in two lists": {"aud": [][]string{{"audience"}}},
		"no audience in the list": {"aud": []any{nil}}, "two audiences in one text": {"aud": "audience another"},
		"a session that is a number": {"sid": 1}, "a session that is a word": {"sid": "session"}, "a session in capitals": {"sid": capitals(session)}, "the nil session": {"sid": "00000000-0000-0000-0000-000000000000"},
		"a session in braces": {"sid": "{" + session + "}"}, "a session without hyphens": {"sid": strings.ReplaceAll(session, "-", "")}, "a session as a URN": {"sid": "urn:uuid:" + session},
		"a session that is SQL": {"sid": "' OR true --"}, "a session and NUL": {"sid": session + "\x00"}, "a session in a list": {"sid": []string{session}}, "a session cut short": {"sid": session[:35]},
		"a subject that is a number": {"sub": 1}, "a subject that is a word": {"sub": "ann"}, "a subject that is an address": {"sub": "ann@example.com"}, "a subject in capitals": {"sub": capitals(user)},
		"a subject in braces": {"sub": "{" + user + "}"}, "a subject with a blank": {"sub": user + " "}, "a subject in a list": {"sub": []string{user}}, "a subject that is SQL": {"sub": "' OR true --"},
		"a jti that is a number": {"jti": 1},
	} {
		all.add(name, f.signed(nil, change))
	}
	return all
}

// capitals has a letter that is one, whatever the digits.
func capitals(id string) string { return "A" + strings.ToUpper(id[1:]) }

// mistimed have a valid signature, and dates that are not valid.
func mistimed(f forger) forgeries {
	all := forgeries{}
	for _, name := range []string{"exp", "nbf", "iat"} {
		for what, value := range map[string]string{
			"a text": `"1800003600"`, "a float": "1800003600.5", "a float that is whole": "1800003600.0", "a power": "1.8e9", "a text of RFC 3339": `"2027-01-15T08:00:00Z"`,
			"minus one": "-1", "minus much": "-9223372036854775808", "far too much": "1e400", "more than counts": "9223372036854775808", "all that counts": "9223372036854775807",
			"the year 10000": "253402300800", "milliseconds": "1800003600000", "in a list": "[1800003600]", "false": "false", "NaN": "NaN", "with a zero before": "01800003600", "with a plus": "+1800003600", "in hex": "0x6B49D200",
		} {
			all.add(name+" that is "+what, f.saying(f.member(name), `"`+name+`":`+value))
		}
	}
	now := int64(1_800_000_000)
	for name, change := range map[string]claims{
		"an nbf after the leeway": {"nbf": now + 6}, "an iat after the leeway": {"iat": now + 6}, "an nbf in a year": {"nbf": now + 365*86400}, "an iat in a year": {"iat": now + 365*86400},
		"expired, for another audience": {"exp": now - 60, "aud": "another"}, "expired, by another issuer": {"exp": now - 60, "iss": "another"},
		"expired, of no session": {"exp": now - 60, "sid": nil}, "expired, not valid yet": {"exp": now - 60, "nbf": now + 60},
	} {
		all.add(name, f.signed(nil, change))
	}
	_, _, signature := f.parts()
	all.add("expired, with the signature of another", f.head(nil)+"."+f.body(claims{"exp": now - 60})+"."+signature)
	all.add("expired, alg none", f.head(claims{"alg": "none"})+"."+f.body(claims{"exp": now - 60})+".")
	return all
}

// outlived were good, and have expired.
func outlived(f forger) forgeries {
	all := forgeries{}
	for name, exp := range map[string]int64{"just now": 1_800_000_000 - 5, "a minute ago": 1_800_000_000 - 60, "a year ago": 1_768_000_000, "in 1970": 1, "at the beginning": 0} {
		all.add("an expiry "+name, f.saying(f.member("exp"), fmt.Sprintf(`"exp":%d`, exp)))
	}
	all.add("an expiry before it was issued", f.signed(nil, claims{"exp": json.Number("1799999990"), "iat": 1_800_000_000}))
	return all
}

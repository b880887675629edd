package login

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/seal"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// destination is the origin that a browser navigates to when one of our pages redirects
// it to an address, by the URL standard (https://url.spec.whatwg.org). The standard
// parses many addresses that Go rejects.
func destination(address, own string) string {
	address = strings.TrimFunc(address, func(c rune) bool { return c <= ' ' })
	address = strings.NewReplacer("\t", "", "\r", "", "\n", "", `\`, "/").Replace(address)
	ownScheme, _, _ := strings.Cut(own, "//")
	kind := strings.ToLower(scheme.FindString(address))
	rest := address[len(kind):]
	switch {
	case kind != "" && kind != "http:" && kind != "https:":
		return kind
	case !strings.HasPrefix(rest, "//") && (kind == "" || kind == ownScheme):
		return own // a path, a query, a fragment
	case kind == "":
		kind = ownScheme
	}
	authority, _, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	if end := strings.IndexAny(authority, "?#"); end >= 0 {
		authority = authority[:end]
	}
	return kind + "//" + strings.ToLower(authority[strings.LastIndexByte(authority, '@')+1:])
}

// FuzzLogin_ReturnTo passes any address as return_to of a sign-in, and as redirect_uri
// of a code. The browser stays at a trusted origin, also when it is redirected with an
// error.
func FuzzLogin_ReturnTo(f *testing.F) {
	for _, address := range []string{
		"/", "/docs?tab=1#x", "//evil.example", `/\evil.example`, "/%2fevil.example", "/.//evil.example", "/..%2f/evil.example", "\t//evil.example", "https:evil.example", "https:/evil.example", "https:///evil.example",
		"https://app.example.com/a?b#c", "https://app.example.com@evil.example/", `https://evil.example\@app.example.com/`, "https://app.example.com.evil.example/", "https://APP.example.com", "https://app.example.com:443/", "https://app.example.com?x",
		"https://api.example.com/docs", "http://api.example.com/docs", "javascript:alert(1)", "postmessage", "http://127.0.0.1:8080/", "http://[::1]/x", "http://localhost.evil.example/", "http://127.0.0.1@evil.example/", "http://[::1%25x]/", "?x", "", "/\u2028", "http://localhost\\.evil.example",
	} {
		f.Add(address, true)
		f.Add(address, false)
	}
	a := New(Config{Origins: []string{"https://app.example.com", "http://localhost:5173"}})
	loopback := regexp.MustCompile(`^http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]*)?$`)
	f.Fuzz(func(t *testing.T, address string, secure bool) {
		kind := map[bool]string{true: "https", false: "http"}[secure]
		r := (&http.Request{Host: "api.example.com"}).WithContext(middleware.NewContext(t.Context(), &middleware.Info{Connection: middleware.Connection{
			Secure: secure, Public: middleware.PublicURL{Scheme: kind, Host: "api.example.com"},
		}}))
		own := kind + "://api.example.com"
		at := destination(address, own)
		trusted := at == own || slices.Contains(a.Origins, at)
		if a.AcceptsRedirectURI(r, address) && address != postMessage && !trusted && !loopback.MatchString(at) {
			t.Fatalf("codes that came to %q, which is at %s, are exchanged", address, at)
		}
		if !a.mayReturnTo(r, address) {
			return
		}
		told := withError(address, "x")
		parsed, err := url.Parse(told)
		if !trusted || destination(told, own) != at || err != nil || parsed.Query().Get("error") != "x" {
			t.Fatalf("the browser is sent to %q, which is at %s, and then to %q", address, at, told)
		}
		if strings.ContainsFunc(address+told, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			t.Fatalf("the browser is sent to %q, %q", address, told)
		}
	})
}

// FuzzOAuthState_Open opens cookies with a valid seal over any text. A cookie opens
// only if it holds a login of that state that has not expired.
func FuzzOAuthState_Open(f *testing.F) {
	for _, text := range []string{
		`{"state":"s","nonce":"n","verifier":"v","return_to":"/","expires":"2026-11-24T12:00:00Z"}`, `{"state":"s","expires":"2026-11-24T11:59:59Z"}`,
		`{"State":"s","expires":"2027-01-01T00:00:00Z"}`, `{"state":"x","state":"s","expires":"2027-01-01T00:00:00Z"}`, `{"state":null}`, `null`, "",
	} {
		f.Add([]byte(text), "s")
		f.Add([]byte(text), "")
	}
	now := time.Date(2026, time.November, 24, 11, 59, 59, 0, time.UTC)
	cookies := states{key: seal.NewKey([]byte("the secret key of a test, 32 bytes"), "OAuth login state"), now: func() time.Time { return now }}
	f.Fuzz(func(t *testing.T, text []byte, state string) {
		if of, err := cookies.open(string(text), state); err == nil {
			t.Fatalf("%q opens as %+v", text, of) // it was never sealed
		}
		if !jsontext.Value(text).IsValid() {
			return // package seal opens nothing but strict JSON
		}
		of, err := cookies.open(cookies.key.Seal(jsontext.Value(text), ""), state)
		if err != nil {
			return
		}
		value, strict := strictjson.Read(text, 100)
		members, _ := value.(map[string]any)
		said, _ := members["state"].(string)
		if !strict || of.State != state || said != state || !of.Expires.After(now) {
			t.Fatalf("%q opens for %q as %+v", text, state, of)
		}
	})
}

package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

func TestOAuthState_ExpiresAfterTenMinutes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	states := newAttempts([]byte("the secret key of a test, 32 bytes"), func() time.Time { return now })
	of := auth.NewAuthRequest("https://app.example.com/api/v1/auth/google/callback")
	sealed := states.seal(of, "/docs")

	now = now.Add(10*time.Minute - time.Nanosecond)
	got, err := states.open(sealed, of.State)
	if err != nil || got.by(of.RedirectURI) != of || got.ReturnTo != "/docs" {
		t.Errorf("got %+v, %v", got, err)
	}
	now = now.Add(time.Nanosecond)
	if _, err := states.open(sealed, of.State); err == nil {
		t.Error("it is accepted after its expiry")
	}
}

func TestOAuthState_IsUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		a := auth.NewAuthRequest("postmessage")
		for _, secret := range []string{a.State, a.Nonce, a.Verifier} {
			if seen[secret] || len(secret) < 26 {
				t.Fatalf("%+v has a short or repeated secret", a)
			}
			seen[secret] = true
		}
	}
}

// A value that was sealed for one purpose opens for no other.
func TestOAuthState_PageTokenIsRejected(t *testing.T) {
	t.Parallel()
	secret := []byte("the secret key of a test, 32 bytes")
	if bytes.Equal(newPageTokens(secret).key, newAttempts(secret, time.Now).key) {
		t.Error("page tokens and OAuth states share a key")
	}
}

// Every altered byte of a sealed state is detected.
func TestOAuthState_AlteredStateIsRejected(t *testing.T) {
	t.Parallel()
	states := newAttempts([]byte("the secret key of a test, 32 bytes"), time.Now)
	of := auth.NewAuthRequest("postmessage")
	raw, err := base64.RawURLEncoding.DecodeString(states.seal(of, "/docs"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		raw[n] ^= 1
		if _, err := states.open(base64.RawURLEncoding.EncodeToString(raw), of.State); err == nil {
			t.Errorf("an altered byte %d is accepted", n)
		}
		raw[n] ^= 1
	}
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// browserDestination is the origin that a browser opens when a page of the
// server redirects it to an address, by the URL standard
// (https://url.spec.whatwg.org). That standard accepts much that Go rejects.
func browserDestination(address, own string) string {
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

// FuzzLogin_ReturnTo starts logins with any return address and exchanges codes
// of any redirect URI. A browser stays at a trusted origin, also after an
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
	a := &API{Config: Config{Origins: []string{"https://app.example.com", "http://localhost:5173"}}}
	loopback := regexp.MustCompile(`^http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]*)?$`)
	f.Fuzz(func(t *testing.T, address string, secure bool) {
		r := (&http.Request{Host: "api.example.com"}).WithContext(context.WithValue(t.Context(), recordKey{}, &record{arrival: arrival{secure: secure}}))
		own := a.origin(r)
		at := browserDestination(address, own)
		trusted := at == own || slices.Contains(a.Origins, at)
		if a.redirectable(r, address) && address != postMessage && !trusted && !loopback.MatchString(at) {
			t.Fatalf("codes of the redirect URI %q, which is at %s, are exchanged", address, at)
		}
		if !a.returnable(r, address) {
			return
		}
		redirect := withError(address, "x")
		parsed, err := url.Parse(redirect)
		if !trusted || browserDestination(redirect, own) != at || err != nil || parsed.Query().Get("error") != "x" {
			t.Fatalf("the browser is sent to %q, which is at %s, and then to %q", address, at, redirect)
		}
		if strings.ContainsFunc(address+redirect, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
			t.Fatalf("the browser is sent to %q, %q", address, redirect)
		}
	})
}

// FuzzOAuthState opens cookies with a valid MAC over any text. A cookie that
// opens is a login of that state that has not expired.
func FuzzOAuthState(f *testing.F) {
	for _, text := range []string{
		`{"state":"s","nonce":"n","verifier":"v","return_to":"/","expires":"2026-11-24T12:00:00Z"}`, `{"state":"s","expires":"2026-11-24T11:59:59Z"}`,
		`{"State":"s","expires":"2027-01-01T00:00:00Z"}`, `{"state":"x","state":"s","expires":"2027-01-01T00:00:00Z"}`, `{"state":null}`, `null`, "",
	} {
		f.Add([]byte(text), "s")
		f.Add([]byte(text), "")
	}
	now := time.Date(2026, time.November, 24, 11, 59, 59, 0, time.UTC)
	states := newAttempts([]byte("the secret key of a test, 32 bytes"), func() time.Time { return now })
	f.Fuzz(func(t *testing.T, text []byte, state string) {
		if of, err := states.open(string(text), state); err == nil {
			t.Fatalf("%q opens as %+v", text, of) // without the MAC
		}
		of, err := states.open(base64.RawURLEncoding.EncodeToString(append(states.mac(text), text...)), state)
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

package seal

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/page"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

var (
	key      = NewKey([]byte("a-secret-key-for-tests-of-32-bytes-or-more"), "page tokens")
	otherKey = NewKey([]byte("another-key-for-tests-of-32-bytes-or-more"), "page tokens")
)

// open opens a token of a cursor.
func open(k Key, token, scope string) (page.Cursor, error) {
	var c page.Cursor
	err := k.Open(token, scope, &c)
	return c, err
}

// drawCursor draws a cursor such as the rows of a list have.
func drawCursor(t *rapid.T) page.Cursor {
	at := time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "microseconds")).UTC()
	text := rapid.StringN(0, 200, -1).Draw(t, "text")
	return page.Cursor{Time: at, Text: strings.ToValidUTF8(text, "?"), ID: id.New[page.Cursor]()}
}

func TestSeal_OpenReturnsSealedValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cursor, scope := drawCursor(t), rapid.String().Draw(t, "scope")
		got, err := open(key, key.Seal(cursor, scope), scope)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(cursor, got); diff != "" {
			t.Fatalf("cursor (-sealed +opened):\n%s", diff)
		}
	})
}

func TestSeal_OtherScopeOrKeyDoesNotOpen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cursor, scope, other := drawCursor(t), rapid.String().Draw(t, "scope"), rapid.String().Draw(t, "other")
		token := key.Seal(cursor, scope)
		if _, err := open(key, token, other); err == nil && other != scope {
			t.Fatalf("a token of %q opens in %q", scope, other)
		}
		if _, err := open(otherKey, token, scope); err == nil {
			t.Fatal("a token opens under another key")
		}
	})
}

func TestSeal_OtherPurposeDoesNotOpen(t *testing.T) {
	t.Parallel()
	secret := []byte("a-secret-key-for-tests-of-32-bytes-or-more")
	token := key.Seal(page.Cursor{Number: 7}, "")
	if _, err := open(NewKey(secret, "OAuth login state"), token, ""); err == nil {
		t.Error("a page token opens as a login state")
	}
	if c, err := open(NewKey(secret, "page tokens"), token, ""); err != nil || c.Number != 7 {
		t.Errorf("the same secret and purpose: %+v, %v", c, err)
	}
}

func TestSeal_ChangedCharacterDoesNotOpen(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	others := alphabet + "+/= \t\r\n\x00.~\xff"
	cursor := page.Cursor{Time: time.Unix(1, 0).UTC(), Text: "title", ID: id.New[page.Cursor]()}
	token := key.Seal(cursor, "scope")
	opened := map[string]int{}
	try := func(how, changed string) {
		if _, err := open(key, changed, "scope"); err == nil && changed != token {
			opened[how]++
		}
	}
	for i := range len(token) + 1 {
		for _, c := range []byte(others) {
			try(fmt.Sprintf("with %q added", c), token[:i]+string([]byte{c})+token[i:])
			if i < len(token) {
				try(fmt.Sprintf("with %q instead", c), token[:i]+string([]byte{c})+token[i+1:])
			}
		}
		if i < len(token) {
			try("with one character less", token[:i]+token[i+1:])
		}
	}
	for how, times := range opened {
		t.Errorf("a token %s opens at %d positions", how, times)
	}
}

// FuzzSeal_Token opens any text as a token: it opens only if it is exactly what was
// sealed.
func FuzzSeal_Token(f *testing.F) {
	token := key.Seal(page.Cursor{Time: time.Unix(1, 0).UTC(), Text: "title"}, "scope")
	for _, seed := range []string{"", "A", token, token + "\n", token[:9] + "\r" + token[9:], token + "=", token[1:], strings.Repeat("A", 43), strings.Repeat("A", 200)} {
		f.Add(seed, "scope")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, token, scope string) {
		opened, err := open(key, token, scope)
		if err == nil && key.Seal(opened, scope) != token {
			t.Fatalf("%q opens in %q, but was not sealed", token, scope)
		}
	})
}

// FuzzSeal_Text opens tokens with a valid MAC over any text, as an older or newer
// release may have written it. A value that opens can be sealed again and keeps
// its meaning.
func FuzzSeal_Text(f *testing.F) {
	for _, text := range []string{
		`{"time":"2026-11-22T17:12:10.123456Z","text":"title","number":7,"id":"AQIDBAUGBwgJCgsMDQ4PEA=="}`,
		`{"time":"0000-01-01T00:00:00+23:59","number":-1}`, `{"time":"9999-12-31T23:59:59.999999999-23:59","text":"\u0000\ud835\udc9c"}`, `{}`, `null`, `{"text":null,"Text":1}`, "",
	} {
		f.Add([]byte(text), "scope")
	}
	f.Fuzz(func(t *testing.T, text []byte, scope string) {
		token := base64.RawURLEncoding.EncodeToString(append(key.mac(text, scope), text...))
		opened, err := open(key, token, scope)
		value, strict := strictjson.Read(text, 100)
		if err != nil {
			return
		}
		members, _ := value.(map[string]any)
		if said, _ := members["text"].(string); !strict || said != opened.Text {
			t.Fatalf("%q is strict JSON: %t; it opens as %+v", text, strict, opened)
		}
		again, err := open(key, key.Seal(opened, scope), scope)
		if err != nil || !again.Time.Equal(opened.Time) || again.Text != opened.Text || again.Number != opened.Number || again.ID != opened.ID {
			t.Fatalf("%q opens as %+v, and then as %+v, %v", text, opened, again, err)
		}
	})
}

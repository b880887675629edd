package httpapi

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

var testTokens = newPageTokens([]byte("a-secret-key-for-tests-of-32-bytes-or-more"))

// drawCursor draws a cursor as rows of a list produce it.
func drawCursor(t *rapid.T) requirements.Cursor {
	at := time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "microseconds")).UTC()
	text := rapid.StringN(0, 200, -1).Draw(t, "text")
	return requirements.Cursor{Time: at, Text: strings.ToValidUTF8(text, "?"), ID: id.New[requirements.Project]()}
}

func TestPageToken_RoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cursor, scope := drawCursor(t), rapid.String().Draw(t, "scope")
		got, err := testTokens.open(testTokens.seal(cursor, scope), scope)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(cursor, got); diff != "" {
			t.Fatalf("cursor (-sealed +opened):\n%s", diff)
		}
	})
}

func TestPageToken_IsBoundToScopeAndKey(t *testing.T) {
	t.Parallel()
	stranger := newPageTokens([]byte("another-key-for-tests-of-32-bytes-or-more"))
	rapid.Check(t, func(t *rapid.T) {
		cursor, scope, other := drawCursor(t), rapid.String().Draw(t, "scope"), rapid.String().Draw(t, "other")
		token := testTokens.seal(cursor, scope)
		if _, err := testTokens.open(token, other); err == nil && other != scope {
			t.Fatalf("a token of %q opens in %q", scope, other)
		}
		if _, err := stranger.open(token, scope); err == nil {
			t.Fatal("a token opens under another key")
		}
	})
}

func TestPageToken_AnyChangedCharacterIsRejected(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	others := alphabet + "+/= \t\r\n\x00.~\xff"
	cursor := requirements.Cursor{Time: time.Unix(1, 0).UTC(), Text: "title", ID: id.New[requirements.Project]()}
	token := testTokens.seal(cursor, "scope")
	opened := map[string]int{}
	try := func(how, changed string) {
		if _, err := testTokens.open(changed, "scope"); err == nil && changed != token {
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
		t.Errorf("a token %s opens at %d places", how, times)
	}
}

func TestPageToken_ScopeHasEveryListParameter(t *testing.T) {
	t.Parallel()
	ann, bob := auth.Actor{User: id.New[auth.User]()}, auth.Actor{User: id.New[auth.User]()}
	seen := map[string]string{}
	for user, actor := range map[string]auth.Actor{"ann": ann, "bob": bob} {
		for _, list := range []string{"projects", "specifications"} {
			for _, column := range []requirements.Column{requirements.ByCreatedAt, requirements.ByUpdatedAt, requirements.ByTitle} {
				for _, flags := range []struct{ descending, trashed bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
					q := requirements.ListQuery{Order: requirements.Order{Column: column, Descending: flags.descending}, Trashed: flags.trashed}
					scope := pageScope(actor, list, q)
					name := user + " " + list + " " + string(column)
					if other, ok := seen[scope]; ok {
						t.Errorf("%s and %s have the scope %s", name, other, scope)
					}
					seen[scope] = name
				}
			}
		}
	}
}

func FuzzPageToken_Open(f *testing.F) {
	cursor := requirements.Cursor{Time: time.Unix(1, 0).UTC(), Text: "title"}
	token := testTokens.seal(cursor, "scope")
	for _, seed := range []string{"", "A", token, token + "\n", token[:9] + "\r" + token[9:], token + "=", token[1:], strings.Repeat("A", 22), strings.Repeat("A", 200)} {
		f.Add(seed, "scope")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, token, scope string) {
		opened, err := testTokens.open(token, scope)
		if err == nil && testTokens.seal(opened, scope) != token {
			t.Fatalf("%q opens in %q, but is not what was sealed", token, scope)
		}
	})
}

// FuzzPageToken_Cursor opens tokens with a valid MAC over any text, as another
// release may have written them. A cursor that opens can be sealed again and
// keeps its meaning.
func FuzzPageToken_Cursor(f *testing.F) {
	for _, cursor := range []string{
		`{"Time":"2026-11-22T17:12:10.123456Z","Text":"title","Number":7,"ID":"AQIDBAUGBwgJCgsMDQ4PEA=="}`,
		`{"Time":"0000-01-01T00:00:00+23:59","Number":-1}`, `{"Time":"9999-12-31T23:59:59.999999999-23:59","Text":"\u0000\ud835\udc9c"}`, `{}`, `null`, `{"Text":null,"text":1}`, "",
	} {
		f.Add([]byte(cursor), "scope")
	}
	f.Fuzz(func(t *testing.T, cursor []byte, scope string) {
		token := base64.RawURLEncoding.EncodeToString(append(testTokens.mac(cursor, scope), cursor...))
		opened, err := testTokens.open(token, scope)
		meant, strict := strictjson.Read(cursor, maxDepth)
		if err != nil {
			return
		}
		members, _ := meant.(map[string]any)
		if text, _ := members["Text"].(string); !strict || text != opened.Text {
			t.Fatalf("%q is strict JSON: %t; it is %+v", cursor, strict, opened)
		}
		again, err := testTokens.open(testTokens.seal(opened, scope), scope)
		if err != nil || !again.Time.Equal(opened.Time) || again.Text != opened.Text || again.Number != opened.Number || again.ID != opened.ID {
			t.Fatalf("%q is %+v, and then %+v, %v", cursor, opened, again, err)
		}
	})
}

package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestEncode_EscapesStringsLikeTheProduct(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	all.WriteString("für „alle“ \U0001f680 \u2028 \x7f")
	for c := range byte(' ') {
		all.WriteRune(rune(c))
	}
	for text, want := range map[string]string{
		``:          `""`,
		`plain`:     `"plain"`,
		`"\/`:       `"\"\\/"`,
		"<a>&\n\t":  `"\u003ca\u003e\u0026\n\t"`,
		"\x01é\x1f": `"\u0001é\u001f"`,
	} {
		if got := string(appendString(nil, text)); got != want {
			t.Errorf("appendString(%q) = %s, want %s", text, got, want)
		}
	}
	var back string
	if err := json.Unmarshal(appendString(nil, all.String()), &back); err != nil || back != all.String() {
		t.Errorf("what was written is read as %q, %v", back, err)
	}
}

func TestToken_RejectsBrokenTokens(t *testing.T) {
	t.Parallel()
	var known tokens
	for _, bad := range []string{"", "Bearer ", "Bearer a", "Bearer a.b", "Bearer a.b.c", "Basic x", "Bearer " + strings.Repeat(".", 9)} {
		if actor, err := known.verify(bad); err == nil {
			t.Errorf("verify(%q) = %v", bad, actor)
		}
	}
}

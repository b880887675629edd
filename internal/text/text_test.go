package text

import (
	"testing"
	"unicode"
)

func TestText_VisibleCharacters(t *testing.T) {
	t.Parallel()
	for _, c := range "aÄ漢ア1!-_¬🧾€\u0301\u0600\u06dd\ue000\uffff\U0003ffff" {
		if !Visible(c) {
			t.Errorf("%U is invisible", c)
		}
	}
	for _, c := range "\x00\t\n \u007f\u0085\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u180e\u200b\u200d\u200f\u2028\u202e\u2060\u2066\u2800\u3000\u3164\ufe0f\ufeff\uffa0\ufff9\U000e0001\U000e0041\U000e0100" {
		if Visible(c) {
			t.Errorf("%U is visible", c)
		}
	}
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if Visible(c) && (unicode.IsSpace(c) || unicode.IsControl(c)) {
			t.Errorf("%U is visible", c)
		}
	}
}

func TestText_LinesEndAsUnicodeSays(t *testing.T) {
	t.Parallel()
	ends := 0
	for c := rune(0); c <= unicode.MaxRune; c++ {
		if !BreaksLine(c) {
			continue
		}
		ends++
		if AllowedInLine(c) || !unicode.IsSpace(c) {
			t.Errorf("%U may be within a line, or is not white space", c)
		}
	}
	if ends != 7 {
		t.Errorf("%d characters end a line, want 7 (Unicode Standard, section 5.8)", ends)
	}
}

func TestText_HasVisible(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": false, " \u200b\ufeff": false, "\u200b.": true, "x": true} {
		if HasVisible(s) != want {
			t.Errorf("%q has a visible character: %t", s, !want)
		}
	}
}

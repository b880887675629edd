// Package text classifies the characters of texts that people read: titles, names and
// the lines of contents. It knows no field and no rule of a field.
package text

import (
	"strings"
	"unicode"
)

// brailleBlank is a symbol to Unicode, but a Braille cell without dots.
const brailleBlank = '\u2800'

// Visible reports whether a character shows something by itself. White space, control
// and format characters do not, and neither do those that Unicode calls ignorable by
// default, such as U+3164 and variation selectors. A character that this release of
// Unicode does not know counts as visible.
func Visible(c rune) bool {
	switch {
	case unicode.IsSpace(c), unicode.IsControl(c), c == brailleBlank:
		return false
	case unicode.Is(unicode.Cf, c): // the exceptions are signs that enclose the digits behind them
		return unicode.Is(unicode.Prepended_Concatenation_Mark, c)
	default:
		return !unicode.In(c, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
	}
}

// HasVisible reports whether a text shows anything.
func HasVisible(s string) bool { return strings.ContainsFunc(s, Visible) }

// BreaksLine reports whether a line ends at a character.
func BreaksLine(c rune) bool {
	switch c {
	case '\n', '\v', '\f', '\r', '\u0085', '\u2028', '\u2029':
		return true
	default:
		return false
	}
}

// AllowedInLine reports whether a text of one line may contain a character: neither a
// control character nor a line or paragraph separator.
func AllowedInLine(c rune) bool { return !unicode.IsControl(c) && !BreaksLine(c) }

package search

import (
	"unicode"
	"unicode/utf8"
)

// span is the part of a text from one byte to before another.
type span struct{ start, end int }

// find returns the first occurrence of a term at or after a byte of a text.
func (t Term) find(text string, from int) (span, bool) {
	first, _ := utf8.DecodeRuneInString(t.Text)
	for at := from; at < len(text); {
		c, size := utf8.DecodeRuneInString(text[at:])
		if Fold(c) == first {
			if end, found := t.endAt(text, at); found {
				return span{at, end}, true
			}
		}
		at += size
	}
	return span{}, false
}

// endAt returns the end of the term where it begins at a byte of a text. A space stands
// for one or more characters of white space.
func (t Term) endAt(text string, at int) (end int, found bool) {
	for _, want := range t.Text {
		c, size := utf8.DecodeRuneInString(text[at:])
		switch {
		case size == 0:
			return 0, false
		case want == ' ':
			if !unicode.IsSpace(c) {
				return 0, false
			}
			for size > 0 && unicode.IsSpace(c) {
				at += size
				c, size = utf8.DecodeRuneInString(text[at:])
			}
			continue
		case Fold(c) != want:
			return 0, false
		}
		at += size
	}
	return at, true
}

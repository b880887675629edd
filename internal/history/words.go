package history

import (
	"iter"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/clipperhouse/uax29/v2/words"

	"github.com/codegenapp/codegenapp/internal/text"
)

// wordsOf returns the words of a text, one after the other: words, runs of blanks and
// punctuation by UAX #29. A word never ends inside a grapheme cluster; the rules for
// words alone would cut some, such as Thai and Khmer syllables.
func wordsOf(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		word, cluster := words.FromString(s), graphemes.FromString(s)
		start := 0
		for word.Next() {
			for cluster.End() < word.End() && cluster.Next() {
			}
			if cluster.End() != word.End() {
				continue
			}
			if !yield(s[start:word.End()]) {
				return
			}
			start = word.End()
		}
		if start < len(s) {
			yield(s[start:])
		}
	}
}

// vocabulary numbers the different parts of two texts, so that parts are compared as
// integers. They are runes because the diff library takes those.
type vocabulary struct {
	numbers map[string]rune
	parts   []string
}

func newVocabulary() *vocabulary { return &vocabulary{numbers: make(map[string]rune)} }

// number returns the numbers of the parts of a text.
func (v *vocabulary) number(parts iter.Seq[string]) []rune {
	var numbers []rune
	for part := range parts {
		n, known := v.numbers[part]
		if !known {
			n = rune(len(v.parts)) //nolint:gosec // a text has fewer than 2³¹ bytes
			v.numbers[part] = n
			v.parts = append(v.parts, part)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// isBlank reports whether all parts are white space within a line.
func (v *vocabulary) isBlank(numbers []rune) bool {
	for _, n := range numbers {
		if strings.ContainsFunc(v.parts[n], func(c rune) bool { return !unicode.IsSpace(c) || text.BreaksLine(c) }) {
			return false
		}
	}
	return true
}

// endsLine reports whether a part ends with a line feed.
func (v *vocabulary) endsLine(n rune) bool { return strings.HasSuffix(v.parts[n], "\n") }

// text returns the parts as one text.
func (v *vocabulary) text(numbers []rune) string {
	var b strings.Builder
	for _, n := range numbers {
		b.WriteString(v.parts[n])
	}
	return b.String()
}

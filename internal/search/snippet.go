package search

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

const (
	// MaxSnippet is the maximum length of a snippet in code points.
	MaxSnippet = 200
	// before is how much of a snippet precedes the first match, in code points.
	before = 50
	// maxRestart is how far from a match the search for a certain boundary goes, in bytes.
	maxRestart = 2000
)

// Segment is a part of a snippet.
type Segment struct {
	Text string
	// Match is true for a part that a term of the query found.
	Match bool
}

// Snippet returns the part of a text around the first occurrence of the longest term that
// occurs in it, or its beginning. The segments together are a part of the text, at most
// MaxSnippet long. They begin and end between grapheme clusters, so a match may include
// the marks of its last letter. Only a cluster longer than a snippet is cut.
func (q Query) Snippet(text string) []Segment {
	clusters := q.window(text)
	if len(clusters) == 0 {
		return nil
	}
	part := span{clusters[0].start, clusters[len(clusters)-1].end}
	matches := q.matchesIn(text, part)
	var segments []Segment
	for _, c := range clusters {
		match := slices.ContainsFunc(matches, func(m span) bool { return m.start < c.end && c.start < m.end })
		if last := len(segments) - 1; last >= 0 && segments[last].Match == match {
			segments[last].Text += text[c.start:c.end]
		} else {
			segments = append(segments, Segment{Text: text[c.start:c.end], Match: match})
		}
	}
	return segments
}

// window returns the grapheme clusters of the snippet.
func (q Query) window(text string) []span {
	anchor := q.anchor(text)
	start := anchor
	for range before {
		_, size := utf8.DecodeLastRuneInString(text[:start])
		start -= size
	}
	start = wordAfter(text, start, anchor)
	restart := boundaryBefore(text, start)
	// Further than a snippet can reach, so that the last clusters are complete.
	limit := min(len(text), anchor+(MaxSnippet+maxRestart)*utf8.UTFMax)
	for limit < len(text) && !utf8.RuneStart(text[limit]) {
		limit++
	}
	var clusters []span
	length := 0
	segmented := graphemes.FromString(text[restart:limit])
	for segmented.Next() {
		c := span{restart + segmented.Start(), restart + segmented.End()}
		if c.start < start && c.end <= anchor {
			continue
		}
		n := utf8.RuneCountInString(text[c.start:c.end])
		if n > MaxSnippet && len(clusters) == 0 {
			return []span{{c.start, c.start + len(firstRunes(text[c.start:c.end], MaxSnippet))}}
		}
		if length += n; length > MaxSnippet {
			break
		}
		clusters = append(clusters, c)
	}
	return clusters
}

// wordAfter returns where the first word after a space begins in a part of a text. If the
// part begins with a word, or has no other one, it returns its beginning.
func wordAfter(text string, start, end int) int {
	if last, _ := utf8.DecodeLastRuneInString(text[:start]); start == 0 || unicode.IsSpace(last) {
		return start
	}
	space := strings.IndexFunc(text[start:end], unicode.IsSpace)
	if space < 0 {
		return start
	}
	words := strings.TrimLeftFunc(text[start+space:end], unicode.IsSpace)
	if words == "" {
		return start
	}
	return end - len(words)
}

// anchor returns the first occurrence of the longest term that occurs, or else the
// beginning of the text.
func (q Query) anchor(text string) int {
	longest := slices.SortedStableFunc(slices.Values(q.Terms), func(a, b Term) int { return cmp.Compare(len(b.Text), len(a.Text)) })
	for _, t := range longest {
		if found, ok := t.find(text, 0); ok {
			return found.start
		}
	}
	return 0
}

// matchesIn returns where the terms of the query occur in a part of a text.
func (q Query) matchesIn(text string, part span) []span {
	var found []span
	for _, t := range q.Terms {
		for at := part.start; ; {
			m, ok := t.find(text[:part.end], at)
			if !ok {
				break
			}
			found = append(found, m)
			at = m.end
		}
	}
	return found
}

// boundaryBefore returns a boundary of grapheme clusters at or before a byte. If there is
// none that two characters alone show within maxRestart, it returns the beginning of a
// character.
func boundaryBefore(text string, at int) int {
	for p := at; p > 0 && at-p < maxRestart; {
		b, size := utf8.DecodeLastRuneInString(text[:p])
		if a, _ := utf8.DecodeRuneInString(text[p:]); standsAlone(b) && standsAlone(a) && (b != '\r' || a != '\n') {
			return p
		}
		p -= size
		if p == 0 {
			return 0
		}
	}
	return at
}

// standsAlone reports whether a character never joins another that does so, too, in one
// grapheme cluster, but for CR and LF.
func standsAlone(c rune) bool {
	return c < utf8.RuneSelf || unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Latin, unicode.Cyrillic, unicode.Greek) && unicode.IsLetter(c)
}

// firstRunes returns the first n code points of a text.
func firstRunes(text string, n int) string {
	return text[:len(text)-len(strings.TrimLeftFunc(text, func(rune) bool { n--; return n >= 0 }))]
}

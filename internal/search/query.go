// Package search holds the language of searches: what a query asks for, how words are
// compared, and which part of a text is shown as a snippet.
//
// It depends on neither HTTP nor SQL. Package postgres translates the terms of a query.
package search

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxLength is the maximum length of a query in code points.
	MaxLength = 200
	// MaxTerms is how many different terms of a query count. PostgreSQL caches 32 compiled
	// expressions per connection, and a term may need two.
	MaxTerms = 15
)

// Query is a parsed query: terms that must occur in a text, and terms that must not. The
// zero Query finds nothing.
type Query struct{ Terms, Without []Term } //nolint:recvcheck // add builds a query

// Term is a word or a phrase of a query.
type Term struct {
	// Text has each character folded, and one space for each run of white space.
	Text string
	// Prefix is true for the last word of a query, which may still be incomplete. It
	// counts as a whole word where a word begins with it.
	Prefix bool
}

// Parse parses a query. Words are separated by white space. A hyphen in front excludes a
// word or phrase, double quotes enclose a phrase. There are no other operators and no
// invalid queries: a quote or hyphen in another place is a character of a word.
//
// A query without a term that must occur finds nothing. The same holds for a term with
// NUL, which no text contains.
func Parse(text string) Query {
	var q Query
	for rest := fold(text); ; {
		if rest = strings.TrimLeft(rest, " "); rest == "" {
			break
		}
		var term Term
		var without bool
		term, without, rest = next(rest)
		if term.Text != "" {
			q.add(term, without)
		}
	}
	contains := func(t Term) bool { return strings.ContainsRune(t.Text, 0) }
	if slices.ContainsFunc(q.Terms, contains) || len(q.Terms) == 0 {
		return Query{}
	}
	q.Without = slices.DeleteFunc(q.Without, contains)
	return q
}

// Empty reports whether the query finds nothing, whatever the texts.
func (q Query) Empty() bool { return len(q.Terms) == 0 }

// next cuts the first term off a text that begins with one. The term is empty where there
// is nothing between two quotes.
func next(text string) (term Term, without bool, rest string) {
	if after, found := strings.CutPrefix(text, "-"); found && after != "" && after[0] != ' ' {
		text, without = after, true
	}
	if after, found := strings.CutPrefix(text, `"`); found {
		if phrase, rest, closed := strings.Cut(after, `"`); closed {
			return Term{Text: strings.Trim(phrase, " ")}, without, rest
		}
	}
	word, rest, _ := strings.Cut(text, " ")
	return Term{Text: word, Prefix: rest == "" && !without}, without, rest
}

// add adds a term, unless it is there already or there are MaxTerms.
func (q *Query) add(term Term, without bool) {
	to := &q.Terms
	if without {
		to = &q.Without
	}
	known := slices.IndexFunc(*to, func(t Term) bool { return t.Text == term.Text })
	switch {
	case known >= 0:
		(*to)[known].Prefix = term.Prefix
	case len(q.Terms)+len(q.Without) < MaxTerms:
		*to = append(*to, term)
	}
}

// fold returns a text with each character folded and each run of white space as one space.
func fold(text string) string {
	var b strings.Builder
	space := false
	for _, c := range strings.ToValidUTF8(text, string(utf8.RuneError)) {
		if unicode.IsSpace(c) {
			if !space {
				b.WriteByte(' ')
			}
			space = true
			continue
		}
		b.WriteRune(Fold(c))
		space = false
	}
	return b.String()
}

// Fold returns the character that stands for a letter in both cases. Folding is Unicode's
// simple folding. ASCII letters fold only to ASCII letters, so that PostgreSQL can fold
// them in every locale: k is not the Kelvin sign.
func Fold(c rune) rune {
	if c < utf8.RuneSelf {
		if 'A' <= c && c <= 'Z' {
			return c + ('a' - 'A')
		}
		return c
	}
	smallest := c
	for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
		if other >= utf8.RuneSelf {
			smallest = min(smallest, other)
		}
	}
	return smallest
}

// Cases returns all characters that fold to the same as c, or only c.
func Cases(c rune) []rune {
	all := []rune{c}
	for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
		if (other < utf8.RuneSelf) == (c < utf8.RuneSelf) {
			all = append(all, other)
		}
	}
	return all
}

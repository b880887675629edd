package requirements

import (
	"cmp"
	"iter"
	"regexp"
	"strings"
	"unicode"

	"github.com/codegenapp/codegenapp/internal/text"
)

const (
	byteOrderMark    = "\ufeff"
	frontMatterFence = "---"
)

var (
	// marker is Markdown for a heading or an entry of a list. Without the blank behind
	// it, the characters belong to the text: -1, --dry-run, *args.
	marker = regexp.MustCompile(`^(?:#{1,6}|[-*]|[0-9]{1,9}\.)(?:\s|\p{Z})+`)
	// markup is a line that is only markup: a rule, an empty heading.
	markup = regexp.MustCompile(`^[-#*\s\p{Z}]*$`)
)

// titleOf returns the default title of a specification: the first line of its content
// with text, without Markdown's marker. Front matter does not count, unless there is
// nothing else. The title is empty only if nothing in the content is visible.
func titleOf(content string) string {
	content = strings.TrimPrefix(content, byteOrderMark)
	for _, part := range []string{withoutFrontMatter(content), content} {
		for line := range visibleLines(part) {
			if markup.MatchString(line) {
				continue
			}
			if title := titleLine(marker.ReplaceAllString(line, "")); title != "" {
				return title
			}
		}
	}
	for line := range visibleLines(content) { // only markup
		return cmp.Or(titleLine(marker.ReplaceAllString(line, "")), titleLine(line))
	}
	return ""
}

// withoutFrontMatter returns the content behind its front matter: the lines between two
// lines of three hyphens, at the beginning.
func withoutFrontMatter(content string) string {
	fences, rest := 0, content
	for line := range strings.Lines(content) {
		rest = rest[len(line):]
		isFence := strings.TrimRightFunc(line, unicode.IsSpace) == frontMatterFence
		switch {
		case isFence && fences == 1:
			return rest
		case isFence:
			fences++
		case fences == 0:
			return content
		}
	}
	return content
}

// visibleLines returns the lines of the content with a visible character. They begin
// with it.
func visibleLines(content string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.FieldsFuncSeq(content, text.BreaksLine) {
			line = strings.TrimLeftFunc(line, func(c rune) bool { return !text.Visible(c) })
			if line != "" && !yield(line) {
				return
			}
		}
	}
}

// titleLine returns a line as a title: without surrounding white space, control
// characters as spaces, cut to the maximum length.
func titleLine(line string) string {
	line = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, line)
	line = strings.TrimLeftFunc(line, func(c rune) bool { return !text.Visible(c) })
	return strings.TrimSpace(firstRunes(line, maxTitle))
}

func firstRunes(s string, n int) string {
	for at := range s {
		if n == 0 {
			return s[:at]
		}
		n--
	}
	return s
}

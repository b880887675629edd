package history

import (
	"fmt"
	"regexp"
	"strings"
)

// escaped returns a text that Markdown shows as it is, within a line. It escapes what
// Markdown reads as more than text: CommonMark, and tables, struck text and addresses of
// GitHub's dialect.
func escaped(s string) string { return escapes.Replace(s) }

var escapes = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", `*`, `\*`, `_`, `\_`, `[`, `\[`, `]`, `\]`, `<`, `\<`, `&`, `\&`, `~`, `\~`, `|`, `\|`,
	`://`, `\://`, `www.`, `www\.`,
)

var (
	// marker matches what begins a block at the start of a line.
	marker = regexp.MustCompile(`^(?:[-+=#>:]|[0-9]{1,9}([.)]))`)
	// indentation matches the blanks that Markdown drops at the start of a line.
	indentation = regexp.MustCompile(`^[ \t]+`)
)

// escapedAt is escaped for a text that may begin a line: blanks there become no-break
// spaces, which Markdown shows.
func escapedAt(s string, lineStart bool) string {
	if !lineStart {
		return escaped(s)
	}
	blanks := indentation.FindString(s)
	s = escaped(s[len(blanks):])
	if found := marker.FindString(s); found != "" {
		last := len(found) - 1
		s = s[:last] + `\` + s[last:]
	}
	return noBreak.Replace(blanks) + s
}

var noBreak = strings.NewReplacer(" ", "\u00a0", "\t", "\u00a0\u00a0\u00a0\u00a0")

// signs makes characters visible.
func signs(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch c {
		case ' ':
			b.WriteString("␣")
		case '\t':
			b.WriteString("⇥")
		case '\n':
			b.WriteString("↵")
		case '\r':
			b.WriteString("␍")
		default:
			fmt.Fprintf(&b, "%U ", c)
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

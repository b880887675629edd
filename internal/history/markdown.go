package history

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// itemMark begins an item of a list, itemIndent its other lines. They are as wide as a tab,
// so that tabs in the text of an item keep their width.
const (
	itemMark   = "-   "
	itemIndent = "    "
)

// Markdown returns a specification for reading: its number and title as a heading, its
// content, and its items as a list with the number of each, such as 3.2. Title, content
// and items are Markdown as their authors wrote it. A specification that does not exist
// is empty.
//
// The list has the numbers by which items are cited, and no second count: it would differ
// from them, and an inserted item would change the lines of all items behind it.
func Markdown(list requirements.ItemList) string {
	var b strings.Builder
	if list.Specification.Number == 0 {
		return ""
	}
	b.WriteString(heading(list.Specification.Number, list.Specification.Title) + "\n\n" + list.Specification.Content + "\n")
	if len(list.Items) > 0 {
		// The heading keeps the list apart from one at the end of the content.
		b.WriteString("\n## Items\n\n")
	}
	for _, item := range list.Items {
		fmt.Fprintf(&b, itemMark+"**%s**", ref(list.Specification.Number, item.Number))
		if beginsBlock.MatchString(item.Content) {
			b.WriteString("\n\n" + itemIndent)
		} else {
			b.WriteString(" ")
		}
		b.WriteString(indented(item.Content, itemIndent) + "\n")
	}
	return b.String()
}

// heading has the number alone if there is no title.
func heading(number int, title string) string {
	return strings.TrimRight(fmt.Sprintf("# %d %s", number, title), " ")
}

// beginsBlock matches a text that needs its first line for itself: a blank line, indented
// or fenced code, a heading, a list, a quotation, a table, HTML or a rule.
var beginsBlock = regexp.MustCompile("^[ \t]*(?:[\r\n]|$)|^(?: {4}| {0,3}\t)|" +
	"^ {0,3}(?:```|~~~|[>|<]|(?:#{1,6}|[-+*]|[0-9]{1,9}[.)])(?:[ \t\r\n]|$)|[-_*=](?:[ \t]*[-_*=]){2})")

// indented puts the indentation before all lines but the first and empty ones. A line ends
// as CommonMark says: with a line feed, a carriage return, or both.
func indented(text, indentation string) string {
	var b strings.Builder
	for n, line := range linesOf(text) {
		if n > 0 && strings.Trim(line, "\r\n") != "" {
			b.WriteString(indentation)
		}
		b.WriteString(line)
	}
	return b.String()
}

// linesOf returns the lines of a text with their ends.
func linesOf(text string) []string {
	var lines []string
	for text != "" {
		end := strings.IndexAny(text, "\r\n") + 1
		switch {
		case end == 0:
			end = len(text)
		case strings.HasPrefix(text[end-1:], "\r\n"):
			end++
		}
		lines = append(lines, text[:end])
		text = text[end:]
	}
	return lines
}

package history

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/text"
)

// MarkdownDiff compares two states of one specification for reading. Deletions are in
// <del>, insertions in <ins>: HTML is part of Markdown in all its forms, and unlike
// asterisks and tildes these marks work beside any character. The texts are escaped, so
// that a reader sees the characters that changed and not what Markdown makes of them.
func MarkdownDiff(from, to requirements.ItemList) string {
	d := DiffSpecifications(from, to)
	var b strings.Builder
	fmt.Fprintf(&b, "%s, v%d to v%d\n", heading(to.Specification.Number, escaped(to.Specification.Title)),
		from.Specification.Version, to.Specification.Version)
	if d.IsEmpty() {
		b.WriteString(sameTexts)
	}
	d.writeSections(&b, "##")
	return b.String()
}

// sameTexts is a diff without differences, below its heading.
const sameTexts = "\nThe texts are the same.\n"

// writeSections writes what differs, below headings of a level.
func (d SpecificationDiff) writeSections(b *strings.Builder, level string) {
	writeExcerpt(b, level+" Title", d.Title)
	writeExcerpt(b, level+" Content", d.Content)
	if len(d.Items) > 0 {
		b.WriteString("\n" + level + " Items\n\n")
	}
	for _, item := range d.Items {
		fmt.Fprintf(b, itemMark+"**%s** %s: %s\n", item.Ref, item.summary(), indented(excerpt(item.Segments), itemIndent))
	}
}

// writeExcerpt writes the difference of a text, unless it is the same.
func writeExcerpt(b *strings.Builder, heading string, segments []Segment) {
	if segments != nil {
		b.WriteString("\n" + heading + "\n\n" + excerpt(segments) + "\n")
	}
}

// summary says in words what became of the item. Places count from 1.
func (d ItemDiff) summary() string {
	switch {
	case d.FromOrder == nil:
		return fmt.Sprintf("%s at place %d", d.Change, *d.ToOrder+1)
	case d.ToOrder == nil:
		return fmt.Sprintf("%s from place %d", d.Change, *d.FromOrder+1)
	case *d.FromOrder != *d.ToOrder:
		return fmt.Sprintf("%s, place %d to %d", d.Change, *d.FromOrder+1, *d.ToOrder+1)
	default:
		return string(d.Change)
	}
}

// omission stands for lines that an excerpt leaves out.
const omission = "…"

// markedLine is a line of two texts at once, as Markdown.
type markedLine struct {
	text    []byte
	changed bool
}

// excerpt returns the changed lines of a text with a line around them, as Markdown
// paragraphs. Of an unchanged text it is the first line.
func excerpt(segments []Segment) string {
	lines := markLines(segments)
	shown := make([]bool, len(lines))
	for n := range lines {
		if lines[n].changed {
			for near := max(0, n-1); near <= min(n+1, len(lines)-1); near++ {
				shown[near] = true
			}
		}
	}
	if !slices.Contains(shown, true) {
		shown[0] = true
	}
	var kept []markedLine
	for n, line := range lines {
		switch {
		case shown[n]:
			kept = append(kept, line)
		case n == 0 || shown[n-1]:
			kept = append(kept, markedLine{text: []byte(omission)})
		}
	}
	return paragraphs(kept)
}

// paragraphs joins lines by hard line breaks, and makes paragraphs where a line is empty.
func paragraphs(lines []markedLine) string {
	var b strings.Builder
	for n, line := range lines {
		switch {
		case n == 0:
		case len(line.text) == 0 || len(lines[n-1].text) == 0:
			b.WriteString("\n")
		default:
			b.WriteString("\\\n")
		}
		before, found := bytes.CutSuffix(line.text, []byte(`\\`))
		b.Write(before)
		if found {
			b.WriteString("&#92;") // some readers take a third backslash for another one
		}
	}
	return strings.Trim(b.String(), "\n")
}

// markLines splits segments into lines and marks what was deleted and inserted.
func markLines(segments []Segment) []markedLine {
	lines := []markedLine{{}}
	for _, segment := range segments {
		visible := segment.Op == OpEqual || text.HasVisible(segment.Text)
		for _, piece := range linesOf(segment.Text) {
			line := &lines[len(lines)-1]
			line.add(segment.Op, piece, visible)
			if strings.ContainsAny(piece, "\r\n") {
				lines = append(lines, markedLine{})
			}
		}
	}
	if last := len(lines) - 1; last > 0 && len(lines[last].text) == 0 && !lines[last].changed {
		lines = lines[:last] // the text ends with a line break
	}
	return lines
}

// add appends the part of a segment that is on this line. If nothing of a change is
// visible, it is shown by signs.
func (l *markedLine) add(op Op, piece string, visible bool) {
	shown := escapedAt(strings.TrimRight(piece, "\r\n"), len(l.text) == 0)
	if !visible {
		shown = signs(piece)
	}
	l.changed = l.changed || op != OpEqual
	switch {
	case shown == "":
	case op == OpDelete:
		shown = "<del>" + shown + "</del>"
	case op == OpInsert:
		shown = "<ins>" + shown + "</ins>"
	}
	l.text = append(l.text, shown...)
}

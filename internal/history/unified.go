package history

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// contextLines is how many unchanged lines surround a change in a unified diff.
const contextLines = 3

// maxDiffLines is the largest number of lines of both texts that unified diffs compare.
const maxDiffLines = 100_000

// UnifiedDiff compares two states of one specification, as [Markdown] shows them, in the
// unified format. It is empty if they are the same. The file is named after the number of
// the specification, with the version where other programs have the time, so patch and
// git apply find it: "--- 3.md\tv7". A state that does not exist is /dev/null. More than
// maxDiffLines are InvalidParameter.
func UnifiedDiff(from, to requirements.ItemList) (string, error) {
	return unifiedDiff(fileName(from), fileName(to), Markdown(from), Markdown(to))
}

func unifiedDiff(fromName, toName, from, to string) (string, error) {
	if strings.Count(from, "\n")+strings.Count(to, "\n") > maxDiffLines {
		return "", problem.New(problem.InvalidParameter, "The two states have more than %d lines, too many for a unified diff. Compare them as application/json.", maxDiffLines)
	}
	v := newVocabulary()
	d := comparison{words: v, from: v.number(strings.Lines(from)), to: v.number(strings.Lines(to))}
	d.runs = align(d.from, d.to, len(v.parts))
	return udiff.UnifiedDiff{From: fromName, To: toName, Hunks: d.hunks()}.String(), nil
}

func fileName(list requirements.ItemList) string {
	if list.Specification.Number == 0 {
		return "/dev/null"
	}
	return fmt.Sprintf("%d.md\tv%d", list.Specification.Number, list.Specification.Version)
}

// hunks returns the changes with the lines around them. Changes that share such lines are
// one hunk. The library could find the hunks as well, but in quadratic time.
func (d *comparison) hunks() []*udiff.Hunk {
	var hunks []*udiff.Hunk
	end := 0 // of the last change, in from
	for between, same := range d.gaps() {
		if between.from == same.from && between.to == same.to {
			continue // the texts begin or end with the same lines
		}
		context := d.from[end:between.from]
		if len(hunks) == 0 || len(context) > 2*contextLines {
			if len(hunks) > 0 {
				d.add(hunks[len(hunks)-1], udiff.Equal, context[:contextLines])
			}
			context = context[max(0, len(context)-contextLines):]
			hunks = append(hunks, &udiff.Hunk{FromLine: between.from - len(context) + 1, ToLine: between.to - len(context) + 1})
		}
		hunk := hunks[len(hunks)-1]
		d.add(hunk, udiff.Equal, context)
		d.add(hunk, udiff.Delete, d.from[between.from:same.from])
		d.add(hunk, udiff.Insert, d.to[between.to:same.to])
		end = same.from
	}
	if len(hunks) > 0 {
		d.add(hunks[len(hunks)-1], udiff.Equal, d.from[end:min(end+contextLines, len(d.from))])
	}
	return hunks
}

func (d *comparison) add(hunk *udiff.Hunk, kind udiff.OpKind, lines []rune) {
	for _, n := range lines {
		hunk.Lines = append(hunk.Lines, udiff.Line{Kind: kind, Content: d.words.parts[n]})
	}
}

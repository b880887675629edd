package history

import (
	"iter"
	"slices"
)

// Op says what became of a part of a text.
type Op string

// The operations that lead from one text to another.
const (
	OpEqual  Op = "equal"
	OpDelete Op = "delete"
	OpInsert Op = "insert"
)

// Segment is a part of two texts that is in both, in the first only, or in the second
// only.
type Segment struct {
	Op   Op
	Text string
}

// Segments returns the differences between two texts by words.
//
//   - The segments that are equal or deleted are the first text, those that are equal or
//     inserted the second.
//   - Neighbours have different operations. A deletion comes before the insertion that
//     replaces it.
//   - Words are those of UAX #29, and no segment ends inside a grapheme cluster.
//   - Blanks between replaced words of a line are part of the replacement.
//   - Two equal texts are one segment; two empty ones are nil.
//
// The time is linear in the length of the texts but for a factor. Repetitive texts with
// many edits may therefore share more than is shown as equal.
func Segments(from, to string) []Segment {
	if from == to {
		return appendSegment(nil, OpEqual, from)
	}
	v := newVocabulary()
	d := comparison{words: v, from: v.number(wordsOf(from)), to: v.number(wordsOf(to))}
	d.runs = align(d.from, d.to, len(v.parts))
	d.joinReplacedWords()
	d.shiftToLines()

	var segments []Segment
	for between, same := range d.gaps() {
		segments = appendSegment(segments, OpDelete, v.text(d.from[between.from:same.from]))
		segments = appendSegment(segments, OpInsert, v.text(d.to[between.to:same.to]))
		segments = appendSegment(segments, OpEqual, v.text(d.from[same.from:same.fromEnd()]))
	}
	return segments
}

func appendSegment(segments []Segment, op Op, text string) []Segment {
	if text == "" {
		return segments
	}
	return append(segments, Segment{op, text})
}

// comparison is two texts as numbers of words, with the runs that they have in common.
type comparison struct {
	words    *vocabulary
	from, to []rune
	runs     []run
}

// gaps returns each run with the place where the one before it ends. What lies between
// differs. The last run is empty, at the end of both texts.
func (d *comparison) gaps() iter.Seq2[run, run] {
	return func(yield func(run, run) bool) {
		var end run
		for _, same := range append(slices.Clone(d.runs), run{from: len(d.from), to: len(d.to)}) {
			if !yield(end, same) {
				return
			}
			end = run{from: same.fromEnd(), to: same.toEnd()}
		}
	}
}

// joinReplacedWords removes runs of blanks between two changes of a line, so that replaced
// words become one replacement. Between two insertions or two deletions the blanks stay:
// they were not replaced.
func (d *comparison) joinReplacedWords() {
	var kept []run
	var end run // of the run that was kept last
	for n, same := range d.runs {
		next := run{from: len(d.from), to: len(d.to)}
		if n+1 < len(d.runs) {
			next = d.runs[n+1]
		}
		deletedBefore, insertedBefore := same.from > end.from, same.to > end.to
		deletedAfter, insertedAfter := next.from > same.fromEnd(), next.to > same.toEnd()
		between := (deletedBefore || insertedBefore) && (deletedAfter || insertedAfter)
		replaced := (deletedBefore || deletedAfter) && (insertedBefore || insertedAfter)
		if between && replaced && d.words.isBlank(d.from[same.from:same.fromEnd()]) {
			continue
		}
		kept = append(kept, same)
		end = run{from: same.fromEnd(), to: same.toEnd()}
	}
	d.runs = kept
}

// shiftToLines moves an insertion or a deletion so that it begins with a line, where the
// words permit it: an inserted line of a list is then "- b\n" and not "b\n- ".
func (d *comparison) shiftToLines() {
	d.runs = append(d.runs, run{from: len(d.from), to: len(d.to)})
	var start run // of the texts; from here on the run before
	before := &start
	for n := range d.runs {
		same := &d.runs[n]
		deletes, inserts := before.fromEnd() < same.from, before.toEnd() < same.to
		if deletes && !inserts {
			d.shiftToLine(d.from, before.fromEnd(), same.from, before, same)
		}
		if inserts && !deletes {
			d.shiftToLine(d.to, before.toEnd(), same.to, before, same)
		}
		before = same
	}
}

// shiftToLine moves the change words[start:end] between two runs to the nearest place
// where it begins with a line, or else with a line break.
func (d *comparison) shiftToLine(words []rune, start, end int, before, after *run) {
	back, forth := before.length, after.length
	if before.from > 0 || before.to > 0 {
		back-- // what is left keeps this change apart from the one before
	}
	if after.fromEnd() < len(d.from) || after.toEnd() < len(d.to) {
		forth--
	}
	// Each word that the change passes at one end is the word that it gains at the other.
	lowest, highest, length := start, start, end-start
	for start-lowest < back && words[lowest-1] == words[lowest-1+length] {
		lowest--
	}
	for highest-start < forth && words[highest] == words[highest+length] {
		highest++
	}
	if at, found := d.lineNear(words, lowest, start, highest); found {
		before.length += at - start
		after.from, after.to, after.length = after.from+at-start, after.to+at-start, after.length-at+start
	}
}

// lineNear returns the place from lowest to highest that is nearest to start and at the
// beginning of a line, or else at the end of one. Places before start come first.
func (d *comparison) lineNear(words []rune, lowest, start, highest int) (int, bool) {
	begins := func(at int) bool { return at == 0 || d.words.endsLine(words[at-1]) }
	ends := func(at int) bool { return d.words.endsLine(words[at]) }
	for _, is := range []func(int) bool{begins, ends} {
		for at := start; at >= lowest; at-- {
			if is(at) {
				return at, true
			}
		}
		for at := start + 1; at <= highest; at++ {
			if is(at) {
				return at, true
			}
		}
	}
	return 0, false
}

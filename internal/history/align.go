package history

import (
	"slices"
	"sort"

	"github.com/aymanbagabas/go-udiff/lcs"
)

// run is a part of two sequences that is the same in both: the numbers from[r.from:] and
// to[r.to:], as many as length.
type run struct{ from, to, length int }

func (r run) fromEnd() int { return r.from + r.length }
func (r run) toEnd() int   { return r.to + r.length }

// maxAlignDepth bounds the recursion of align, and so its time: each level reads both
// sequences a constant number of times.
const maxAlignDepth = 32

// align returns what two sequences of numbers have in common, in order. Neighbours are
// joined, so between two runs at least one of the sequences has something else. The
// numbers are below vocabulary.
//
// Numbers that occur exactly once in both are the anchors, and what lies between two of
// them is aligned by itself. Only where there is no anchor, the library looks for a
// longest common subsequence; it gives up after 100 differences. So the time is linear but
// for a factor, whatever the sequences hold.
func align(from, to []rune, vocabulary int) []run {
	a := &alignment{from: from, to: to, seen: make([]sighting, vocabulary)}
	a.between(run{}, run{len(from), len(to), 0}, 0)
	return a.runs
}

type alignment struct {
	from, to []rune
	runs     []run
	// seen has an entry for each number. Those of an earlier round are void.
	seen  []sighting
	round int
}

// sighting is where a number occurred in a round, and how often.
type sighting struct{ round, from, to, fromCount, toCount int }

// between aligns what lies between the end of one run and the beginning of another.
func (a *alignment) between(before, after run, depth int) {
	start := run{from: before.fromEnd(), to: before.toEnd()}
	end := run{from: after.from, to: after.to}
	for start.fromEnd() < end.from && start.toEnd() < end.to && a.from[start.fromEnd()] == a.to[start.toEnd()] {
		start.length++
	}
	for start.fromEnd() < end.from && start.toEnd() < end.to && a.from[end.from-1] == a.to[end.to-1] {
		end.from, end.to, end.length = end.from-1, end.to-1, end.length+1
	}
	a.add(start)
	a.inner(start, end, depth)
	a.add(end)
}

// inner aligns what lies between two runs and shares neither its first nor its last
// number.
func (a *alignment) inner(start, end run, depth int) {
	if start.fromEnd() == end.from || start.toEnd() == end.to {
		return
	}
	anchors, shared := a.anchors(start, end)
	switch {
	case !shared:
	case len(anchors) > 0 && depth < maxAlignDepth:
		before := start
		for _, anchor := range anchors {
			a.between(before, anchor, depth+1)
			a.add(anchor)
			before = anchor
		}
		a.between(before, end, depth+1)
	default:
		a.search(start, end)
	}
}

// anchors returns the largest set of numbers that occur once on each side, in the same
// order on both. It also reports whether the sides share any number.
func (a *alignment) anchors(start, end run) (anchors []run, shared bool) {
	a.round++
	for at := start.fromEnd(); at < end.from; at++ {
		s := &a.seen[a.from[at]]
		if s.round != a.round {
			*s = sighting{round: a.round}
		}
		s.from = at
		s.fromCount++
	}
	for at := start.toEnd(); at < end.to; at++ {
		if s := &a.seen[a.to[at]]; s.round == a.round {
			shared = true
			s.to = at
			s.toCount++
		}
	}
	var unique []run
	var places []int
	for at := start.fromEnd(); at < end.from; at++ {
		if s := a.seen[a.from[at]]; s.fromCount == 1 && s.toCount == 1 {
			unique = append(unique, run{s.from, s.to, 1})
			places = append(places, s.to)
		}
	}
	for _, n := range longestIncreasing(places) {
		anchors = append(anchors, unique[n])
	}
	return anchors, shared
}

// search lets the library align what lies between two runs.
func (a *alignment) search(start, end run) {
	same := run{from: start.fromEnd(), to: start.toEnd()}
	for _, d := range lcs.DiffRunes(a.from[start.fromEnd():end.from], a.to[start.toEnd():end.to]) {
		same.length = start.fromEnd() + d.Start - same.from
		a.add(same)
		same = run{from: start.fromEnd() + d.End, to: start.toEnd() + d.ReplEnd}
	}
	same.length = end.from - same.from
	a.add(same)
}

// add appends a run, or makes the last one longer.
func (a *alignment) add(r run) {
	if r.length == 0 {
		return
	}
	if n := len(a.runs) - 1; n >= 0 && a.runs[n].fromEnd() == r.from && a.runs[n].toEnd() == r.to {
		a.runs[n].length += r.length
		return
	}
	a.runs = append(a.runs, r)
}

// longestIncreasing returns the indexes of a longest increasing subsequence of different
// values, in O(n log n).
func longestIncreasing(values []int) []int {
	var (
		tops     []int                      // by length, the index of the smallest value that ends such a subsequence
		previous = make([]int, len(values)) // of each index, the one before it in its subsequence
	)
	for n, value := range values {
		length := sort.Search(len(tops), func(i int) bool { return values[tops[i]] >= value })
		if length == len(tops) {
			tops = append(tops, n)
		} else {
			tops[length] = n
		}
		previous[n] = -1
		if length > 0 {
			previous[n] = tops[length-1]
		}
	}
	if len(tops) == 0 {
		return nil
	}
	chain := make([]int, 0, len(tops))
	for n := tops[len(tops)-1]; n >= 0; n = previous[n] {
		chain = append(chain, n)
	}
	slices.Reverse(chain)
	return chain
}

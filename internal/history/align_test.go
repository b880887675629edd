package history

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAlign_RunsAreCommonAndInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		// Few numbers leave no anchors, many leave little else.
		vocabulary := rapid.SampledFrom([]int{1, 2, 5, 40, 1000}).Draw(t, "vocabulary")
		numbers := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rune {
			return rune(rapid.IntRange(0, vocabulary-1).Draw(t, "number"))
		}), 0, 300)
		from, to := numbers.Draw(t, "from"), numbers.Draw(t, "to")
		var end run
		for _, same := range align(from, to, vocabulary) {
			switch {
			case same.length <= 0 || same.from < end.from || same.to < end.to:
				t.Fatalf("%v comes after the end %v", same, end)
			case end != run{} && same.from == end.from && same.to == end.to:
				t.Fatalf("%v continues the run before", same)
			case !slices.Equal(from[same.from:same.fromEnd()], to[same.to:same.toEnd()]):
				t.Fatalf("%v is not the same in both", same)
			}
			end = run{from: same.fromEnd(), to: same.toEnd()}
		}
		if end.from > len(from) || end.to > len(to) {
			t.Fatalf("the last run ends behind the sequences: %v", end)
		}
	})
}

// lengthOfLCS is the textbook's quadratic algorithm.
func lengthOfLCS(a, b []rune) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for n, y := range b {
			above := row[n+1]
			if x == y {
				row[n+1] = diagonal + 1
			} else {
				row[n+1] = max(above, row[n])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// The common part is a longest one where a few places differ, which is what edits are.
func TestAlign_FindsWhatEditsLeave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 299), func(n int) rune { return rune(n) }), 50, 400).Draw(t, "from")
		to := slices.Clone(from)
		edits := rapid.IntRange(0, 4).Draw(t, "edits")
		for n := range edits {
			at := rapid.IntRange(0, len(to)-1).Draw(t, "at")
			to = slices.Replace(to, at, at+1, rune(300+2*n), rune(301+2*n))
		}
		common := 0
		for _, same := range align(from, to, 400) {
			common += same.length
		}
		if want := lengthOfLCS(from, to); common < want {
			t.Fatalf("%d numbers are common after %d edits, and %d could be", common, edits, want)
		}
	})
}

// hardTexts returns pairs of texts of 100,000 code points on which algorithms for
// differences take quadratic time, or recurse deeply.
func hardTexts() map[string][2]string {
	r := rand.New(rand.NewPCG(1, 2))
	repeated := func(part string) string { return strings.Repeat(part, 100_000/len([]rune(part))) }
	random := func(different, count int, format string) string {
		var b strings.Builder
		for range count {
			fmt.Fprintf(&b, format, 0x4e00+r.IntN(different))
		}
		return b.String()
	}
	ordered := func(up bool) string {
		var b strings.Builder
		for n := range 16_000 {
			if !up {
				n = 16_000 - n
			}
			fmt.Fprintf(&b, "%05d ", n)
		}
		return b.String()
	}
	// Each anchor of these leaves a gap with a single new anchor.
	nested := func(from, to rune) string {
		var b strings.Builder
		for c := from; c < to; c++ {
			b.WriteString(string(c) + string(c-1))
		}
		return b.String()
	}
	return map[string][2]string{
		"nothing in common":    {repeated("a "), repeated("b\n")},
		"characters":           {repeated("中"), repeated("文")},
		"alternating":          {repeated("a b "), repeated("a c ")},
		"shifted":              {repeated("a b "), repeated("b a ")},
		"another period":       {repeated("a."), repeated("a.a.b.")},
		"one in the middle":    {repeated("."), repeated(".")[:50_000] + "x" + repeated(".")[:49_000]},
		"reversed":             {ordered(true), ordered(false)},
		"two random words":     {random(2, 16_000, "%d "), random(2, 16_000, "%d ")},
		"random words":         {random(10_000, 16_000, "%d "), random(10_000, 16_000, "%d ")},
		"random characters":    {random(3_000, 100_000, "%c"), random(3_000, 100_000, "%c")},
		"many more characters": {random(20_000, 100_000, "%c"), random(20_000, 100_000, "%c")},
		"nested":               {nested(0x4e00, 0x9e00), "x" + nested(0x4e00, 0x9d00) + "y"},
		"marks":                {repeated("a\u0301"), repeated("a:\u0301\u0301")},
		"lines":                {repeated("a\n"), repeated("a\n\n")},
	}
}

func TestSegments_TakeBoundedTime(t *testing.T) {
	t.Parallel()
	for name, c := range hardTexts() {
		start := time.Now()
		segments := Segments(c[0], c[1])
		// Each takes about 20 ms on an idle core; quadratic time would be minutes.
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %v", name, took)
		}
		if fault := faultOf(c[0], c[1], segments); fault != "" {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

func BenchmarkSegments_LongTexts(b *testing.B) {
	for name, c := range hardTexts() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Segments(c[0], c[1])
			}
		})
	}
}

// longestIncreasing of few values is compared with all subsequences.
func TestLongestIncreasing_IsLongest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.Permutation([]int{1, 2, 3, 4, 5, 6, 7, 8, 9}).Draw(t, "values")[:rapid.IntRange(0, 9).Draw(t, "length")]
		longest := 0
		for subset := range 1 << len(values) {
			last, length := 0, 0
			for n, value := range values {
				if subset>>n&1 == 0 {
					continue
				}
				if value < last {
					length = -len(values)
				}
				last, length = value, length+1
			}
			longest = max(longest, length)
		}
		got := longestIncreasing(values)
		if len(got) != longest || !slices.IsSorted(got) ||
			!slices.IsSortedFunc(got, func(a, b int) int { return values[a] - values[b] }) {
			t.Fatalf("longest of %v: %v, want %d", values, got, longest)
		}
	})
	if diff := cmp.Diff([]int{0, 2, 3}, longestIncreasing([]int{1, 9, 2, 3})); diff != "" {
		t.Error(diff)
	}
}

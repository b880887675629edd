package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// marked returns a snippet with its matches in brackets.
func marked(segments []Segment) string {
	var b strings.Builder
	for _, s := range segments {
		if s.Match {
			b.WriteString("[" + s.Text + "]")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

func TestSnippet_MarksMatches(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ query, text, want string }{
		"words in any case":          {"REFUND money", "A refund is Money.", "A [refund] is [Money]."},
		"part of a word":             {"antrag", "Kundenantrag", "Kunden[antrag]"},
		"phrase over a line break":   {`"within a day"`, "paid within\n  a day.", "paid [within\n  a day]."},
		"overlapping words":          {"abc bcd", "xabcdx", "x[abcd]x"},
		"Chinese":                    {"退款", "客户退款申请", "客户[退款]申请"},
		"Thai":                       {"เงิน", "คืนเงินลูกค้า", "คืน[เงิน]ลูกค้า"},
		"Arabic":                     {"المال", "يسترد المال خلال يوم", "يسترد [المال] خلال يوم"},
		"emoji within a sequence":    {"👩", "ask 👩‍💻 now", "ask [👩‍💻] now"},
		"letter with a mark":         {"cafe", "cafe\u0301s", "[cafe\u0301]s"},
		"no match in this text":      {"elsewhere", "beginning", "beginning"},
		"no text":                    {"x", "", ""},
		"HTML is text":               {"b", "<b>&amp;", "<[b]>&amp;"},
		"excluded words do not show": {"a -b", "a", "[a]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := Parse(tc.query)
			if diff := cmp.Diff(tc.want, marked(q.Snippet(tc.text))); diff != "" {
				t.Errorf("snippet (-want +got):\n%s", diff)
			}
			checkSnippet(t, q, tc.text)
		})
	}
}

func TestSnippet_ShowsLongestWordOfLongText(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("a text without end ", 5000) + "zebra" + strings.Repeat(" and more", 1000)
	got := marked(Parse("a zebra").Snippet(text))
	if !strings.Contains(got, "[zebra]") || utf8.RuneCountInString(got) < MaxSnippet-10 {
		t.Errorf("snippet: %q", got)
	}
}

func TestSnippet_BeginsWithAWholeWord(t *testing.T) {
	t.Parallel()
	text := "After five failed attempts within a minute, the account is locked for an hour."
	if got, want := marked(Parse("locked").Snippet(text)), "failed attempts within a minute, the account is [locked] for an hour."; got != want {
		t.Errorf("snippet: %q; want %q", got, want)
	}
	unspaced := strings.Repeat("客户", 60) + "退款"
	if got := marked(Parse("退款").Snippet(unspaced)); utf8.RuneCountInString(got) != 50+len("[]")+2 {
		t.Errorf("snippet without spaces: %q", got)
	}
}

// A cluster that is longer than a snippet is cut. Nothing else is.
func TestSnippet_CutsOnlyEndlessCluster(t *testing.T) {
	t.Parallel()
	text := "e" + strings.Repeat("\u0301", 10_000)
	got := Parse("e").Snippet(text)
	if len(got) != 1 || !got[0].Match || utf8.RuneCountInString(got[0].Text) != MaxSnippet {
		t.Errorf("%d segments", len(got))
	}
}

// segmentsFailer is a test, a fuzz test or a property.
type segmentsFailer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// checkSnippet fails the test unless the snippet is a part of the text, bounded, in
// alternating segments.
func checkSnippet(t segmentsFailer, q Query, text string) (start, end int) {
	t.Helper()
	segments := q.Snippet(text)
	var whole strings.Builder
	for n, s := range segments {
		if s.Text == "" || n > 0 && s.Match == segments[n-1].Match {
			t.Fatalf("segment %d of %v", n, segments)
		}
		whole.WriteString(s.Text)
	}
	start = strings.Index(text, whole.String())
	if start < 0 || (whole.String() == "") != (text == "") {
		t.Fatalf("%q is no part of %q", whole.String(), text)
	}
	if n := utf8.RuneCountInString(whole.String()); n > MaxSnippet {
		t.Fatalf("%d code points", n)
	}
	return start, start + len(whole.String())
}

func TestSnippet_IsCutBetweenGraphemes(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{
		"a", "Zebra", " ", "\n", "\r\n", "e\u0301", "👩‍💻", "🇩🇪", "🇫🇷", "한국", "각", "ก", "ำ", "क्षि", "退款", "مال", "1️⃣", "👍🏽", ".", "ü",
	})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 900).Draw(t, "pieces"), "")
		q := Parse(rapid.SampledFrom([]string{"zebra", "款", "e", "👩", "nothing", "zebra 款"}).Draw(t, "query"))
		checkSnippet(t, q, text)
		var whole strings.Builder
		for _, s := range q.Snippet(text) {
			whole.WriteString(s.Text)
		}
		boundaries := map[int]bool{0: true, len(text): true}
		all := graphemes.FromString(text)
		for all.Next() {
			boundaries[all.Start()] = true
		}
		for at := 0; ; at++ { // the snippet may occur several times
			next := strings.Index(text[at:], whole.String())
			if next < 0 {
				t.Fatalf("%q is cut within a grapheme cluster of %q", whole.String(), text)
			}
			if at += next; boundaries[at] && boundaries[at+len(whole.String())] {
				return
			}
		}
	})
}

// A boundary that two characters show is a boundary of the whole text.
func TestBoundaryBefore_IsGraphemeBoundary(t *testing.T) {
	t.Parallel()
	alone := []rune{'\r', '\n', ' ', 'a', '#', '1', '\x00', '\x7f', 'ü', 'Я', 'Ω', '漢', 'ひ', 'ª'}
	for _, a := range alone {
		for _, b := range alone {
			if !standsAlone(a) || !standsAlone(b) || a == '\r' && b == '\n' {
				continue
			}
			first := graphemes.FromString(string([]rune{a, b}))
			if first.Next(); first.Value() != string(a) {
				t.Errorf("%U and %U are one cluster", a, b)
			}
		}
	}
}

package history

import (
	"slices"
	"strings"
	"testing"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// clusters are characters of several code points, each one grapheme cluster.
var clusters = []string{
	"\r\n",
	"e\u0301",         // a letter with an accent
	"a\u0308\u0323",   // two marks
	"👩\u200d👩\u200d👧", // a family, joined by ZWJ
	"👍🏽",              // a skin tone
	"🇩🇪",              // a flag: two regional indicators
	"1\ufe0f\u20e3",   // a keycap
	"กำ",              // Thai, which the rules for words alone would cut
	"ក្ក",             // Khmer, a subscript consonant: the same
	"क्षि",            // Devanagari, a conjunct with a vowel sign
	"각",               // Hangul, three letters of one syllable
	"\u0600١",         // Arabic, a sign that encloses the digits behind it
}

// fragments are what random texts are made of.
var fragments = append([]string{
	" ", "  ", "\t", "\u00a0", "\n", "\r", "\n\n", "- ", ". ", ", ", "'", `"`, "*", "`", "_", "[x](y)", "<b>", "&amp;", "~~",
	"the", "user", "can't", "3.5", "x_1", "用户", "必须", "登录", "パスワード", "でなければ", "رسالة", "النظام", "שלום",
	"\u200b", "\u0301", "\u200d", "\U0001f1e6",
}, clusters...)

// texts generates texts that have much in common with each other.
func texts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments), 0, 30).Draw(t, "fragments"), "")
	})
}

func TestWords_FollowUAX29(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                          nil,
		"It can't cost 3.50, or so": {"It", " ", "can't", " ", "cost", " ", "3.50", ",", " ", "or", " ", "so"},
		"a  b\r\n\n":                {"a", "  ", "b", "\r\n", "\n"},
		"用户登录。":                     {"用", "户", "登", "录", "。"},
		"カタカナと漢字":                   {"カタカナ", "と", "漢", "字"},
		"🇩🇪🇫🇷👩\u200d👩\u200d👧": {"🇩🇪", "🇫🇷", "👩\u200d👩\u200d👧"},
		"กำกำ": {"กำ", "กำ"},
	} {
		if diff := cmp.Diff(want, slices.Collect(wordsOf(text))); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", text, diff)
		}
	}
}

func TestWords_KeepGraphemeClusters(t *testing.T) {
	t.Parallel()
	for _, cluster := range clusters {
		for _, text := range []string{cluster, "a" + cluster + "b", cluster + cluster, "用" + cluster + " "} {
			var word string
			for word = range wordsOf(text) {
				if strings.Contains(word, cluster) {
					break
				}
			}
			if !strings.Contains(word, cluster) {
				t.Errorf("%+q is cut in %+q: %+q", cluster, text, slices.Collect(wordsOf(text)))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := texts().Draw(t, "text")
		ends := clusterEnds(text)
		at := 0
		for word := range wordsOf(text) {
			at += len(word)
			if text[at-len(word):at] != word || !ends[at] {
				t.Fatalf("%+q is not a word of %+q", word, text)
			}
		}
		if at != len(text) {
			t.Fatalf("the words of %+q end at %d of %d", text, at, len(text))
		}
	})
}

// clusterEnds returns the places in a text where a grapheme cluster ends.
func clusterEnds(text string) map[int]bool {
	ends := map[int]bool{0: true}
	for cluster := graphemes.FromString(text); cluster.Next(); {
		ends[cluster.End()] = true
	}
	return ends
}

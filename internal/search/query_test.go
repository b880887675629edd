package search

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func words(prefix bool, texts ...string) []Term {
	var terms []Term
	for n, text := range texts {
		terms = append(terms, Term{Text: text, Prefix: prefix && n == len(texts)-1})
	}
	return terms
}

func TestParse_Terms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Query{
		"refund":                  {Terms: words(true, "refund")},
		"  Refund\t\nMONEY ":      {Terms: words(true, "refund", "money")},
		"Übung ΣΊΣΥΦΟΣ":           {Terms: words(true, fold("übung"), fold("σίσυφος"))},
		`"Within  a day" soon`:    {Terms: words(true, "within a day", "soon")},
		`soon "within a day"`:     {Terms: words(false, "soon", "within a day")},
		`a"b c"`:                  {Terms: words(true, `a"b`, `c"`)},
		`"open`:                   {Terms: words(true, `"open`)},
		`"a b"c`:                  {Terms: words(true, "a b", "c")},
		`"" x "  "`:               {Terms: words(false, "x")},
		"paid -late":              {Terms: words(false, "paid"), Without: words(false, "late")},
		`paid -"too late" -x`:     {Terms: words(false, "paid"), Without: words(false, "too late", "x")},
		"front-end - -":           {Terms: words(true, "front-end", "-")},
		"-without":                {},
		"":                        {},
		" \t ":                    {},
		`""`:                      {},
		"nul\x00":                 {},
		"x -nul\x00":              {Terms: words(false, "x"), Without: []Term{}},
		"%_\\ :* ' OR 1=1;":       {Terms: words(true, `%_\`, ":*", "'", "or", "1=1;")},
		"退款 申请":                   {Terms: words(true, "退款", "申请")},
		"退款\u3000申请":              {Terms: words(true, "退款", "申请")},
		"bad\xffbytes":            {Terms: words(true, "bad\ufffdbytes")},
		"twice Twice -not -NOT x": {Terms: words(true, "twice", "x"), Without: words(false, "not")},
	} {
		if diff := cmp.Diff(want, Parse(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestParse_AtMostMaxTermsCount(t *testing.T) {
	t.Parallel()
	q := Parse("a b c d e f g h i j k l m -n -o p -q")
	if len(q.Terms)+len(q.Without) != MaxTerms || len(q.Without) != 2 {
		t.Errorf("%d terms, %d excluded", len(q.Terms), len(q.Without))
	}
}

// A folded character is the same whatever case it is folded from, and stays in or out of
// ASCII.
func TestFold_JoinsCases(t *testing.T) {
	t.Parallel()
	for c := rune(0); c <= utf8.MaxRune; c++ {
		folded := Fold(c)
		if (folded < utf8.RuneSelf) != (c < utf8.RuneSelf) {
			t.Fatalf("%U folds to %U", c, folded)
		}
		for _, other := range Cases(c) {
			if Fold(other) != folded {
				t.Fatalf("%U folds to %U, but %U to %U", c, folded, other, Fold(other))
			}
		}
	}
	for a, b := range map[rune]rune{'Ü': 'ü', 'Σ': 'ς', 'Д': 'д', 'ß': 'ẞ', 'Z': 'z', 'Ա': 'ա'} {
		if Fold(a) != Fold(b) {
			t.Errorf("%c and %c fold apart", a, b)
		}
	}
}

// A term is found wherever the text has it in any case, and nowhere else.
func TestFind_IsSubstringOfFoldedText(t *testing.T) {
	t.Parallel()
	letters := rapid.StringOfN(rapid.RuneFrom([]rune("aAbBüÜßẞςΣ退漢 \t\u3000👩\u200d💻\u0301")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		text, query := letters.Draw(t, "text"), letters.Draw(t, "query")
		for _, term := range Parse(query).Terms {
			_, found := term.find(text, 0)
			if want := strings.Contains(fold(text), term.Text); found != want {
				t.Fatalf("%q in %q: %t, want %t", term.Text, text, found, want)
			}
		}
	})
}

func FuzzParse_NeverFails(f *testing.F) {
	for _, text := range []string{"refund", `"a b" -c`, "-", `-"`, "\x00", "\xff\"", "退款", "a\u3000b", "%_\\"} {
		f.Add(text, text+" "+text)
	}
	f.Fuzz(func(t *testing.T, text, content string) {
		q := Parse(text)
		if len(q.Terms)+len(q.Without) > MaxTerms {
			t.Fatalf("%d terms", len(q.Terms)+len(q.Without))
		}
		for _, terms := range [][]Term{q.Terms, q.Without} {
			for _, term := range terms {
				if term.Text == "" || fold(term.Text) != term.Text || strings.TrimSpace(term.Text) != term.Text || strings.ContainsRune(term.Text, 0) {
					t.Fatalf("the term %q of %q", term.Text, text)
				}
			}
		}
		checkSnippet(t, q, content)
	})
}

package requirements

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// wide is a character of four bytes in UTF-8.
const wide = "𝒜"

func codesOf(faults []problem.FieldError) []string {
	codes := []string{}
	for _, f := range faults {
		codes = append(codes, f.Code)
	}
	slices.Sort(codes)
	return codes
}

func TestText(t *testing.T) {
	t.Parallel()
	line := text{min: 1, max: 10, trimmed: true, oneLine: true}
	optionalLine := text{max: 10, trimmed: true, oneLine: true}
	lines := text{max: 10}
	neededLines := text{min: 1, max: 10}
	for name, tc := range map[string]struct {
		rule  text
		given string
		kept  string
		codes []string
	}{
		"a word":                                {line, "word", "word", nil},
		"a line with blanks around":             {line, "\t a b \r\n", "a b", nil},
		"blanks of Unicode around":              {line, "\u2003\u00a0\u0085a\u3000\u2028", "a", nil},
		"a line of the greatest length":         {line, strings.Repeat(wide, 10), strings.Repeat(wide, 10), nil},
		"the greatest length and blanks around": {line, "  " + strings.Repeat("x", 10) + "  ", strings.Repeat("x", 10), nil},
		"one character too many":                {line, strings.Repeat(wide, 11), strings.Repeat(wide, 11), []string{"too_long"}},
		"nothing where something is needed":     {line, "", "", []string{"blank"}},
		"blanks where something is needed":      {line, " \t\u2003", "", []string{"blank"}},
		"nothing where nothing is needed":       {optionalLine, " ", "", nil},
		"a line feed in a line":                 {line, "a\nb", "a\nb", []string{"control_character"}},
		"NUL in a line":                         {line, "a\x00", "a\x00", []string{"control_character"}},
		"only NUL in a line":                    {line, "\x00", "\x00", []string{"control_character"}},
		"both":                                  {line, strings.Repeat("x", 11) + "\x7f", strings.Repeat("x", 11) + "\x7f", []string{"control_character", "too_long"}},
		"lines are kept byte for byte":          {lines, " a\r\n\tb\n ", " a\r\n\tb\n ", nil},
		"lines of the greatest length":          {lines, strings.Repeat("\n", 10), strings.Repeat("\n", 10), nil},
		"lines that are too long":               {lines, strings.Repeat("\n", 11), strings.Repeat("\n", 11), []string{"too_long"}},
		"a vertical tab in lines":               {lines, "a\vb", "a\vb", []string{"control_character"}},
		"U+0085 in lines":                       {lines, "a\u0085", "a\u0085", []string{"control_character"}},
		"a line separator in lines":             {lines, "a\u2028b", "a\u2028b", nil},
		"blank lines where text is needed":      {neededLines, " \n\t\r\n\u2003", " \n\t\r\n\u2003", []string{"blank"}},
		"one sign among blank lines":            {neededLines, " \n.\n ", " \n.\n ", nil},
		"a joiner is no blank":                  {neededLines, "\u200d", "\u200d", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var faults []problem.FieldError
			got := tc.rule.parse("/field", tc.given, &faults)
			if got != tc.kept {
				t.Errorf("kept %q, want %q", got, tc.kept)
			}
			if diff := cmp.Diff(append([]string{}, tc.codes...), codesOf(faults)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			for _, f := range faults {
				if f.Pointer != "/field" || f.Detail == "" {
					t.Errorf("fault %+v", f)
				}
			}
		})
	}
}

func TestAFaultSaysWhereTheCharacterIs(t *testing.T) {
	t.Parallel()
	var faults []problem.FieldError
	text{max: 10}.parse("/field", wide+"é\x1b\x00", &faults)
	if len(faults) != 1 || !strings.Contains(faults[0].Detail, "U+001B") || !strings.Contains(faults[0].Detail, "position 2") {
		t.Errorf("faults %+v", faults)
	}
}

// someText draws texts in which rules find something.
func someText(t *rapid.T) string {
	return rapid.StringOfN(rapid.OneOf(
		rapid.Rune(),
		rapid.SampledFrom([]rune("\x00\t\n\v\f\r \x7f\u0085\u00a0\u2028\u200b\ufeff𝒜é.")),
	), 0, 14, -1).Draw(t, "text")
}

func someRule(t *rapid.T) text {
	return text{
		min: rapid.IntRange(0, 1).Draw(t, "min"), max: rapid.IntRange(1, 12).Draw(t, "max"),
		trimmed: rapid.Bool().Draw(t, "trimmed"), oneLine: rapid.Bool().Draw(t, "oneLine"),
	}
}

func TestTheFaultsOfATextAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule, given := someRule(t), someText(t)
		var faults []problem.FieldError
		kept := rule.parse("/field", given, &faults)

		want := given
		if rule.trimmed {
			want = strings.TrimFunc(given, unicode.IsSpace)
		}
		if kept != want {
			t.Fatalf("%+v kept %q of %q, want %q", rule, kept, given, want)
		}
		codes := []string{}
		forbidden := func(c rune) bool {
			allowed := !rule.oneLine && (c == '\t' || c == '\n' || c == '\r')
			return (c < 0x20 || c >= 0x7f && c <= 0x9f) && !allowed
		}
		if rule.min > 0 && strings.IndexFunc(want, func(c rune) bool { return !unicode.IsSpace(c) }) < 0 {
			codes = append(codes, "blank")
		} else if len([]rune(want)) > rule.max {
			codes = append(codes, "too_long")
		}
		if strings.IndexFunc(want, forbidden) >= 0 {
			codes = append(codes, "control_character")
		}
		slices.Sort(codes)
		if got := codesOf(faults); !slices.Equal(got, codes) {
			t.Fatalf("%+v finds %v in %q, want %v", rule, got, given, codes)
		}
	})
}

func TestATextThatWasTakenIsTakenAgainUnchanged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule, given := someRule(t), someText(t)
		var faults []problem.FieldError
		kept := rule.parse("/field", given, &faults)
		if len(faults) > 0 {
			return
		}
		if n := utf8.RuneCountInString(kept); n > rule.max || n < rule.min {
			t.Fatalf("%+v took %d characters", rule, n)
		}
		if again := rule.parse("/field", kept, &faults); again != kept || len(faults) > 0 {
			t.Fatalf("%+v took %q, then made it %q with %v", rule, kept, again, faults)
		}
	})
}

func TestATextThatIsNotGivenIsNotJudged(t *testing.T) {
	t.Parallel()
	var faults []problem.FieldError
	if got := (text{min: 1}).parseGiven("/field", nil, &faults); got != nil || len(faults) > 0 {
		t.Errorf("parseGiven(nil) = %v, %v", got, faults)
	}
	if got := (text{min: 1, max: 5, trimmed: true}).parseGiven("/field", new(" a "), &faults); got == nil || *got != "a" {
		t.Errorf("parseGiven = %v", got)
	}
}

func TestADraftNamesTheFaultsOfAllItsFields(t *testing.T) {
	t.Parallel()
	_, faults := ParseNewProject("", strings.Repeat("x", 5001))
	var got []string
	for _, f := range faults {
		got = append(got, f.Pointer+" "+f.Code)
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"/description too_long", "/title blank"}, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

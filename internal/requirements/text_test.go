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
	"github.com/codegenapp/codegenapp/internal/text"
)

// wide is a character of four bytes in UTF-8.
const wide = "𝒜"

func codesOf(errs []problem.FieldError) []string {
	codes := []string{}
	for _, f := range errs {
		codes = append(codes, f.Code)
	}
	slices.Sort(codes)
	return codes
}

func TestText_RuleTable(t *testing.T) {
	t.Parallel()
	line := textRule{min: 1, max: 10, trimmed: true, oneLine: true}
	optionalLine := textRule{max: 10, trimmed: true, oneLine: true}
	lines := textRule{max: 10}
	neededLines := textRule{min: 1, max: 10}
	for name, tc := range map[string]struct {
		rule   textRule
		input  string
		stored string
		codes  []string
	}{
		"a word":                                {rule: line, input: "word", stored: "word"},
		"a line with blanks around":             {rule: line, input: "\t a b \r\n", stored: "a b"},
		"blanks of Unicode around":              {rule: line, input: "\u2003\u00a0\u0085a\u3000\u2028", stored: "a"},
		"a line of the greatest length":         {rule: line, input: strings.Repeat(wide, 10), stored: strings.Repeat(wide, 10)},
		"the greatest length and blanks around": {rule: line, input: "  " + strings.Repeat("x", 10) + "  ", stored: strings.Repeat("x", 10)},
		"one character too many":                {rule: line, input: strings.Repeat(wide, 11), stored: strings.Repeat(wide, 11), codes: []string{"too_long"}},
		"nothing where something is needed":     {rule: line, input: "", stored: "", codes: []string{"blank"}},
		"blanks where something is needed":      {rule: line, input: " \t\u2003", stored: "", codes: []string{"blank"}},
		"nothing where nothing is needed":       {rule: optionalLine, input: " ", stored: ""},
		"a line feed in a line":                 {rule: line, input: "a\nb", stored: "a\nb", codes: []string{"control_character"}},
		"NUL in a line":                         {rule: line, input: "a\x00", stored: "a\x00", codes: []string{"control_character"}},
		"only NUL in a line":                    {rule: line, input: "\x00", stored: "\x00", codes: []string{"blank", "control_character"}},
		"both":                                  {rule: line, input: strings.Repeat("x", 11) + "\x7f", stored: strings.Repeat("x", 11) + "\x7f", codes: []string{"control_character", "too_long"}},
		"lines are stored byte for byte":        {rule: lines, input: " a\r\n\tb\n ", stored: " a\r\n\tb\n "},
		"lines of the greatest length":          {rule: lines, input: strings.Repeat("\n", 10), stored: strings.Repeat("\n", 10)},
		"lines that are too long":               {rule: lines, input: strings.Repeat("\n", 11), stored: strings.Repeat("\n", 11), codes: []string{"too_long"}},
		"a vertical tab in lines":               {rule: lines, input: "a\vb", stored: "a\vb", codes: []string{"control_character"}},
		"U+0085 in lines":                       {rule: lines, input: "a\u0085", stored: "a\u0085", codes: []string{"control_character"}},
		"a line separator in lines":             {rule: lines, input: "a\u2028b", stored: "a\u2028b"},
		"blank lines where text is needed":      {rule: neededLines, input: " \n\t\r\n\u2003", stored: " \n\t\r\n\u2003", codes: []string{"blank"}},
		"one sign among blank lines":            {rule: neededLines, input: " \n.\n ", stored: " \n.\n "},
		"a joiner is no blank":                  {rule: neededLines, input: "\u200d", stored: "\u200d"},
		"a line that shows nothing":             {rule: line, input: "\u200b\u202e", stored: "\u200b\u202e", codes: []string{"blank"}},
		"an optional line that shows nothing":   {rule: optionalLine, input: "\u3164", stored: "\u3164", codes: []string{"blank"}},
		"a line with invisible characters":      {rule: line, input: "\u200ba\ufe0f", stored: "\u200ba\ufe0f"},
		"a line separator in a line":            {rule: line, input: "a\u2028b", stored: "a\u2028b", codes: []string{"control_character"}},
		"a paragraph separator in a line":       {rule: optionalLine, input: "a\u2029b", stored: "a\u2029b", codes: []string{"control_character"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var errs []problem.FieldError
			got := tc.rule.parse("/field", tc.input, &errs)
			if got != tc.stored {
				t.Errorf("stored %q, want %q", got, tc.stored)
			}
			if diff := cmp.Diff(append([]string{}, tc.codes...), codesOf(errs)); diff != "" {
				t.Errorf("field errors (-want +got):\n%s", diff)
			}
			for _, f := range errs {
				if f.Pointer != "/field" || f.Detail == "" {
					t.Errorf("field error %+v", f)
				}
			}
		})
	}
}

func TestText_FieldErrorNamesPosition(t *testing.T) {
	t.Parallel()
	var errs []problem.FieldError
	textRule{max: 10}.parse("/field", wide+"é\x1b\x00", &errs)
	if len(errs) != 1 || !strings.Contains(errs[0].Detail, "U+001B") || !strings.Contains(errs[0].Detail, "position 2") {
		t.Errorf("errs %+v", errs)
	}
}

// drawText draws texts that rules reject for one reason or another.
func drawText(t *rapid.T) string {
	return rapid.StringOfN(rapid.OneOf(
		rapid.Rune(),
		rapid.SampledFrom([]rune("\x00\t\n\v\f\r \x7f\u0085\u00a0\u2028\u200b\ufeff𝒜é.")),
	), 0, 14, -1).Draw(t, "text")
}

func drawRule(t *rapid.T) textRule {
	return textRule{
		min: rapid.IntRange(0, 1).Draw(t, "min"), max: rapid.IntRange(1, 12).Draw(t, "max"),
		trimmed: rapid.Bool().Draw(t, "trimmed"), oneLine: rapid.Bool().Draw(t, "oneLine"),
	}
}

func TestText_FieldErrorsMatchContract(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule, input := drawRule(t), drawText(t)
		var errs []problem.FieldError
		stored := rule.parse("/field", input, &errs)

		want := input
		if rule.trimmed {
			want = strings.TrimFunc(input, unicode.IsSpace)
		}
		if stored != want {
			t.Fatalf("%+v stored %q of %q, want %q", rule, stored, input, want)
		}
		codes := []string{}
		forbidden := func(c rune) bool {
			allowed := !rule.oneLine && (c == '\t' || c == '\n' || c == '\r')
			separator := rule.oneLine && (c == '\u2028' || c == '\u2029')
			return separator || (c < 0x20 || c >= 0x7f && c <= 0x9f) && !allowed
		}
		if rule.oneLine && (rule.min > 0 || want != "") && !text.HasVisible(want) || rule.min > 0 && strings.IndexFunc(want, func(c rune) bool { return !unicode.IsSpace(c) }) < 0 {
			codes = append(codes, "blank")
		} else if len([]rune(want)) > rule.max {
			codes = append(codes, "too_long")
		}
		if strings.IndexFunc(want, forbidden) >= 0 {
			codes = append(codes, "control_character")
		}
		slices.Sort(codes)
		if got := codesOf(errs); !slices.Equal(got, codes) {
			t.Fatalf("%+v finds %v in %q, want %v", rule, got, input, codes)
		}
	})
}

func TestText_StoredTextIsAcceptedUnchanged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule, input := drawRule(t), drawText(t)
		var errs []problem.FieldError
		stored := rule.parse("/field", input, &errs)
		if len(errs) > 0 {
			return
		}
		if n := utf8.RuneCountInString(stored); n > rule.max || n < rule.min {
			t.Fatalf("%+v accepted %d characters", rule, n)
		}
		if again := rule.parse("/field", stored, &errs); again != stored || len(errs) > 0 {
			t.Fatalf("%+v stored %q, then %q with %v", rule, stored, again, errs)
		}
	})
}

func TestText_AbsentFieldIsNotChecked(t *testing.T) {
	t.Parallel()
	var errs []problem.FieldError
	if got := (textRule{min: 1}).parseOptional("/field", nil, &errs); got != nil || len(errs) > 0 {
		t.Errorf("parseOptional(nil) = %v, %v", got, errs)
	}
	if got := (textRule{min: 1, max: 5, trimmed: true}).parseOptional("/field", new(" a "), &errs); got == nil || *got != "a" {
		t.Errorf("parseOptional = %v", got)
	}
}

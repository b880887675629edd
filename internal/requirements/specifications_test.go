package requirements

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

func TestATitleIsTheFirstLineThatSaysSomething(t *testing.T) {
	t.Parallel()
	emoji := strings.Repeat("🧾", 250)
	for name, tc := range map[string]struct{ content, want string }{
		"one line":                         {"Refunds", "Refunds"},
		"the first of two lines":           {"Refunds\nwithin a day", "Refunds"},
		"a line that ends as on Windows":   {"Refunds\r\nwithin a day", "Refunds"},
		"a heading":                        {"# Refunds", "Refunds"},
		"a heading below":                  {"### Refunds ###\nwithin", "Refunds ###"},
		"a heading without its blank":      {"#Refunds", "Refunds"},
		"a point of a list":                {"- Refunds", "Refunds"},
		"a starred point of a list":        {"* Refunds", "Refunds"},
		"all the markup there is":          {" \t## - * -- **Refunds**", "Refunds**"},
		"after blank lines":                {"\n\r\n \t \n\u00a0\u3000\nRefunds\n", "Refunds"},
		"after a rule":                     {"---\n***\n# #\nRefunds", "Refunds"},
		"Unicode's blanks around":          {"\u2003\u3000#\u00a0Refunds\u2003\u202f\nx", "Refunds"},
		"a tab within":                     {"Refunds\tin full", "Refunds in full"},
		"tabs around":                      {"\tRefunds\t\n", "Refunds"},
		"a return within":                  {"Refunds\rin full", "Refunds in full"},
		"a line separator within":          {"Refunds\u2028in full", "Refunds\u2028in full"},
		"markup at the end":                {"Refunds - *", "Refunds - *"},
		"only markup":                      {"# - *\n**\n\n---", ""},
		"200 characters":                   {strings.Repeat("x", 200), strings.Repeat("x", 200)},
		"201 characters":                   {strings.Repeat("x", 201), strings.Repeat("x", 200)},
		"201 behind markup":                {"# " + strings.Repeat("x", 201), strings.Repeat("x", 200)},
		"250 characters of four bytes":     {emoji, strings.Repeat("🧾", 200)},
		"a blank as the 200th":             {strings.Repeat("x", 199) + " yz", strings.Repeat("x", 199)},
		"blanks from the 150th on":         {strings.Repeat("x", 150) + strings.Repeat(" ", 60) + "y", strings.Repeat("x", 150)},
		"combining marks beyond the 200th": {strings.Repeat("e\u0301", 101), strings.Repeat("e\u0301", 100)},
		"a byte order mark":                {"\ufeffRefunds", "\ufeffRefunds"},
		"other marks stay":                 {"+ 1. > Refunds", "+ 1. > Refunds"},
		"a dash that is none of ASCII's":   {"– Refunds", "– Refunds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, titleOf(tc.content)); diff != "" {
				t.Errorf("title (-want +got):\n%s", diff)
			}
		})
	}
}

func TestATitleFromAnyContentIsOneThatACallerMayGive(t *testing.T) {
	t.Parallel()
	lines := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("#-* \t\r\n\u0085\u2028x"))))
	rapid.Check(t, func(t *rapid.T) {
		content := lines.Draw(t, "content")
		title := titleOf(content)
		var faults []problem.FieldError
		if kept := specificationTitle.parse("/title", title, &faults); kept != title || len(faults) > 0 {
			t.Fatalf("%q: kept as %q, faults %v", title, kept, faults)
		}
		flat := strings.NewReplacer("\t", " ", "\r", " ").Replace(content)
		if title != "" && len(faults) == 0 && !strings.ContainsFunc(content, isOtherControl) && !strings.Contains(flat, title) {
			t.Fatalf("%q is not in the content", title)
		}
	})
}

func isOtherControl(c rune) bool {
	return c != '\n' && (c < 0x20 || 0x7f <= c && c < 0xa0) && c != '\t' && c != '\r'
}

func TestTextsOfASpecification(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("🧾", n) }
	for name, tc := range map[string]struct {
		title, content string
		want           []string
	}{
		"the longest":                     {long(200), long(100_000), nil},
		"no title":                        {"", "x", nil},
		"a title of blanks is none":       {" \u00a0\t\r\n", "x", nil},
		"a title is trimmed first":        {" " + long(200) + "\n", "x", nil},
		"a title of one more":             {long(201), "x", []string{"/title too_long"}},
		"a content of one more":           {"", long(100_001), []string{"/content too_long"}},
		"an empty content":                {"", "", []string{"/content blank"}},
		"a content of blanks":             {"x", " \t\r\n\u2003\u3000\u00a0", []string{"/content blank"}},
		"a content of a thin blank":       {"x", "\u200b", nil},
		"too many blanks":                 {"x", strings.Repeat(" ", 100_001), []string{"/content blank"}},
		"what multi-line text may hold":   {"x", "\tx\r\n", nil},
		"a line feed in the title":        {"a\nb", "x", []string{"/title control_character"}},
		"a tab in the title":              {"a\tb", "x", []string{"/title control_character"}},
		"NUL in both":                     {"a\x00b", "\x00x", []string{"/title control_character", "/content control_character"}},
		"NEL in the content":              {"x", "a\u0085b", []string{"/content control_character"}},
		"a form feed in the content":      {"x", "a\fb", []string{"/content control_character"}},
		"DEL in the content":              {"x", "a\x7fb", []string{"/content control_character"}},
		"too long, and a control as well": {"x", strings.Repeat("x", 100_000) + "\x01", []string{"/content too_long", "/content control_character"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, faults := ParseNewSpecification(tc.title, tc.content)
			_, again := ParseSpecificationPatch(&tc.title, &tc.content)
			if diff := cmp.Diff(tc.want, breaches(problem.Invalid(faults))); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
			if !slices.Equal(faults, again) {
				t.Errorf("a draft has the faults %v, a patch %v", faults, again)
			}
		})
	}
}

func TestTimeNeverRunsBackwards(t *testing.T) {
	t.Parallel()
	later := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	spec := Specification{ID: id.New[Specification](), Content: "x", Version: 4, UpdatedAt: later}
	text := "y"
	patch, _ := ParseSpecificationPatch(nil, &text)
	next, changed := spec.changed(patch, later.Add(-time.Hour))
	if !changed || next.Version != 5 || !next.UpdatedAt.Equal(later) {
		t.Errorf("changed %t, version %d, updated at %s", changed, next.Version, next.UpdatedAt)
	}
}

package requirements

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/text"
)

func TestSpecifications_DefaultTitle(t *testing.T) {
	t.Parallel()
	emoji := strings.Repeat("🧾", 250)
	for name, tc := range map[string]struct{ content, want string }{
		"one line":                         {content: "Refunds", want: "Refunds"},
		"the first of two lines":           {content: "Refunds\nwithin a day", want: "Refunds"},
		"a line that ends as on Windows":   {content: "Refunds\r\nwithin a day", want: "Refunds"},
		"a heading":                        {content: "# Refunds", want: "Refunds"},
		"a heading below":                  {content: "### Refunds ###\nwithin", want: "Refunds ###"},
		"a heading without its blank":      {content: "#Refunds", want: "#Refunds"},
		"a heading of seven signs":         {content: "####### Refunds", want: "####### Refunds"},
		"an entry of a numbered list":      {content: "1. Refunds", want: "Refunds"},
		"a number with a point":            {content: "1.5 percent", want: "1.5 percent"},
		"a number of ten digits":           {content: "1234567890. Refunds", want: "1234567890. Refunds"},
		"a negative number":                {content: "-1 is the minimum", want: "-1 is the minimum"},
		"an option":                        {content: "--dry-run must not write", want: "--dry-run must not write"},
		"a parameter":                      {content: "*args are kept", want: "*args are kept"},
		"bold text":                        {content: "**Bold**", want: "**Bold**"},
		"a numbered heading":               {content: "## 1. Refunds", want: "1. Refunds"},
		"a point of a list":                {content: "- Refunds", want: "Refunds"},
		"a starred point of a list":        {content: "* Refunds", want: "Refunds"},
		"markup behind a marker":           {content: " \t## - * -- **Refunds**", want: "- * -- **Refunds**"},
		"after blank lines":                {content: "\n\r\n \t \n\u00a0\u3000\nRefunds\n", want: "Refunds"},
		"after a rule":                     {content: "---\n***\n# #\nRefunds", want: "Refunds"},
		"Unicode's blanks around":          {content: "\u2003\u3000#\u00a0Refunds\u2003\u202f\nx", want: "Refunds"},
		"a tab within":                     {content: "Refunds\tin full", want: "Refunds in full"},
		"tabs around":                      {content: "\tRefunds\t\n", want: "Refunds"},
		"lines that end in a return":       {content: "Refunds\rin full", want: "Refunds"},
		"a line separator":                 {content: "Refunds\u2028in full", want: "Refunds"},
		"a paragraph separator":            {content: "\u2029Refunds\u2029in full", want: "Refunds"},
		"markup at the end":                {content: "Refunds - *", want: "Refunds - *"},
		"only markup":                      {content: "\n# # #\n**\n\n---", want: "# #"},
		"an empty heading":                 {content: "# \n\nRefunds", want: "Refunds"},
		"only an empty heading":            {content: "# ", want: "#"},
		"200 characters":                   {content: strings.Repeat("x", 200), want: strings.Repeat("x", 200)},
		"201 characters":                   {content: strings.Repeat("x", 201), want: strings.Repeat("x", 200)},
		"201 behind markup":                {content: "# " + strings.Repeat("x", 201), want: strings.Repeat("x", 200)},
		"250 characters of four bytes":     {content: emoji, want: strings.Repeat("🧾", 200)},
		"a blank as the 200th":             {content: strings.Repeat("x", 199) + " yz", want: strings.Repeat("x", 199)},
		"blanks from the 150th on":         {content: strings.Repeat("x", 150) + strings.Repeat(" ", 60) + "y", want: strings.Repeat("x", 150)},
		"combining marks beyond the 200th": {content: strings.Repeat("e\u0301", 101), want: strings.Repeat("e\u0301", 100)},
		"a byte order mark":                {content: "\ufeffRefunds", want: "Refunds"},
		"a byte order mark and a heading":  {content: "\ufeff# Refunds", want: "Refunds"},
		"front matter":                     {content: "---\ntitle: X\n---\n\n# Refunds", want: "Refunds"},
		"front matter as on Windows":       {content: "\ufeff---\r\ntitle: X\r\n---\r\n# Refunds", want: "Refunds"},
		"empty front matter":               {content: "---\n---\nRefunds", want: "Refunds"},
		"only front matter":                {content: "---\ntitle: X\n---\n", want: "title: X"},
		"front matter without an end":      {content: "---\ntitle: X\n", want: "title: X"},
		"front matter that is indented":    {content: " ---\ntitle: X\n---\n# Refunds", want: "title: X"},
		"four hyphens":                     {content: "----\nRefunds\n---\nx", want: "Refunds"},
		"lines that show nothing":          {content: "\u200b\n\u3164\n\u202e\nRefunds", want: "Refunds"},
		"nothing to see":                   {content: "\u200b\n\ufeff\u3164", want: ""},
		"invisible characters before":      {content: "\u200b# Refunds", want: "Refunds"},
		"300 invisible characters before":  {content: strings.Repeat("\u200b", 300) + "x", want: "x"},
		"an emoji with its selector":       {content: "❤\ufe0f\u200d🔥", want: "❤\ufe0f\u200d🔥"},
		"other marks stay":                 {content: "+ 1. > Refunds", want: "+ 1. > Refunds"},
		"a dash outside ASCII":             {content: "– Refunds", want: "– Refunds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, titleOf(tc.content)); diff != "" {
				t.Errorf("title (-want +got):\n%s", diff)
			}
		})
	}
}

// The default title of any content is a title that a caller could give, unless
// nothing in the content is visible. Then it is empty.
func TestSpecifications_DefaultTitleIsValid(t *testing.T) {
	t.Parallel()
	contents := rapid.StringOf(rapid.OneOf(
		rapid.Rune(), rapid.SampledFrom([]rune("#-*1. \t\r\n\u0085\u2028\u200b\u202e\u3164\ufeffx")), rapid.SampledFrom([]rune("-\n")),
	))
	given := textRule{min: 1, max: maxTitle, trimmed: true, oneLine: true}
	rapid.Check(t, func(t *rapid.T) {
		content := contents.Draw(t, "content")
		title := titleOf(content)
		if !text.HasVisible(content) {
			if title != "" {
				t.Fatalf("%q, which shows nothing, has the title %q", content, title)
			}
			return
		}
		var errs []problem.FieldError
		if stored := given.parse("/title", title, &errs); stored != title || len(errs) > 0 {
			t.Fatalf("%q has the title %q: stored as %q, field errors %v", content, title, stored, errs)
		}
		flat := strings.Map(func(c rune) rune {
			if unicode.IsControl(c) {
				return ' '
			}
			return c
		}, content)
		if !strings.Contains(flat, title) {
			t.Fatalf("%q is not in the content %q", title, content)
		}
	})
}

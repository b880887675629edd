package history

import (
	"bytes"
	stdhtml "html"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

func TestMarkdownDiff_IsReadable(t *testing.T) {
	t.Parallel()
	from := state(3, "Bills", "# Bills\n\nA bill is sent to each customer.\nIt lists the *open* amounts.\n\n```go\nfunc main() {\n    run(1 << 3)\n}\n```\n\nThe end.",
		item(1, "The system must send the bill by mail."), item(2, "A bill has a number."), item(3, "It has:\n- a date\n- a sum"), item(6, "Gone soon."), item(7, "Stays."), item(8, "Stays\nas well."))
	to := state(9, "Invoices", "# Invoices\n\nAn invoice is sent to each customer.\nIt lists the *open* amounts.\n\n```go\nfunc main() {\n        run(1 << 4)\n}\n```\n\nThe end.\n\nOne line more.",
		item(8, "Stays\nas well."), item(1, "The service must send the bill by e-mail, see http://a.b/c_d."), item(2, "A bill has a number."), item(3, "It has:\n- a date\n- a due date\n- a sum"), item(5, "New:\n\n> quoted"), item(7, "Stays."))
	const want = `# 3 Invoices, v3 to v9

## Title

<del>Bills</del><ins>Invoices</ins>

## Content

\# <del>Bills</del><ins>Invoices</ins>

<del>A bill</del><ins>An invoice</ins> is sent to each customer.\
It lists the \*open\* amounts.\
…\
func main() {\
<del>␣␣␣␣</del><ins>␣␣␣␣␣␣␣␣</ins>run(1 \<\< <del>3</del><ins>4</ins>)\
}\
…

The end.

<ins>One line more.</ins>

## Items

-   **3.8** moved, place 6 to 1: Stays\
    …
-   **3.1** changed, place 1 to 2: The <del>system</del><ins>service</ins> must send the bill by <ins>e-</ins>mail<ins>, see http\://a.b/c\_d</ins>.
-   **3.3** changed, place 3 to 4: …\
    \- a date\
    <ins>\- a due date</ins>\
    \- a sum
-   **3.6** removed from place 4: <del>Gone soon.</del>
-   **3.5** added at place 5: <ins>New:</ins>

    <ins>\> quoted</ins>
`
	if diff := cmp.Diff(want, MarkdownDiff(from, to)); diff != "" {
		t.Error(diff)
	}
	if got, want := MarkdownDiff(state(1, "", "a"), state(2, "", "a")), "# 3, v1 to v2\n\nThe texts are the same.\n"; got != want {
		t.Errorf("without a title: %q", got)
	}
	if got, want := MarkdownDiff(from, from), "# 3 Bills, v3 to v3\n\nThe texts are the same.\n"; got != want {
		t.Errorf("two equal states: %q", got)
	}
}

func TestMarkdownDiff_ShowsWhatIsInvisible(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"a b", "a  b", "a<del>␣</del><ins>␣␣</ins>b"},
		{"a\n", "a", "a<del>↵</del>"},
		{"a\r\nb", "a\nb", "a<del>␍↵</del>\\\n<ins>↵</ins>\\\nb"},
		{"a b", "a\tb", "a<del>␣</del><ins>⇥</ins>b"},
		{"a. b", "a.\u200b b", "a.<ins>U+200B</ins> b"},
	} {
		if got := excerpt(Segments(c.from, c.to)); got != c.want {
			t.Errorf("%q to %q: %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

// markdownTexts generates texts full of what Markdown knows.
func markdownTexts() *rapid.Generator[string] {
	parts := append([]string{
		"\n", "\r\n", " ", "  ", "    ", "\t", "word", "snake_case", "*a*", "**b**", "_c_", "`d`", "[e](f)", "![g](h)", "<i>", "</ins>", "</del>",
		"<!--", "&amp;", "&#42;", "\\", "\\*", "~~j~~", "|", "http://k.l/m_n", "www.o.p/q_r", "s@t.uv", "- [x] ", "1. ", "2) ", "# ", "> ", "+ ", "=", "==", "--", ":--", "“”", "。", "用户",
	}, blocks...)
	return rapid.Map(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12), func(chosen []string) string { return strings.Join(chosen, "") })
}

var (
	tag    = regexp.MustCompile(`</?([a-z]+)[^>]*>`)
	struck = regexp.MustCompile(`(?s)<del>.*?</del>`)
	added  = regexp.MustCompile(`(?s)<ins>.*?</ins>`)
)

// shown returns the characters of HTML without white space and its signs.
func shown(html string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || strings.ContainsRune("␣⇥↵␍", c) {
			return -1
		}
		return c
	}, stdhtml.UnescapeString(tag.ReplaceAllString(html, "")))
}

// A renderer of Markdown shows both texts, character by character, and nothing but text.
func TestMarkdownDiff_IsRenderedAsTheTexts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := markdownTexts().Draw(t, "from"), markdownTexts().Draw(t, "to")
		source := paragraphs(markLines(Segments(from, to)))
		var html bytes.Buffer
		if err := github.Convert([]byte(source), &html); err != nil {
			t.Fatal(err)
		}
		for _, found := range tag.FindAllStringSubmatch(html.String(), -1) {
			// Addresses of mail become links with the same text.
			if name := found[1]; name != "p" && name != "br" && name != "ins" && name != "del" && name != "a" {
				t.Fatalf("%q to %q: <%s> in\n%s\nfrom\n%s", from, to, name, html.String(), source)
			}
		}
		if got, want := shown(struck.ReplaceAllString(html.String(), "")), shown(stdhtml.EscapeString(to)); got != want {
			t.Fatalf("%q to %q: without deletions it shows %q, want %q\n%s", from, to, got, want, html.String())
		}
		if got, want := shown(added.ReplaceAllString(html.String(), "")), shown(stdhtml.EscapeString(from)); got != want {
			t.Fatalf("%q to %q: without insertions it shows %q, want %q\n%s", from, to, got, want, html.String())
		}
	})
}

func TestMarkdownDiff_HasAnItemForEachDifference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		contents := rapid.Map(markdownTexts(), func(s string) string { return "a" + s })
		from, to := state(1, "t", "c"), state(2, "t", "c")
		for n := range rapid.IntRange(1, 4).Draw(t, "items") {
			from.Items = append(from.Items, item(n+1, contents.Draw(t, "before")))
			to.Items = append(to.Items, item(n+1, contents.Draw(t, "after")+"b"))
		}
		differences := len(DiffSpecifications(from, to).Items)
		source := []byte(MarkdownDiff(from, to))
		last := github.Parser().Parse(text.NewReader(source)).LastChild()
		if last.Kind().String() != "List" || last.ChildCount() != differences {
			t.Fatalf("the end is a %s of %d, want %d items\n%s", last.Kind(), last.ChildCount(), differences, source)
		}
	})
}

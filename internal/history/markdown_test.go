package history

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"
)

// github is Markdown as GitHub shows it: CommonMark with tables, struck text and links,
// and with HTML.
var github = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))

func TestMarkdown_IsReadable(t *testing.T) {
	t.Parallel()
	list := state(3, "Bills", "A bill is *sent*.\n\n1. by mail\n",
		item(1, "One line."),
		item(12, "It has:\n- a date\n- a sum\n\nAnd more."),
		item(4, "```\ncode\n```"),
		item(5, "# a heading"),
		item(6, "CR\rLF\r\nend"),
	)
	const want = `# 3 Bills

A bill is *sent*.

1. by mail


## Items

-   **3.1** One line.
-   **3.12** It has:
    - a date
    - a sum

    And more.
-   **3.4**

    ` + "```\n    code\n    ```" + `
-   **3.5**

    # a heading
-   **3.6** CR` + "\r    LF\r\n    end\n"
	if diff := cmp.Diff(want, Markdown(list)); diff != "" {
		t.Error(diff)
	}
	if got := Markdown(state(1, "", "x")); got != "# 3\n\nx\n" {
		t.Errorf("without title and items: %q", got)
	}
}

// blocks are texts that begin or leave open what Markdown knows.
var blocks = []string{
	"plain", "two\nlines", "a\n\nb", "```go\nunclosed", "~~~\nunclosed", "```\nclosed\n```", "- a\n- b", "* a", "+", "1. a\n2. b", "7) a",
	"> quoted\nlazy", "# heading", "#", "title\n===", "title\n---", "---", "***", "| a | b |\n|---|---|\n| 1 | 2 |", "<div>\nhtml\n</div>", "<!-- open",
	"    indented", "\tindented", " ", "\n\nafter blank lines", "trailing\n\n\n", "a\r- b\r\n# c", "**open", "`open", "a  \nb", "\\",
	"- [ ] task", "   - c\n   - d", "用户\n登录",
}

// The items stay in the list, whatever Markdown they hold.
func TestMarkdown_ItemsHoldTheirText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := state(1, "Title", "content")
		for n, content := range rapid.SliceOfN(rapid.SampledFrom(blocks), 1, 6).Draw(t, "items") {
			list.Items = append(list.Items, item(n+1, content))
		}
		source := []byte(Markdown(list))
		document := github.Parser().Parse(text.NewReader(source))
		var kinds []string
		for node := document.FirstChild(); node != nil; node = node.NextSibling() {
			kinds = append(kinds, node.Kind().String())
		}
		if diff := cmp.Diff([]string{"Heading", "Paragraph", "Heading", "List"}, kinds); diff != "" {
			t.Fatalf("%s\n%s", diff, source)
		}
		if got := document.LastChild().ChildCount(); got != len(list.Items) {
			t.Fatalf("%d items, want %d\n%s", got, len(list.Items), source)
		}
		n := 0
		for node := document.LastChild().FirstChild(); node != nil; node = node.NextSibling() {
			content := list.Items[n].Content
			want := kindsOf(github.Parser().Parse(text.NewReader([]byte(content))))
			if beginsBlock.MatchString(content) {
				want = append([]string{"Paragraph"}, want...) // the number of the item
			}
			if diff := cmp.Diff(want, kindsOf(node)); diff != "" {
				t.Fatalf("item %q: (-want +got)\n%s\n%s", content, diff, source)
			}
			n++
		}
	})
}

// kindsOf lists the blocks of a node. A paragraph has another kind in a list without blank
// lines.
func kindsOf(parent ast.Node) []string {
	var kinds []string
	for node := parent.FirstChild(); node != nil; node = node.NextSibling() {
		kinds = append(kinds, strings.Replace(node.Kind().String(), "TextBlock", "Paragraph", 1))
	}
	return kinds
}

// Every difference of two states is one of their Markdown, so that a unified diff shows it.
func TestMarkdown_DiffersWithTheState(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, content := range append([]string{"a ", "a\n", "a\n\n", " a", "    a"}, blocks...) {
		for _, list := range []struct{ name, markdown string }{
			{"item", Markdown(state(1, "t", "c", item(1, content)))},
			{"items", Markdown(state(1, "t", "c", item(1, content), item(2, "b")))},
			{"order", Markdown(state(1, "t", "c", item(2, "b"), item(1, content)))},
			{"content", Markdown(state(1, "t", content))},
			{"title", Markdown(state(1, strings.ReplaceAll(content, "\n", "."), "c"))},
		} {
			name := list.name + " " + content
			if other, found := seen[list.markdown]; found {
				t.Errorf("%q and %q are the same: %q", name, other, list.markdown)
			}
			seen[list.markdown] = name
		}
	}
}

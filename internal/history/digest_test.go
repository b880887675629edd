package history

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/requirements"
)

// document is the state of a project as its digest sees it.
type document struct {
	Title          string          `json:"title"`
	Description    string          `json:"description"`
	Specifications []specification `json:"specifications"`
}

type specification struct {
	Number  int       `json:"number"`
	Title   string    `json:"title"`
	Content string    `json:"content"`
	Items   []element `json:"items"`
}

type element struct {
	Number  int    `json:"number"`
	Content string `json:"content"`
}

// digest is that of the Digester.
func (d document) digest() string {
	digester := NewDigester(d.Title, d.Description)
	for _, s := range d.Specifications {
		list := requirements.ItemList{Specification: requirements.Specification{Number: s.Number, Title: s.Title, Content: s.Content}}
		for _, i := range s.Items {
			list.Items = append(list.Items, requirements.Item{Number: i.Number, Content: i.Content})
		}
		digester.Add(list)
	}
	return digester.Sum()
}

// canonical is the document as a JSON library writes and canonicalizes it.
func (d document) canonical(t interface{ Fatal(...any) }) string {
	value, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := (*jsontext.Value)(&value).Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return string(value)
}

// documents generates the state of a project.
func documents(t *rapid.T) document {
	text := rapid.OneOf(texts(), rapid.String(), rapid.SampledFrom([]string{"", "\u2028\u2029", "\x00\x1f\x7f", `"\/<&>`, "\uffff\U0001f600"}))
	d := document{Title: text.Draw(t, "title"), Description: text.Draw(t, "description"), Specifications: []specification{}}
	number := 0
	for range rapid.IntRange(0, 3).Draw(t, "specifications") {
		number += rapid.IntRange(1, 12).Draw(t, "number")
		s := specification{number, text.Draw(t, "title"), text.Draw(t, "content"), []element{}}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			s.Items = append(s.Items, element{rapid.IntRange(1, 1<<31).Draw(t, "number"), text.Draw(t, "content")})
		}
		d.Specifications = append(d.Specifications, s)
	}
	return d
}

func TestDigest_IsThatOfTheCanonicalJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := documents(t)
		canonical := d.canonical(t)
		if got, want := d.digest(), fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(canonical))); got != want {
			t.Fatalf("digest %s of %s, want %s", got, canonical, want)
		}
	})
}

// The document is written out as RFC 8785 has it: names sorted, control characters in the
// short form or with small digits, everything else as it is.
func TestDigest_OfAKnownDocument(t *testing.T) {
	t.Parallel()
	d := document{"Shop", "", []specification{
		{2, "Bills", "A \"bill\"\r\n\t\u2028\u20ac\u007f\u001b</b>", []element{{7, `C:\`}, {1, "😀"}}},
		{10, "", "x", nil},
	}}
	const canonical = `{"description":"","specifications":[` +
		`{"content":"A \"bill\"\r\n\t` + "\u2028\u20ac\u007f" + `\u001b</b>","items":[{"content":"C:\\","number":7},{"content":"😀","number":1}],"number":2,"title":"Bills"},` +
		`{"content":"x","items":[],"number":10,"title":""}],"title":"Shop"}`
	if got, want := d.digest(), fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(canonical))); got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
	if empty := (document{}).digest(); empty != fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(`{"description":"","specifications":[],"title":""}`))) {
		t.Errorf("digest %s of an empty project", empty)
	}
}

// edit changes one thing of a document. It reports whether it could.
func edit(t *rapid.T, d *document) bool {
	text := func(s *string) {
		*s += rapid.SampledFrom([]string{" ", "\n", "a", "\u0301", `"`, "\x00"}).Draw(t, "addition")
	}
	number := func(n *int) { *n += rapid.IntRange(1, 3).Draw(t, "more") }
	if len(d.Specifications) == 0 || rapid.Bool().Draw(t, "in the project") {
		text(rapid.SampledFrom([]*string{&d.Title, &d.Description}).Draw(t, "field"))
		return true
	}
	at := rapid.IntRange(0, len(d.Specifications)-1).Draw(t, "specification")
	s := &d.Specifications[at]
	first := rapid.IntRange(0, max(0, len(s.Items)-1)).Draw(t, "item")
	switch kind := rapid.SampledFrom([]string{"text", "number", "remove", "add item", "item", "item number", "remove item", "order"}).Draw(t, "edit"); {
	case kind == "text":
		text(rapid.SampledFrom([]*string{&s.Title, &s.Content}).Draw(t, "field"))
	case kind == "number" && at == len(d.Specifications)-1:
		number(&s.Number)
	case kind == "remove":
		d.Specifications = slices.Delete(d.Specifications, at, at+1)
	case kind == "add item":
		s.Items = append(s.Items, element{Number: 1})
	case len(s.Items) == 0:
		return false
	case kind == "item":
		text(&s.Items[first].Content)
	case kind == "item number":
		number(&s.Items[first].Number)
	case kind == "remove item":
		s.Items = slices.Delete(s.Items, first, first+1)
	case kind == "order" && s.Items[0] != s.Items[first]:
		s.Items[0], s.Items[first] = s.Items[first], s.Items[0]
	default:
		return false
	}
	return true
}

func TestDigest_ChangesWithEveryEdit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := documents(t)
		before := d.digest()
		if again := d.digest(); again != before {
			t.Fatalf("digests %s and %s of one state", before, again)
		}
		if edited := edit(t, &d); edited == (d.digest() == before) {
			t.Fatalf("edited: %t, digests %s and %s", edited, before, d.digest())
		}
	})
}

// A text that moves from one field to the next is another state.
func TestDigest_KeepsFieldsApart(t *testing.T) {
	t.Parallel()
	seen := make(map[string]document)
	for _, d := range []document{
		{Title: "a"},
		{Description: "a"},
		{Specifications: []specification{{1, "a", "", nil}}},
		{Specifications: []specification{{1, "", "a", nil}}},
		{Specifications: []specification{{1, "", "", []element{{1, "a"}}}}},
		{Specifications: []specification{{1, "", "", nil}, {2, "a", "", nil}}},
		{Specifications: []specification{{1, "", `","items":[],"number":1,"title":"`, nil}}},
	} {
		if other, found := seen[d.digest()]; found {
			t.Errorf("%+v and %+v have the same digest", d, other)
		}
		seen[d.digest()] = d
	}
}

func TestDigest_RejectsAnotherOrder(t *testing.T) {
	t.Parallel()
	for _, numbers := range [][]int{{2, 1}, {1, 1}, {0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("specifications %v are accepted", numbers)
				}
			}()
			d := NewDigester("", "")
			for _, n := range numbers {
				d.Add(requirements.ItemList{Specification: requirements.Specification{Number: n}})
			}
		}()
	}
}

// A project of 100 MB needs a buffer for one text.
func TestDigest_HoldsNoDocument(t *testing.T) { //nolint:paralleltest // counts all allocations
	content := strings.Repeat("x", 100_000)
	list := requirements.ItemList{Items: []requirements.Item{{Number: 1, Content: content}}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := NewDigester("t", "d")
	for n := range 500 {
		list.Specification = requirements.Specification{Number: n + 1, Title: "t", Content: content}
		d.Add(list)
	}
	d.Sum()
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d bytes were allocated", allocated)
	}
}

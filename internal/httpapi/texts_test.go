package httpapi_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/codegenapp/codegenapp/internal/testkit"
)

// writing is a text that callers write, and its rules.
type writing struct {
	min, max int
	// trimmed texts lose surrounding blanks; oneLine texts have no control
	// character at all.
	trimmed, oneLine bool
	field            string
	// other is what PUT and POST have to have beside the text.
	other map[string]any
	// place makes a resource with such a text; no list takes another user.
	place func(c *testkit.Client) (list, one string)
}

var texts = map[string]writing{
	"Project.title":         {min: 1, max: 100, trimmed: true, oneLine: true, field: "title", place: aProject},
	"Project.description":   {max: 5000, field: "description", other: map[string]any{"title": "x"}, place: aProject},
	"Specification.title":   {max: 200, trimmed: true, oneLine: true, field: "title", other: map[string]any{"content": "# derived"}, place: aSpecification},
	"Specification.content": {min: 1, max: 100_000, field: "content", place: aSpecification},
	"Item.content":          {min: 1, max: 5000, field: "content", place: anItem},
	"User.name": {min: 1, max: 200, trimmed: true, oneLine: true, field: "name", place: func(*testkit.Client) (string, string) {
		return "", mePath
	}},
}

func aProject(c *testkit.Client) (list, one string) {
	return projectsPath, newProject(c, "Old").path()
}

func aSpecification(c *testkit.Client) (list, one string) {
	h := newHome(c)
	return h.specs(), h.add(c, "old").path()
}

func anItem(c *testkit.Client) (list, one string) {
	s := newSpec(c, "old")
	return s.items(), bulletsOf(c, s)[0].path()
}

// write sends the text with a method.
func (w writing) write(c *testkit.Client, method, list, one, text string) *testkit.Response {
	body := map[string]any{w.field: text}
	path := one
	if method != "PATCH" {
		maps.Copy(body, w.other)
	}
	if method == "POST" {
		path = list
	}
	return c.Do(method, path, body)
}

// taken tells whether a text is taken, and fails the test if it is taken and not
// kept as it should be, or refused for another reason.
func (w writing) taken(t *testing.T, a *testkit.Response, kept string, why ...string) bool {
	t.Helper()
	if a.Status == 200 || a.Status == 201 {
		if got := a.JSON()[w.field]; got != kept {
			t.Errorf("kept %.80q, want %.80q", got, kept)
		}
		return true
	}
	for _, fault := range a.WantProblem(422, "validation_failed").FieldErrors() {
		pointer, code, _ := strings.Cut(fault, " ")
		if pointer != "/"+w.field || !slices.Contains(why, code) {
			t.Errorf("refused for %q, want %v", fault, why)
		}
	}
	return false
}

// text is the limit of a text, in code points. Those of four bytes are the widest
// in UTF-8, and two units in UTF-16.
func text(w writing) limit {
	return limit{w.min, w.max, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		list, one := w.place(ann)
		methods := []string{"POST", "PUT", "PATCH"}
		if list == "" {
			methods = []string{"PATCH"}
		}
		var verdicts []bool
		for _, text := range []string{strings.Repeat("x", n), strings.Repeat(wide, n), strings.Repeat("\u0301", n)} {
			for _, method := range methods {
				verdicts = append(verdicts, w.taken(t, w.write(ann, method, list, one, text), text, "too_long", "blank"))
				if w.trimmed {
					around := " \u3000" + text + "\n\u0085"
					verdicts = append(verdicts, w.taken(t, w.write(ann, method, list, one, around), text, "too_long", "blank"))
				}
			}
		}
		return alike(t, verdicts...)
	}}
}

// whiteSpace is what Unicode calls so.
var whiteSpace = []rune("\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000")

// noSpace looks like it and is none.
var noSpace = []rune("\u180e\u200b\u200c\u200d\u2060\ufeff\u00ad\u2800")

func TestEveryControlCharacterAndEveryBlankIsTakenAsTheContractSays(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, w := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			_, one := w.place(ann)
			try := func(text, kept string, want bool, why ...string) {
				t.Helper()
				if got := w.taken(t, w.write(ann, "PATCH", "", one, text), kept, why...); got != want {
					t.Errorf("%q is taken: %t, want %t", text, got, want)
				}
			}
			for c := range rune(0x100) {
				if unicode.IsControl(c) {
					within := "a" + string(c) + "b"
					try(within, within, !w.oneLine && strings.ContainsRune("\t\n\r", c), "control_character")
				}
			}
			for _, c := range whiteSpace {
				blank := string(c)
				allowed := !unicode.IsControl(c) || strings.ContainsRune("\t\n\r", c)
				switch {
				case w.trimmed:
					try(blank+"a"+blank, "a", true)
					if w.min > 0 {
						try(blank, "", false, "blank")
					}
				case w.min > 0:
					try(blank+blank, "", false, "blank", "control_character")
					try(blank+"a"+blank, blank+"a"+blank, allowed, "control_character")
				default:
					try(blank, blank, allowed, "control_character")
				}
			}
			for _, c := range noSpace {
				try(string(c), string(c), true)
			}
		})
	}
	if len(whiteSpace) != 25 {
		t.Errorf("Unicode has 25 blanks, not %d", len(whiteSpace))
	}
}

// A front end that puts an answer into a page by mistake runs nothing of it.
func TestNoAnswerHoldsMarkup(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	const script = "<script>alert(1)</script>&"
	p := newProject(ann, script)
	ann.Patch(mePath, map[string]any{"name": script}).Want(200)
	for what, answer := range map[string]*testkit.Response{
		"a resource":         ann.Get(p.path()).Want(200),
		"a list":             ann.Get(projectsPath).Want(200),
		"an export":          ann.Get(exportPath).Want(200),
		"a profile":          ann.Get(mePath).Want(200),
		"a 412":              ann.Patch(p.path(), titled("x"), "If-Match", `"9"`).Want(412),
		"a fault of a query": ann.Get(projectsPath + "?%3Cscript%3E&x").Want(400),
		"a fault of a body":  ann.Post(projectsPath, map[string]any{"title": "x", script: 1}).Want(422),
		"an unknown path":    ann.Get("/%3Cscript%3E").Want(404),
	} {
		if bytes.ContainsAny(answer.Body, "<>&") || !bytes.Contains(bytes.ToLower(answer.Body), []byte("script")) {
			t.Errorf("%s is %s", what, answer.Body)
		}
	}
}

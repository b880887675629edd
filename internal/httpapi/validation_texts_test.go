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

// textField is a text that clients write, with its rules.
type textField struct {
	min, max int
	// trimmed texts lose surrounding white space. oneLine texts have no
	// control characters.
	trimmed, oneLine bool
	field            string
	// other has the fields that PUT and POST need in addition to the text.
	other map[string]any
	// methods are those that write the text; if nil: POST, PUT and PATCH.
	methods []string
	// fresh texts need a new resource for each request: their names are unique.
	fresh bool
	// create creates a resource with such a text. list is empty if no POST
	// creates one.
	create func(c *testkit.Client) (list, one string)
}

var textFields = map[string]textField{
	"Project.title":         {min: 1, max: 100, trimmed: true, oneLine: true, field: "title", create: aProject},
	"Project.description":   {max: 5000, field: "description", other: map[string]any{"title": "x"}, create: aProject},
	"Specification.title":   {max: 200, trimmed: true, oneLine: true, field: "title", other: map[string]any{"content": "# derived"}, create: aSpecification},
	"Specification.content": {min: 1, max: 100_000, field: "content", create: aSpecification},
	"Item.content":          {min: 1, max: 10_000, field: "content", create: anItem},
	"User.name": {min: 1, max: 200, trimmed: true, oneLine: true, field: "name", methods: []string{"PATCH"}, create: func(*testkit.Client) (string, string) {
		return "", mePath
	}},
	"Baseline.name": {min: 1, max: 100, trimmed: true, oneLine: true, field: "name", methods: []string{"POST", "PATCH"}, fresh: true, create: aBaseline},
	"Bot.name": {min: 1, max: 200, trimmed: true, oneLine: true, field: "name", methods: []string{"POST", "PATCH"}, create: func(c *testkit.Client) (string, string) {
		return botsPath, botsPath + "/" + newBot(c, "old")
	}},
	"Baseline.description": {
		max: 5000, field: "description", other: map[string]any{"name": "x"}, methods: []string{"POST", "PATCH"}, fresh: true, create: aBaseline,
	},
}

func aProject(c *testkit.Client) (list, one string) {
	return projectsPath, newProject(c, "Old").path()
}

func aSpecification(c *testkit.Client) (list, one string) {
	h := newSpecProject(c)
	return h.specs(), h.add(c, "old").path()
}

func anItem(c *testkit.Client) (list, one string) {
	s := newSpec(c, "old")
	return s.items(), bulletsOf(c, s)[0].path()
}

func aBaseline(c *testkit.Client) (list, one string) {
	h := newSpecProject(c)
	return h.path() + "/baselines", "/api/v1/baselines/" + newBaseline(c, h, "old")
}

// newBaseline creates a baseline of the newest revision and returns its id.
func newBaseline(c *testkit.Client, h specProject, name string) string {
	var made struct{ ID string }
	c.Post(h.path()+"/baselines", map[string]any{"name": name}).Want(201).Decode(&made)
	return made.ID
}

// write sends the text with a method.
func (w textField) write(c *testkit.Client, method, list, one, text string) *testkit.Response {
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

// accepts reports whether a text is accepted. It fails the test if the text is
// stored differently or is rejected for another reason.
func (w textField) accepts(t *testing.T, a *testkit.Response, stored string, why ...string) bool {
	t.Helper()
	if a.Status == 200 || a.Status == 201 {
		if got := a.JSON()[w.field]; got != stored {
			t.Errorf("stored %.80q, want %.80q", got, stored)
		}
		return true
	}
	for _, fault := range a.WantProblem(422, "validation_failed").FieldErrors() {
		pointer, code, _ := strings.Cut(fault, " ")
		if pointer != "/"+w.field || !slices.Contains(why, code) {
			t.Errorf("rejected for %q, want %v", fault, why)
		}
	}
	return false
}

// textLimit is the limit of a text in code points. Four bytes are the widest
// code point in UTF-8, with two units in UTF-16.
func textLimit(w textField) limit {
	return limit{w.min, w.max, func(t *testing.T, s *testkit.Server, n int) bool {
		ann := s.SignUp(t)
		list, one := w.create(ann)
		methods := w.methods
		if methods == nil {
			methods = []string{"POST", "PUT", "PATCH"}
		}
		var verdicts []bool
		try := func(method, sent, stored string) {
			if w.fresh {
				list, one = w.create(ann)
			}
			verdicts = append(verdicts, w.accepts(t, w.write(ann, method, list, one, sent), stored, "too_long", "blank"))
		}
		for _, text := range []string{strings.Repeat("x", n), strings.Repeat(wideLetter, n), strings.Repeat("\u0301", n)} {
			for _, method := range methods {
				try(method, text, text)
				if w.trimmed {
					try(method, " \u3000"+text+"\n\u0085", text)
				}
			}
		}
		return allEqual(t, verdicts...)
	}}
}

// whiteSpace is what Unicode calls white space.
var whiteSpace = []rune("\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000")

// notWhiteSpace shows nothing and is not white space.
var notWhiteSpace = []rune("\u180e\u200b\u200c\u200d\u2060\ufeff\u00ad\u2800")

func TestValidation_ControlCharactersAndWhitespace(t *testing.T) {
	t.Parallel()
	s := testkit.Start(t)
	for name, w := range textFields {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ann := s.SignUp(t)
			_, one := w.create(ann)
			try := func(text, stored string, want bool, why ...string) {
				t.Helper()
				if got := w.accepts(t, w.write(ann, "PATCH", "", one, text), stored, why...); got != want {
					t.Errorf("%q is accepted: %t, want %t", text, got, want)
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
			for _, c := range notWhiteSpace { // a text of one line must show something
				try(string(c), string(c), !w.oneLine, "blank")
			}
			for _, c := range "\u2028\u2029" {
				within := "a" + string(c) + "b"
				try(within, within, !w.oneLine, "control_character")
			}
		})
	}
	if len(whiteSpace) != 25 {
		t.Errorf("Unicode has 25 blanks, not %d", len(whiteSpace))
	}
}

// Markup in a response is escaped, so a page that embeds it by mistake runs no
// script.
func TestEncode_ResponsesContainNoMarkup(t *testing.T) {
	t.Parallel()
	ann := testkit.Start(t).SignUp(t)
	const script = "<script>alert(1)</script>&"
	p := newProject(ann, script)
	ann.Patch(mePath, map[string]any{"name": script}).Want(200)
	for what, answer := range map[string]*testkit.Response{
		"a resource":       ann.Get(p.path()).Want(200),
		"a list":           ann.Get(projectsPath).Want(200),
		"an export":        ann.Get(exportPath).Want(200),
		"a profile":        ann.Get(mePath).Want(200),
		"a 412":            ann.Patch(p.path(), withTitle("x"), "If-Match", `"9"`).Want(412),
		"an invalid query": ann.Get(projectsPath + "?%3Cscript%3E&x").Want(400),
		"an invalid body":  ann.Post(projectsPath, map[string]any{"title": "x", script: 1}).Want(422),
		"an unknown path":  ann.Get("/%3Cscript%3E").Want(404),
	} {
		if bytes.ContainsAny(answer.Body, "<>&") || !bytes.Contains(bytes.ToLower(answer.Body), []byte("script")) {
			t.Errorf("%s is %s", what, answer.Body)
		}
	}
}

package body_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

// sample has a field of each kind.
type sample struct {
	Text     string                 `json:"text" minLength:"2" maxLength:"4"`
	Trimmed  body.Optional[string]  `json:"trimmed,omitempty" trimmed:"true" maxLength:"3"`
	Number   body.Optional[int]     `json:"number,omitempty" minimum:"0" maximum:"9"`
	Truth    body.Change[bool]      `json:"truth,omitempty"`
	Nullable body.Nullable[string]  `json:"nullable,omitempty"`
	Kind     body.Optional[string]  `json:"kind,omitempty" enum:"a,b"`
	Code     body.Optional[string]  `json:"code,omitempty" pattern:"^[0-9]+$" patternDescription:"digits"`
	List     body.Optional[[]entry] `json:"list,omitempty" maxItems:"2"`
}

type entry struct {
	Content string `json:"content" maxLength:"3"`
}

var plan = body.NewPlan(reflect.TypeFor[sample](), body.Options{ReadOnly: []string{"id", "text"}})

func decode(text string) (s sample, faults []string, err error) {
	found, err := plan.Decode([]byte(text), &s)
	for _, f := range found {
		faults = append(faults, f.Pointer+" "+f.Code)
	}
	return s, faults, err
}

func TestBody_FaultsAreNamedByTheirPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"text": "abc"}`:                                          nil,
		`{}`:                                                       {"/text required"},
		`{"text": null}`:                                           {"/text wrong_type"},
		`{"text": "a"}`:                                            {"/text too_short"},
		`{"text": ""}`:                                             {"/text blank"},
		`{"text": "𝒜𝒜𝒜𝒜"}`:                                         nil,
		`{"text": "𝒜𝒜𝒜𝒜𝒜"}`:                                        {"/text too_long"},
		`{"text": "abc", "trimmed": "  abc  "}`:                    nil,
		`{"text": "abc", "trimmed": "  abcd  "}`:                   {"/trimmed too_long"},
		`{"text": "abc", "number": 1.0}`:                           nil,
		`{"text": "abc", "number": 1e0}`:                           nil,
		`{"text": "abc", "number": 90e-1}`:                         nil,
		`{"text": "abc", "number": 1.5}`:                           {"/number wrong_type"},
		`{"text": "abc", "number": -1}`:                            {"/number out_of_range"},
		`{"text": "abc", "number": 1e999}`:                         {"/number out_of_range"},
		`{"text": "abc", "number": -99999999999999999999}`:         {"/number out_of_range"},
		`{"text": "abc", "number": "1"}`:                           {"/number wrong_type"},
		`{"text": "abc", "number": null, "trimmed": null}`:         nil,
		`{"text": "abc", "truth": null}`:                           {"/truth wrong_type"},
		`{"text": "abc", "truth": false}`:                          nil,
		`{"text": "abc", "truth": 0}`:                              {"/truth wrong_type"},
		`{"text": "abc", "nullable": null}`:                        nil,
		`{"text": "abc", "kind": "c"}`:                             {"/kind not_allowed"},
		`{"text": "abc", "code": "x"}`:                             {"/code wrong_format"},
		`{"text": "abc", "list": [{"content": "abcd"}, {}, 3]}`:    {"/list too_many"},
		`{"text": "abc", "list": [{"content": "abcd"}, {"x": 1}]}`: {"/list/0/content too_long", "/list/1/x unknown_field", "/list/1/content required"},
		`{"text": "abc", "list": [1, []]}`:                         {"/list/0 wrong_type", "/list/1 wrong_type"},
		`{"text": "abc", "a/b~": {"deep": [1, {"x": 2}]}}`:         {"/a~1b~0 unknown_field"},
		`[1, 2]`: {" wrong_type"},
		`null`:   {" wrong_type"},
	} {
		if _, got, err := decode(text); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s has the faults %q and the error %v, want %q", text, got, err, want)
		}
	}
}

func TestBody_DetailsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"text": "abc", "id": 1}`:                  "This field is read-only. Leave it out.",
		`{"text": "abc", "Number": 1}`:              "There is no such field here. Did you mean number?",
		`{"text": "abc", "num-ber": 1}`:             "There is no such field here. Did you mean number?",
		`{"text": 1}`:                               "This must be a string; it is a number.",
		`{"text": "abc", "truth": null}`:            "This cannot be null. Leave it out to keep it as it is.",
		`{"text": "abcde"}`:                         "At most 4 characters are allowed; this has 5.",
		`{"text": "abc", "list": [{}, {}, {}, {}]}`: "At most 2 entries are allowed; this has more.",
		`{"text": "abc", "code": "x"}`:              "This must be digits.",
		`{"text": "abc", "number": 10}`:             "This must be at most 9.",
	} {
		var s sample
		faults, err := plan.Decode([]byte(text), &s)
		if err != nil || len(faults) != 1 || faults[0].Detail != want {
			t.Errorf("%s is reported as %v, %v, want %q", text, faults, err, want)
		}
	}
	for text, want := range map[string]string{
		"":                       "A JSON body is needed; the request has none.",
		"{\n\n  \"text\": x}":    "The body is not one well-formed JSON value in UTF-8: see line 3, column 11.",
		"\ufeff{}":               "The body begins with a byte-order mark. Send it without.",
		`{"text": "a"`:           "The JSON ends too early.",
		"{\"a\": 1,\n\"a\": 2}":  "A name occurs twice in one object, near line 2, column 1.",
		strings.Repeat("[", 17):  "The JSON has more than 16 levels.",
		`{"text": "a"} {"b": 1}`: "The body is not one well-formed JSON value in UTF-8: see line 1, column 16.",
	} {
		var s sample
		_, err := plan.Decode([]byte(text), &s)
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Code != problem.MalformedJSON || p.Detail != want {
			t.Errorf("%q is reported as %v, want %q", text, err, want)
		}
	}
}

// What costs memory and time is bounded, whatever the body has. It counts allocations,
// so it runs alone.
//
//nolint:paralleltest // see above
func TestBody_FaultsAndValuesAreBounded(t *testing.T) {
	unknown := func(n int) string {
		var b strings.Builder
		b.WriteString(`{"text": "abc"`)
		for i := range n {
			fmt.Fprintf(&b, `, "k%d": 1`, i)
		}
		return b.String() + "}"
	}
	_, faults, err := decode(unknown(1000))
	if err != nil || len(faults) != problem.MaxFieldErrors+1 {
		t.Errorf("1,000 unknown fields are %d faults, %v", len(faults), err)
	}
	if p := problem.Invalid(make([]problem.FieldError, len(faults))); len(p.Fields) != problem.MaxFieldErrors || p.Fields[99].Code != problem.MoreErrors {
		t.Errorf("a problem lists %d of them, the last as %v", len(p.Fields), p.Fields[99])
	}
	const many = 100_000
	for text, want := range map[string]string{
		unknown(many): "/k0 unknown_field",
		`{"list": [` + strings.Repeat("{},", many) + `{}]}`: "/list too_many",
		`{"x": [` + strings.Repeat("1,", many) + `1]}`:      "/x unknown_field",
		`{"text": {"x": ` + unknown(many) + `}}`:            "/text wrong_type",
		`[` + strings.Repeat(`{"":1},`, many) + `{}]`:       " wrong_type",
		`{"list": ` + strings.Repeat("[", 16) + `]}`:        "",
	} {
		_, faults, err := decode(text)
		if (err == nil) != (want != "") || err == nil && faults[0] != want {
			t.Errorf("%.40s… has the faults %.100q, %v; want %q", text, faults, err, want)
		}
		var s sample
		if cost := testing.AllocsPerRun(1, func() { _, _ = plan.Decode([]byte(text), &s) }); cost > 3*maxSkipped {
			t.Errorf("%.40s… costs %.0f allocations", text, cost)
		}
	}
}

// maxSkipped is that of the package.
const maxSkipped = 10_000

var malformedDetail = regexp.MustCompile(`^[A-Z][A-Za-z0-9 :,;-]+\.$`)

// FuzzBody_Syntax compares the decoder with another one that follows the standards
// literally.
func FuzzBody_Syntax(f *testing.F) {
	for _, text := range []string{`{"text": "x", "nullable": null}`, `[1, -0.5e+3, 1e999, "\u00e4\ud835\udc9c"]`, `{"list": [{"content": [[[true]]]}]}`, ``, `{} {}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s sample
		_, err := plan.Decode(text, &s)
		if err == nil && len(text) > 2000 {
			return // decoding may have stopped early
		}
		if _, strict := strictjson.Read(text, 16); strict != (err == nil) {
			t.Fatalf("%q is strict JSON: %t; it is read with %v", text, strict, err)
		}
		if p, _ := errors.AsType[*problem.Error](err); err != nil && (p == nil || !malformedDetail.MatchString(p.Detail)) {
			t.Fatalf("%q is reported as %v", text, err)
		}
	})
}

// FuzzBody_Fields distinguishes absent, null, valid and invalid values of fields,
// whatever else is wrong with the body.
func FuzzBody_Fields(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"text": null, "number": null, "truth": null, "nullable": null}`,
		`{"text": "xx", "number": 7, "truth": true, "nullable": ""}`,
		`{"text": 1, "number": 1.0, "truth": "true", "nullable": [], "Text": "x", "more": {}}`, `null`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, faults, err := decode(string(text))
		meant, _ := strictjson.Read(text, 16)
		members, object := meant.(map[string]any)
		if err != nil || !object || len(faults) > problem.MaxFieldErrors {
			return
		}
		faulty := func(name string) bool {
			for _, f := range faults {
				if pointer, _, _ := strings.Cut(f, " "); pointer == "/"+name {
					return true
				}
			}
			return false
		}
		truth, isBool := members["truth"].(bool)
		if _, there := members["truth"]; s.Truth.IsSet() != isBool || s.Truth.Value() != (isBool && truth) || faulty("truth") != (there && !isBool) {
			t.Fatalf("truth of %q is %v, faults %q", text, s.Truth, faults)
		}
		value, there := members["nullable"]
		want, isText := value.(string)
		if there && value == nil {
			want = "default"
		}
		sets := there && (value == nil || isText)
		if got := s.Nullable.OrDefault("default"); (got != nil) != sets || sets && *got != want || faulty("nullable") != (there && !sets) {
			t.Fatalf("nullable of %q is %v, faults %q", text, got, faults)
		}
		if required, isText := members["text"].(string); isText && s.Text != required || !isText && !faulty("text") {
			t.Fatalf("text of %q is %q, faults %q", text, s.Text, faults)
		}
	})
}

package httpapi

import (
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

// bodyReader reads bodies of one type as huma does: once against the schema,
// once into the type, whose fields then validate themselves.
type bodyReader[B any] struct {
	registry huma.Registry
	schema   *huma.Schema
}

func newBodyReader[B any]() bodyReader[B] {
	setUpHuma()
	registry := huma.NewMapRegistry("#/", huma.DefaultSchemaNamer)
	return bodyReader[B]{registry, registry.Schema(reflect.TypeFor[B](), true, "")}
}

// read reports whether the body is accepted. A body that the schema accepts
// and the type rejects fails the test.
func (f bodyReader[B]) read(t *testing.T, text []byte, resolve func(*B) []error) (body B, accepted bool) {
	t.Helper()
	var whole any
	if jsonFormat.Unmarshal(text, &whole) != nil {
		return body, false
	}
	var result huma.ValidateResult
	place := huma.NewPathBuffer(nil, 0)
	place.Push("body")
	huma.Validate(f.registry, f.schema, place, huma.ModeWriteToServer, whole, &result)
	if err := jsonFormat.Unmarshal(text, &body); err != nil && len(result.Errors) == 0 {
		t.Fatalf("%q matches the schema, but: %v", text, err)
	}
	return body, len(result.Errors)+len(resolve(&body)) == 0
}

// at is the path of a field in a body.
func at(field string) *huma.PathBuffer {
	return huma.NewPathBuffer([]byte("body."+field), len("body.")+len(field))
}

func resolvePut(b *projectBody) []error {
	return append(append(b.Title.Resolve(nil, at("title")), b.Description.Resolve(nil, at("description"))...), b.Resolve(nil)...)
}

func resolvePatch(b *projectPatch) []error {
	return append(append(b.Title.Resolve(nil, at("title")), b.Description.Resolve(nil, at("description"))...), b.Resolve(nil)...)
}

var malformedJSONError = regexp.MustCompile(`^[A-Z][A-Za-z0-9 :,-]+\.$`)

// FuzzDecode_JSON compares the reader of bodies with another one that follows
// the standards literally.
func FuzzDecode_JSON(f *testing.F) {
	for _, text := range []string{`{"title": "x", "description": null}`, `[1, -0.5e+3, 1e999, "\u00e4\ud835\udc9c"]`, `{"a": {"a": [[[true]]]}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got any
		err := jsonFormat.Unmarshal(text, &got)
		want, strict := strictjson.Read(text, maxDepth)
		switch {
		case strict != (err == nil):
			t.Fatalf("%q is strict JSON: %t; it is read as %v, %v", text, strict, got, err)
		case err != nil && !malformedJSONError.MatchString(err.Error()):
			t.Fatalf("%q has the detail %q", text, err)
		case err == nil && !reflect.DeepEqual(strictjson.Floats(want), got):
			t.Fatalf("%q is read as %v, means %v", text, got, want)
		}
	})
}

// mergePatchOf is the algorithm of RFC 7396, section 2.
func mergePatchOf(target, patch any) any {
	members, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object = maps.Clone(object)
	for name, value := range members {
		if value == nil {
			delete(object, name)
			continue
		}
		object[name] = mergePatchOf(object[name], value)
	}
	return object
}

// projectFromJSON reads a JSON value as a whole project. It reports whether
// the value is one: a title, optionally a description, and nothing else.
func projectFromJSON(value any) (requirements.NewProject, bool) {
	members, ok := value.(map[string]any)
	if !ok {
		return requirements.NewProject{}, false
	}
	title, titled := members["title"].(string)
	description, described := members["description"].(string)
	if _, there := members["description"]; described || !there {
		members = maps.Clone(members)
		delete(members, "description")
	}
	draft, faults := requirements.ParseNewProject(title, description)
	return draft, titled && len(members) == 1 && len(faults) == 0
}

// FuzzDecode_MergePatch applies any patch to a project. A patch is accepted
// exactly if its result by RFC 7396 is a project, except for unknown names,
// and the project then equals that result. The same text replaces a project
// exactly if it is one.
func FuzzDecode_MergePatch(f *testing.F) {
	for _, patch := range []string{`{}`, `{"title": "y"}`, `{"description": null}`, `{"title": null}`, `{"title": "y", "description": "z"}`, `{"Title": "y"}`} {
		f.Add([]byte(patch), "x", "old")
	}
	patches, wholes := newBodyReader[projectPatch](), newBodyReader[projectBody]()
	f.Fuzz(func(t *testing.T, text []byte, title, description string) {
		if _, faults := requirements.ParseNewProject(title, description); len(faults) > 0 {
			title, description = "x", "old"
		}
		meant, strict := strictjson.Read(text, maxDepth)
		if whole, taken := wholes.read(t, text, resolvePut); strict {
			draft, is := projectFromJSON(meant)
			if got, _ := whole.newProject(); is != taken || taken && got != draft {
				t.Fatalf("%q is a project: %t; it is taken: %t, as %+v", text, is, taken, got)
			}
		}

		patch, accepted := patches.read(t, text, resolvePatch)
		members, isObject := meant.(map[string]any)
		known := isObject
		for name := range members {
			known = known && (name == "title" || name == "description")
		}
		want, is := projectFromJSON(mergePatchOf(map[string]any{"title": title, "description": description}, meant))
		if known = known && strict && is; known != accepted {
			t.Fatalf("%q makes a project of %q, %q: %t; it is accepted: %t", text, title, description, known, accepted)
		}
		if !accepted {
			return
		}
		for range 2 { // repeating it changes nothing
			title = *or(patch.Title.pointer(), &title)
			description = *or(patch.Description.orDefault(""), &description)
			if got, faults := requirements.ParseNewProject(title, description); got != want || faults != nil {
				t.Fatalf("%q makes %+v, %v; by RFC 7396 %+v", text, got, faults, want)
			}
		}
	})
}

func or[T any](first, second *T) *T {
	if first != nil {
		return first
	}
	return second
}

// optionalFields has a field of each kind.
type optionalFields struct {
	Text     optional[string] `json:"text,omitempty"`
	Number   optional[int]    `json:"number,omitempty"`
	Truth    optional[bool]   `json:"truth,omitempty"`
	Nullable nullable[string] `json:"nullable,omitempty"`
}

// checkOptional checks one field: there and of its type, null, of another type, or absent.
func checkOptional[T any](t *testing.T, members map[string]any, name string, g optional[T], convert func(any) (T, bool)) {
	t.Helper()
	value, there := members[name]
	want, right := convert(value)
	got := [3]bool{g.ok, g.null, g.bad}
	if got != [3]bool{there && right, there && value == nil, there && value != nil && !right} {
		t.Fatalf("%s of %v is present, null, of the wrong type: %v", name, members, got)
	}
	if (g.pointer() != nil) != g.ok || g.ok && !reflect.DeepEqual(g.value, want) {
		t.Fatalf("%s of %v is %v, want %v", name, members, g.value, want)
	}
	if rejected := g.Resolve(nil, at(name)) != nil; rejected != (there && !right) {
		t.Fatalf("%s of %v is rejected: %t", name, members, rejected)
	}
}

func toString(v any) (string, bool) { s, ok := v.(string); return s, ok }

func toBool(v any) (bool, bool) { b, ok := v.(bool); return b, ok }

func toInt(v any) (int, bool) {
	n, ok := v.(strictjson.Number)
	i, err := strconv.Atoi(string(n))
	return i, ok && err == nil
}

// FuzzDecode_Optional distinguishes absent, null, valid and invalid values of
// fields, whatever else is wrong with the body.
func FuzzDecode_Optional(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"text": null, "number": null, "truth": null, "nullable": null}`,
		`{"text": "x", "number": -7, "truth": true, "nullable": ""}`,
		`{"text": 1, "number": 1.0, "truth": "true", "nullable": [], "Text": "x", "more": {}}`,
		`{"number": 9223372036854775808}`, `{"number": 1e2, "text": {}}`, `{"number": -0, "truth": false}`, `null`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var body optionalFields
		err := jsonFormat.Unmarshal(text, &body)
		meant, strict := strictjson.Read(text, 10_000)
		members, object := meant.(map[string]any)
		if accepted := strict && (object || meant == nil); accepted != (err == nil) {
			t.Fatalf("%q is an object: %t; it is read with %v", text, accepted, err)
		}
		if err != nil {
			return
		}
		checkOptional(t, members, "text", body.Text, toString)
		checkOptional(t, members, "number", body.Number, toInt)
		checkOptional(t, members, "truth", body.Truth, toBool)

		value, there := members["nullable"]
		want, isText := toString(value)
		if there && value == nil {
			want = "default"
		}
		sets := there && (value == nil || isText)
		if got := body.Nullable.orDefault("default"); (got != nil) != sets || sets && *got != want {
			t.Fatalf("%v sets nullable to %v", members, got)
		}
		if rejected := body.Nullable.Resolve(nil, at("nullable")) != nil; rejected != (value != nil && !isText) {
			t.Fatalf("nullable of %v is rejected: %t", members, rejected)
		}
	})
}

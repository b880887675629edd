package httpapi

import (
	"maps"
	"reflect"
	"testing"

	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/requirements"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

// maxDepth is how many levels of JSON the contract allows.
const maxDepth = 16

// readBody reads a body as an endpoint does. It reports whether the body is accepted.
func readBody[B any](text []byte) (value B, accepted bool) {
	in := JSONIn[B]{RawBody: text}
	err := in.decode(&call{}, body.NewPlan(reflect.TypeFor[B](), body.Options{}))
	return in.JSON, err == nil
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
	if written, there := members["description"]; described || !there || written == nil { // null means absent
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
	f.Fuzz(func(t *testing.T, text []byte, title, description string) {
		if _, faults := requirements.ParseNewProject(title, description); len(faults) > 0 {
			title, description = "x", "old"
		}
		meant, strict := strictjson.Read(text, maxDepth)
		if whole, taken := readBody[projectBody](text); strict {
			draft, is := projectFromJSON(meant)
			if is != taken || taken && whole.project != draft {
				t.Fatalf("%q is a project: %t; it is taken: %t, as %+v", text, is, taken, whole.project)
			}
		}

		patch, accepted := readBody[projectPatch](text)
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
			title = *or(patch.Title.Pointer(), &title)
			description = *or(patch.Description.OrDefault(""), &description)
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

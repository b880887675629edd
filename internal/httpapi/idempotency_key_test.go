package httpapi

import (
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"regexp"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/testkit/strictjson"
)

var keyPattern = regexp.MustCompile(`^[!-~]{1,255}$`)

// FuzzIdempotency_Key sends any keys. Exactly one key of the documented form
// is accepted, unchanged.
func FuzzIdempotency_Key(f *testing.F) {
	for _, key := range []string{"9b2f6c1e-5c3a-4f5e-8a53-0b8f7a3f9a11", "", " ", "a b", "~!", "\x7f", "ä", "\xff", "x\n"} {
		f.Add(key, "", false)
	}
	f.Add("one", "two", true)
	f.Fuzz(func(t *testing.T, first, second string, two bool) {
		r := &http.Request{Header: http.Header{"Idempotency-Key": {first}}, URL: rootURL}
		if two {
			r.Header.Add("Idempotency-Key", second)
		}
		want := !two && keyPattern.MatchString(first)
		var key idempotencyKey
		err := checkRequest(r, &huma.Operation{}, operation{})
		if err != nil && problem.CodeOf(err) != problem.InvalidHeader {
			t.Fatalf("the key %q: %v", first, err)
		}
		if accepted := err == nil && key.UnmarshalText([]byte(first)) == nil; accepted != want || accepted && key.text != first {
			t.Fatalf("the keys %q, %q (two: %t) are accepted: %t, as %q", first, second, two, accepted, key.text)
		}
	})
}

// FuzzIdempotency_SameRequest spells the JSON of a body another way. For an
// Idempotency-Key it is the same request, and a body of another meaning is
// another request.
func FuzzIdempotency_SameRequest(f *testing.F) {
	for _, body := range []string{`{"title": "x", "description": "y"}`, `{"b": [1e2, -0.0, "\u00e4\u2028<"], "a": null}`, `[{}, [], 9007199254740993]`, `1e999`, `"\ud835\udc9c"`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		meant, strict := strictjson.Read(body, maxDepth)
		request, err := requestDigest("/x", body)
		if !strict {
			return
		}
		if err != nil {
			t.Fatalf("%q has no canonical form: %v", body, err)
		}
		if !finite(meant) {
			return // no field accepts such a number
		}
		other, err := json.MarshalIndent(strictjson.Floats(meant), "\t", " ") // names sorted, other escapes
		if err != nil {
			t.Fatal(err)
		}
		if again, err := requestDigest("/x", other); err != nil || again != request {
			t.Fatalf("%q and %q are two requests: %v", body, other, err)
		}
		if elsewhere, err := requestDigest("/y", body); err != nil || elsewhere == request {
			t.Fatalf("%q to two paths is one request: %v", body, err)
		}
		canonical := jsontext.Value(body).Clone()
		if err := canonical.Canonicalize(); err != nil {
			t.Fatal(err)
		}
		decoded, strict := strictjson.Read(canonical, maxDepth)
		if !strict || !reflect.DeepEqual(strictjson.Floats(decoded), strictjson.Floats(meant)) {
			t.Fatalf("%q becomes %q", body, canonical)
		}
	})
}

// finite reports whether float64 can hold every number of the value.
func finite(value any) bool {
	switch v := value.(type) {
	case strictjson.Number:
		return !math.IsInf(v.Float(), 0)
	case []any:
		for _, element := range v {
			if !finite(element) {
				return false
			}
		}
	case map[string]any:
		for _, member := range v {
			if !finite(member) {
				return false
			}
		}
	}
	return true
}

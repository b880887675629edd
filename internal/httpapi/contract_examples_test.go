package httpapi_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// publishedContract is the contract as read by a library that shares no code
// with its writer.
func publishedContract(t *testing.T) v3.Document {
	t.Helper()
	api, _ := httpapi.New(httpapi.Config{Telemetry: httpapi.Telemetry{Now: time.Now}})
	written, err := api.ContractJSON()
	if err != nil {
		t.Fatal(err)
	}
	document, err := libopenapi.NewDocument(written)
	if err != nil {
		t.Fatal(err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		t.Fatal(err)
	}
	return model.Model
}

// decodable is a YAML node of the library.
type decodable interface{ Decode(v any) error }

// exampleValidator is one validator for all examples. It caches compiled schemas.
var exampleValidator = sync.OnceValue(func() schema_validation.SchemaValidator {
	return schema_validation.NewSchemaValidator(config.WithFormatAssertions())
})

// validateExample fails the test unless the schema allows the example. It
// returns the example.
func validateExample(t *testing.T, schema *base.SchemaProxy, example decodable) any {
	t.Helper()
	var value any
	if err := example.Decode(&value); err != nil {
		t.Fatal(err)
	}
	if ok, faults := exampleValidator().ValidateSchemaObject(schema.Schema(), value); !ok {
		for _, f := range faults {
			t.Errorf("the example is not valid: %s: %v\n%v", f.Reason, f.SchemaValidationErrors, value)
		}
	}
	return value
}

// wantExample fails the test unless every media type of the body has a valid
// example.
func wantExample(t *testing.T, what string, content map[string]*v3.MediaType) {
	t.Helper()
	for kind, media := range content {
		if media.Examples.Len() > 1 && media.Examples.Len() == len(media.Schema.Schema().OneOf) { // one for each form
			for example := range media.Examples.ValuesFromOldest() {
				validateExample(t, media.Schema, example.Value)
			}
			continue
		}
		if media.Example == nil {
			t.Errorf("%s as %s has no example: a tag sample is missing in the type of %s", what, kind, media.Schema.GetReference())
			continue
		}
		validateExample(t, media.Schema, media.Example)
	}
}

// codesIn are the problem codes that the description of a response links to.
func codesIn(description string) []string {
	var codes []string
	for _, link := range regexp.MustCompile(`\(/problems/([a-z_]+)\)`).FindAllStringSubmatch(description, -1) {
		codes = append(codes, link[1])
	}
	slices.Sort(codes)
	return codes
}

// wantProblems fails the test unless each code of the response has its
// example.
func wantProblems(t *testing.T, status string, answer *v3.Response) {
	t.Helper()
	media := answer.Content.GetOrZero("application/problem+json")
	if media == nil {
		t.Errorf("%s is not a problem", status)
		return
	}
	examples := maps.Collect(media.Examples.FromOldest())
	if got, want := slices.Sorted(maps.Keys(examples)), codesIn(answer.Description); len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("%s has examples of %v, its description names %v", status, got, want)
	}
	for code, example := range examples {
		shown, _ := validateExample(t, media.Schema, example.Value).(map[string]any)
		got := fmt.Sprint(shown["type"], shown["title"], shown["status"], shown["code"])
		want := fmt.Sprint("/problems/"+code, problem.Code(code).Doc().Title, status, code)
		if got != want {
			t.Errorf("the example of %s says %s, want %s", code, got, want)
		}
	}
}

func TestContract_EveryOperationHasValidExamples(t *testing.T) {
	t.Parallel()
	for path, item := range publishedContract(t).Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			// Not parallel: the library writes into its model while it reads.
			t.Run(method+" "+path, func(t *testing.T) {
				if op.OperationId == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 {
					t.Error("a name, a summary, a description or a tag is missing")
				}
				for _, p := range op.Parameters {
					if p.In == "path" {
						if p.Example == nil {
							t.Fatalf("{%s} has no example: add one to exampleThings in examples.go", p.Name)
						}
						validateExample(t, p.Schema, p.Example)
					}
				}
				if op.RequestBody != nil {
					wantExample(t, "the request", maps.Collect(op.RequestBody.Content.FromOldest()))
				}
				problems := 0
				for status, answer := range op.Responses.Codes.FromOldest() {
					switch n, err := strconv.Atoi(status); {
					case err != nil:
						t.Errorf("%s is not a status", status)
					case n >= 400:
						problems++
						wantProblems(t, status, answer)
					case answer.Content != nil:
						wantExample(t, status, maps.Collect(answer.Content.FromOldest()))
					}
				}
				if problems == 0 {
					t.Error("no problem is documented")
				}
			})
		}
	}
}

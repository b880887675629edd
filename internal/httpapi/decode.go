package httpapi

import (
	"cmp"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/httpapi/body"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// maxAuthBody is the size of the largest body of /auth/*, in bytes. Anyone may send
// one, and none needs more than an ID token.
const maxAuthBody = 32 << 10

// maxListedItems is how many items a body may list, whatever the limit of a specification
// is: more than fit into one are a conflict, not a fault of the body.
const maxListedItems = 500

// JSONIn is the part of an input that is its JSON body. huma reads the bytes, as slowly
// as the client sends them. The endpoint decodes them, within the concurrency limiter
// and the time of the operation.
type JSONIn[T any] struct {
	RawBody []byte
	// JSON is the decoded body. If it has a method check, that converts it into a value
	// of the rules and returns the faults.
	JSON T
}

// jsonIn is an input with a JSON body.
type jsonIn interface {
	bodyType() reflect.Type
	decode(c *call, plan *body.Plan) error
}

func (*JSONIn[T]) bodyType() reflect.Type { return reflect.TypeFor[T]() }

// decode decodes the body and checks it by the rules. All faults are reported together.
func (in *JSONIn[T]) decode(c *call, plan *body.Plan) error {
	if len(in.RawBody) == 0 && c.op.emptyBody {
		return nil
	}
	faults, err := plan.Decode(in.RawBody, &in.JSON)
	if err != nil {
		return err
	}
	if ruled, ok := any(&in.JSON).(interface {
		check(c *call) []problem.FieldError
	}); ok {
		faults = withRules(faults, ruled.check(c))
	}
	if len(faults) > 0 {
		return problem.Invalid(faults)
	}
	return nil
}

// decode decodes the body of an input, if it has one.
func (c *call) decode(in any, plan *body.Plan) error {
	if with, ok := in.(jsonIn); ok {
		return with.decode(c, plan)
	}
	return nil
}

// withRules adds the faults that the rules have found to those of decoding. What they
// say of a field without a value or of its parts, or once more, does not count.
func withRules(decoding, rules []problem.FieldError) []problem.FieldError {
	all := slices.Clone(decoding)
	for _, r := range rules {
		if !slices.ContainsFunc(decoding, func(d problem.FieldError) bool {
			return strings.HasPrefix(r.Pointer, d.Pointer+"/") || d.Pointer == r.Pointer && (d.Code == r.Code || !body.HasValue(d))
		}) {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b problem.FieldError) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return all
}

// planFor returns how the bodies of an operation are read, and describes them in the
// contract; nil for an operation without a body.
func planFor[In, Out any](a *API, pattern string, op operation) *body.Plan {
	in, ok := any(new(In)).(jsonIn)
	if !ok {
		return nil
	}
	limits := map[string]int{}
	if a.Requirements != nil { // it is nil where the contract is only rendered; then the tags hold
		limits["item_ids"] = a.Requirements.Limits().ItemsPerSpecification
		limits["items"] = max(maxListedItems, a.Requirements.Limits().ItemsPerSpecification)
	}
	schema := a.huma.OpenAPI().Components.Schemas.Schema(in.bodyType(), true, "")
	described := a.described(pattern).RequestBody
	described.Required = !op.emptyBody
	described.Content = map[string]*huma.MediaType{openapi.JSON: {Schema: schema}}
	for name, property := range a.huma.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref).Properties {
		if limit, ok := limits[name]; ok {
			property.MaxItems = &limit
		}
	}
	return body.NewPlan(in.bodyType(), body.Options{ReadOnly: fieldsOf(reflect.TypeFor[Out]()), MaxItems: limits})
}

// described is the description of an operation in the contract.
func (a *API) described(pattern string) *huma.Operation {
	method, path, _ := strings.Cut(pattern, " ")
	item := a.huma.OpenAPI().Paths[path]
	return map[string]*huma.Operation{
		http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete, http.MethodGet: item.Get,
	}[method]
}

// fieldsOf returns the names of the fields of a response's body, and of the resources that
// it lists.
func fieldsOf(out reflect.Type) []string {
	body, ok := out.FieldByName("Body")
	if !ok {
		return nil
	}
	return namesOf(body.Type)
}

func namesOf(t reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			names = append(names, namesOf(f.Type.Elem())...)
		}
	}
	return names
}

// countedBody counts the bytes of a body against the budget of its caller while they
// arrive.
type countedBody struct {
	io.ReadCloser

	account *admission.Account
}

// Read reads and counts.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if full := b.account.Add(n); full != nil {
		return n, full
	}
	return n, err
}

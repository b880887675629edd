package openapi

import (
	"bytes"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// setExamples gives an operation the examples of its path, its conditions, its body
// and its response.
func (c *Contract) setExamples(op *huma.Operation) {
	resource := c.resourceOf(op)
	for _, p := range op.Parameters {
		switch p.In {
		case "path":
			p.Example = c.idOf(resource)
		case "header":
			describeHeader(p, resource, op.Method)
		case "query":
			describeQuery(p)
		}
	}
	same := func(reflect.Value) {}
	if op.RequestBody != nil {
		c.setBodyExamples(op.RequestBody.Content, same)
	}
	switch ok := op.Responses[strconv.Itoa(op.DefaultStatus)]; op.DefaultStatus {
	case http.StatusOK:
		c.setBodyExamples(ok.Content, same)
	case http.StatusCreated:
		c.setBodyExamples(ok.Content, asCreated)
	}
}

// describeHeader moves the example of a request header into its description. Tools that
// try requests send examples, and a condition or a key that is not meant makes such a
// request fail.
func describeHeader(p *huma.Param, resource Resource, method string) {
	example := takeExample(p)
	if (p.Name == "If-Match" || p.Name == "If-None-Match" && method == http.MethodGet) && resource.ETag != "" {
		example = resource.ETag
	}
	if example != nil {
		p.Description += " For example `" + fmt.Sprint(example) + "`."
	}
}

// describeQuery does the same for an optional parameter of the query, which would narrow
// the response. Of an enum without a default, the renderer of the reference sends the
// first value, unless its example is disabled.
func describeQuery(p *huma.Param) {
	if p.Required {
		return
	}
	if example, ok := takeExample(p).(string); ok && !strings.Contains(p.Description, example) {
		p.Description += " For example `" + example + "`."
	}
	if values := p.Schema.Enum; len(values) > 0 && p.Schema.Default == nil {
		p.Examples = map[string]*huma.Example{fmt.Sprint(values[0]): {Value: values[0], Extensions: map[string]any{"x-disabled": true}}}
	}
}

// takeExample removes the example of a parameter, and returns it; nil without one.
func takeExample(p *huma.Param) any {
	if examples := p.Schema.Examples; len(examples) > 0 {
		p.Schema.Examples = nil
		return examples[0]
	}
	return nil
}

// setBodyExamples gives each kind of body its example. A body that has several forms
// gets an example of each.
func (c *Contract) setBodyExamples(content map[string]*huma.MediaType, adapt func(reflect.Value)) {
	example := func(of *huma.Schema) jsontext.Value {
		body := c.sample(c.api.Components.Schemas.TypeFromRef(of.Ref), "")
		adapt(body)
		return c.encode(body.Interface())
	}
	for _, media := range content {
		if media.Schema.Ref != "" {
			media.Example = example(media.Schema)
			continue
		}
		for _, form := range media.Schema.OneOf {
			if media.Examples == nil {
				media.Examples = map[string]*huma.Example{}
			}
			media.Examples[strings.TrimPrefix(form.Ref, SchemaPrefix)] = &huma.Example{Value: example(form)}
		}
	}
}

// problemExamples are the examples of a response with these codes. They are shared
// in the document, since they are the same in each operation.
func (c *Contract) problemExamples(path string, resource Resource, codes []any) map[string]*huma.Example {
	shared, examples := c.api.Components.Examples, map[string]*huma.Example{}
	for _, code := range codes {
		code := problem.Code(fmt.Sprint(code))
		name := string(code)
		var current any
		if code == problem.PreconditionFailed || code == problem.ItemSetMismatch {
			name += "-" + resource.Name
			current = c.sample(resource.View, "").Interface()
		}
		examples[string(code)] = &huma.Example{Ref: "#/components/examples/" + name}
		if shared[name] == nil {
			of := c.Example(code, strings.Replace(path, "{id}", c.idOf(resource), 1), current)
			shared[name] = &huma.Example{Summary: code.Doc().Title, Value: c.encode(of)}
		}
	}
	return examples
}

// ProblemExample is a problem with this code in JSON, as the first operation that may
// return it does.
func (c *Contract) ProblemExample(code problem.Code) []byte {
	shared := c.api.Components.Examples
	for _, resource := range append([]Resource{{}}, c.Resources...) {
		name := string(code)
		if resource.Name != "" {
			name += "-" + resource.Name
		}
		if example := shared[name]; example != nil {
			return c.encode(example.Value)
		}
	}
	return c.encode(c.Example(code, "/", nil)) // no operation returns it, but any path may
}

// idOf is the id of the example of a resource; empty without one.
func (c *Contract) idOf(resource Resource) string {
	if resource.View == nil {
		return ""
	}
	return fmt.Sprint(c.sample(resource.View, "").FieldByName("ID").Interface())
}

// encode is a body as the server writes it.
func (c *Contract) encode(body any) jsontext.Value {
	var text bytes.Buffer
	if err := c.Format.Marshal(&text, body); err != nil {
		panic(fmt.Sprintf("write the example of a %T: %v", body, err)) // responses are written the same way
	}
	return text.Bytes()
}

// sample is an example value of a type. Of a field it is, in this order:
//   - the tag sample, which is for the examples of bodies alone: JSON or plain text;
//   - the tag example, which huma shows at the schema of the field, too;
//   - left out, if the field is optional or may be null;
//   - the value in Samples for its type;
//   - the first value of the tag enum, or the tag minimum;
//   - of a list one element, of an object its fields, else the zero value.
func (c *Contract) sample(t reflect.Type, tag reflect.StructTag) reflect.Value {
	v := reflect.New(t).Elem()
	first, _, _ := strings.Cut(tag.Get("enum"), ",")
	text, ok := firstOf(tag, "sample", "example")
	optional := strings.Contains(tag.Get("json"), ",omit") || tag.Get("nullable") == "true"
	known, isKnown := c.Samples[t]
	switch {
	case ok:
		parse(v, text)
	case optional:
	case isKnown:
		v.Set(reflect.ValueOf(known))
	case first != "":
		parse(v, first)
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		n, _ := strconv.ParseInt(tag.Get("minimum"), 10, 64) // without a minimum, zero is fine
		v.SetInt(n)
	case t.Kind() == reflect.Slice:
		v.Set(reflect.Append(v, c.sample(t.Elem(), "")))
	case t.Kind() == reflect.Map:
		v.Set(reflect.MakeMap(t))
	case t.Kind() == reflect.Struct:
		for n := range t.NumField() {
			if f := t.Field(n); f.IsExported() {
				v.Field(n).Set(c.sample(f.Type, f.Tag))
			}
		}
	}
	return v
}

func firstOf(tag reflect.StructTag, names ...string) (string, bool) {
	for _, name := range names {
		if text, ok := tag.Lookup(name); ok {
			return text, true
		}
	}
	return "", false
}

// parse sets v to a value in JSON, or to a text. A sample that the type cannot hold
// is a mistake in a tag, found when the program starts.
func parse(v reflect.Value, text string) {
	if json.Unmarshal([]byte(text), v.Addr().Interface()) == nil {
		return
	}
	quoted, err := json.Marshal(text)
	if err == nil {
		err = json.Unmarshal(quoted, v.Addr().Interface())
	}
	if err != nil {
		panic(fmt.Sprintf("the sample %q of a %s: %v", text, v.Type(), err))
	}
}

// asCreated makes a resource as it is right after its creation.
func asCreated(body reflect.Value) {
	for n := range body.NumField() {
		switch name := body.Type().Field(n).Name; {
		case name == "Version":
			body.Field(n).SetInt(1)
		case name == "UpdatedAt":
			body.Field(n).Set(body.FieldByName("CreatedAt"))
		case strings.HasSuffix(name, "Count"):
			body.Field(n).SetInt(0)
		}
	}
}

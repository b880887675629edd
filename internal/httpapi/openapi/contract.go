// Package openapi completes the contract: huma derives the operations from the Go
// types of their inputs and outputs; this package adds what huma cannot know, such as
// the problems of each operation, 304, the merge-patch media type and the examples.
//
// It depends on no operation: package httpapi describes each to it.
package openapi

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// version is that of the contract, not of the program. Within it clients continue to
// work.
const version = "1"

// The media types of bodies.
const (
	JSON        = "application/json"
	MergePatch  = "application/merge-patch+json"
	ProblemJSON = "application/problem+json"
	EventStream = "text/event-stream"
	Markdown    = "text/markdown"
	Diff        = "text/x-diff"
)

// The names of the credentials: an access token of a session, and an API token.
const (
	SessionScheme = "bearer"
	TokenScheme   = "token"
)

// SchemaPrefix is where the document has its schemas.
const SchemaPrefix = "#/components/schemas/"

// Config is the part of the contract besides the operations.
type Config struct {
	// Prefix is the path of the API.
	Prefix string
	// Introduction is the text before the operations, in Markdown.
	Introduction string
	// Format reads and writes bodies, Markdown and Diff write them as texts.
	Format, Markdown, Diff huma.Format
	// Headers are those of every response of an operation.
	Headers map[string]*huma.Header
	// Resources are what the paths name.
	Resources []Resource
	// Problem and FieldError are the types of problem bodies.
	Problem, FieldError reflect.Type
	// FieldErrorCodes are all codes of field errors.
	FieldErrorCodes []any
	// Status is the HTTP status of a code.
	Status func(problem.Code) int
	// Example is a problem as a request to path gets it. For PreconditionFailed,
	// current is the resource as it is now.
	Example func(code problem.Code, path string, current any) any
	// Samples are example values by type; see sample.
	Samples map[reflect.Type]any
}

// Resource is what the path of an operation names.
type Resource struct {
	Name string
	// NotFound is the problem of an id that names nothing.
	NotFound problem.Code
	// View is the resource as the contract shows it.
	View reflect.Type
	// ETag is the entity tag of the example; empty without If-Match.
	ETag string
}

// Contract is the OpenAPI document.
type Contract struct {
	Config
	api *huma.OpenAPI
	// resources are those in the paths of operations, by method and path.
	resources map[string]Resource
}

// New returns the contract without its operations.
func New(c Config) *Contract {
	return &Contract{Config: c, resources: map[string]Resource{}, api: &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "codegenapp", Version: version,
			Description: c.Introduction,
			Contact:     &huma.Contact{Name: "codegenapp", URL: "https://github.com/codegenapp/codegenapp"},
			License:     &huma.License{Name: "MIT", Identifier: "MIT"},
		},
		Servers: []*huma.Server{{URL: c.Prefix}},
		Components: &huma.Components{
			Schemas:   huma.NewMapRegistry(SchemaPrefix, schemaName),
			Responses: map[string]*huma.Response{},
			Examples:  map[string]*huma.Example{},
			Headers:   c.Headers,
			SecuritySchemes: map[string]*huma.SecurityScheme{
				SessionScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The access_token of POST /auth/login."},
				TokenScheme:   {Type: "http", Scheme: "bearer", BearerFormat: "cga_…", Description: "An API token of POST /tokens or POST /bots/{id}/tokens. The operation names the scope that it needs; every token may read."},
			},
		},
		Tags: []*huma.Tag{
			{Name: "Sessions", Description: "Signing in with Google and what follows from it."},
			{Name: "Account", Description: "The caller's own profile, and everything that is theirs at once."},
			{Name: "Tokens", Description: "Credentials of yours for programs."},
			{Name: "Bots", Description: "Users that work for you, such as coding agents, and their credentials."},
			{Name: "Projects", Description: "What belongs together: the specifications of one program."},
			{Name: "Specifications", Description: "What one part of a program must do."},
			{Name: "Items", Description: "The ordered points of a specification."},
			{Name: "Search", Description: "Everything of the caller, by its words."},
			{Name: "History", Description: "What changed in projects, and what changes now."},
			{Name: "Members", Description: "The members of projects, and invitations to projects."},
			{Name: "Administration", Description: "People and what happened to them; never what they own."},
		},
	}}
}

// Huma is the configuration of huma for this contract.
func (c *Contract) Huma() huma.Config {
	return huma.Config{
		OpenAPI:       c.api,
		Formats:       map[string]huma.Format{JSON: c.Format, MergePatch: c.Format, ProblemJSON: c.Format, Markdown: c.Markdown, Diff: c.Diff},
		DefaultFormat: JSON,
	}
}

// schemaNames are the schemas that the contract names otherwise than the code names
// their types.
var schemaNames = map[string]string{"ProblemDetails": "Problem"}

// schemaName names a schema for readers of the contract: User for UserView,
// ProjectList for the body of projectsOut, LoginBody for that of loginIn.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if other, ok := schemaNames[name]; ok {
		return other
	}
	if list, ok := strings.CutSuffix(name, "sOutBody"); ok {
		return list + "List"
	}
	if body, ok := strings.CutSuffix(name, "InBody"); ok {
		return body + "Body"
	}
	return strings.TrimSuffix(name, "View")
}

// SetProblems documents how an operation may fail: one response for each status,
// with its codes. Responses with the same codes are shared in the document, under
// the names of the codes.
func (c *Contract) SetProblems(op *huma.Operation, codes []problem.Code) {
	byStatus := map[int][]any{}
	for _, code := range problem.Codes() { // in their order, each once
		if slices.Contains(codes, code) {
			byStatus[c.Status(code)] = append(byStatus[c.Status(code)], string(code))
		}
	}
	var resource Resource
	for _, r := range c.Resources {
		if slices.Contains(codes, r.NotFound) {
			resource = r
		}
	}
	c.resources[op.Method+" "+op.Path] = resource
	op.Responses = map[string]*huma.Response{}
	for status, codes := range byStatus {
		name := join(codes, "-or-")
		if status == http.StatusPreconditionFailed {
			name += "-" + resource.Name
		}
		c.api.Components.Responses[name] = &huma.Response{
			Description: http.StatusText(status) + ": " + join(each(codes, link), ", ") + ".",
			Headers:     c.problemHeaders(status),
			Content: map[string]*huma.MediaType{ProblemJSON: {
				Schema: c.problemSchema(codes, resource), Examples: c.problemExamples(op.Path, resource, codes),
			}},
		}
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
}

// link is a code as a link to the page that explains it.
func link(code any) any { return fmt.Sprintf("[`%[1]s`](/problems/%[1]s)", code) }

func join(codes []any, separator string) string {
	return strings.Join(each(codes, func(c any) string { return fmt.Sprint(c) }), separator)
}

// each converts every element.
func each[From, To any](from []From, convert func(From) To) []To {
	to := make([]To, len(from))
	for n, f := range from {
		to[n] = convert(f)
	}
	return to
}

func (c *Contract) problemHeaders(status int) map[string]*huma.Header {
	text := &huma.Schema{Type: huma.TypeString}
	switch status {
	case http.StatusUnauthorized:
		return map[string]*huma.Header{"WWW-Authenticate": {Schema: text, Description: "RFC 6750."}}
	case http.StatusPreconditionFailed:
		return map[string]*huma.Header{"ETag": {Schema: text, Description: "The tag of the resource under current, for If-Match of the next try."}}
	case http.StatusServiceUnavailable:
		return map[string]*huma.Header{"Retry-After": {Schema: text, Description: "Seconds to wait."}}
	case http.StatusTooManyRequests:
		return c.withHeaders(map[string]*huma.Header{"Retry-After": {Schema: text, Description: "Seconds until the rate limit allows a request again."}})
	default:
		return nil
	}
}

// withHeaders adds the headers of every response to those of one.
func (c *Contract) withHeaders(headers map[string]*huma.Header) map[string]*huma.Header {
	all := map[string]*huma.Header{}
	maps.Copy(all, headers)
	for name := range c.Headers {
		all[name] = &huma.Header{Ref: "#/components/headers/" + name}
	}
	return all
}

// problemSchema is a problem with one of the codes. Clients distinguish problems by
// their code. Three codes require a member that is optional elsewhere.
func (c *Contract) problemSchema(codes []any, resource Resource) *huma.Schema {
	schemas := c.api.Components.Schemas
	if len(codes) > 1 && slices.Contains(codes, any(string(problem.ValidationFailed))) {
		return &huma.Schema{OneOf: each(codes, func(code any) *huma.Schema { return c.problemSchema([]any{code}, resource) })}
	}
	own := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeString, Enum: codes}}}
	switch codes[0] {
	case string(problem.ValidationFailed):
		own.Properties["errors"] = schemas.Schema(reflect.SliceOf(c.FieldError), true, "")
		own.Required = []string{"errors"}
	case string(problem.PreconditionFailed), string(problem.ItemSetMismatch):
		own.Properties["current"] = schemas.Schema(resource.View, true, "")
		own.Required = []string{"current"}
	}
	return &huma.Schema{AllOf: []*huma.Schema{schemas.Schema(c.Problem, true, ""), own}}
}

// Complete completes the document once all operations are in it.
func (c *Contract) Complete() {
	schemas := c.api.Components.Schemas
	current := schemas.Map()["Problem"].Properties["current"]
	for _, r := range c.Resources {
		if r.ETag != "" {
			current.OneOf = append(current.OneOf, schemas.Schema(r.View, true, ""))
		}
	}
	schemas.Map()["FieldError"].Properties["code"].Enum = c.FieldErrorCodes
	for name, s := range schemas.Map() {
		c.setDefaults(s, schemas.TypeFromRef(SchemaPrefix+name))
		for _, property := range s.Properties {
			for _, of := range []*huma.Schema{property, property.Items} {
				if of != nil { // patternDescription is not a keyword of JSON Schema
					of.Description, of.PatternDescription = cmp.Or(of.Description, of.PatternDescription), ""
				}
			}
		}
	}
	for op := range c.operations() {
		c.completeOperation(op)
		c.setExamples(op)
	}
	c.openResponses()
}

// operations are all operations of the document.
func (c *Contract) operations() iter.Seq[*huma.Operation] {
	return func(yield func(*huma.Operation) bool) {
		for _, item := range c.api.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Put, item.Patch, item.Post, item.Delete} {
				if op != nil && !yield(op) {
					return
				}
			}
		}
	}
}

// setDefaults documents the values of absent fields by their tag absent: JSON or plain
// text. The tag default of huma would also set the value, which optional fields do not
// allow.
func (*Contract) setDefaults(s *huma.Schema, t reflect.Type) {
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for field := range t.Fields() {
		text, ok := field.Tag.Lookup("absent")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		var value any
		parse(reflect.ValueOf(&value).Elem(), text)
		s.Properties[name].Default = value
	}
}

func (c *Contract) completeOperation(op *huma.Operation) {
	if op.Security == nil {
		op.Security = []map[string][]string{} // explicitly none
	}
	if op.RequestBody != nil { // huma documents a RawBody as a second kind of body
		delete(op.RequestBody.Content, "application/octet-stream")
	}
	if op.Method == http.MethodPatch {
		op.RequestBody.Content[MergePatch] = op.RequestBody.Content[JSON]
	}
	ok := op.Responses[strconv.Itoa(op.DefaultStatus)]
	if op.Method == http.MethodGet && ok.Headers["ETag"] != nil {
		op.Responses["304"] = &huma.Response{Description: "Not Modified: If-None-Match names the present version."}
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "If-None-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Respond with 304 if the resource is still at this version.",
		})
	}
	for _, p := range op.Parameters {
		completeParameter(p, c.resourceOf(op).Name)
	}
	for _, h := range ok.Headers {
		h.Description, h.Schema.Description = cmp.Or(h.Description, h.Schema.Description), ""
	}
	ok.Headers = c.withHeaders(ok.Headers)
}

// resourceOf is the resource in the path of an operation; a zero one without.
func (c *Contract) resourceOf(op *huma.Operation) Resource { return c.resources[op.Method+" "+op.Path] }

// completeParameter removes what huma says twice, and adds what it does not know.
// Validation is not affected: huma has schemas of its own for it.
func completeParameter(p *huma.Param, resource string) {
	p.Explode = nil // has no meaning for single values, and all are single
	if p.In == "path" {
		p.Description = cmp.Or(p.Description, "The id of the "+resource+".")
	}
	if slices.Equal(p.Schema.Enum, []any{"true", "false"}) {
		p.Schema = &huma.Schema{Type: huma.TypeBoolean, Default: p.Schema.Default == "true"}
	}
	p.Schema.Description = ""
}

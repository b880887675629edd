package httpapi

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/docs"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// contractVersion is that of the contract, not of the program: the one in
// prefix. Within it clients go on working.
const contractVersion = "1"

// contract is the frame of the OpenAPI document; huma fills in the operations
// from the types of their functions.
func contract() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "codegenapp", Version: contractVersion,
				Description: docs.Introduction,
				Contact:     &huma.Contact{Name: "codegenapp", URL: "https://github.com/codegenapp/codegenapp"},
				License:     &huma.License{Name: "MIT", Identifier: "MIT"},
			},
			Servers: []*huma.Server{{URL: prefix}},
			Components: &huma.Components{
				Schemas:   huma.NewMapRegistry(schemaPrefix, schemaName),
				Responses: map[string]*huma.Response{},
				Headers:   limitHeaders(),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The access_token of POST /auth/login."},
				},
			},
			Tags: []*huma.Tag{
				{Name: "Sessions", Description: "Signing in with Google and what follows from it."},
				{Name: "Account", Description: "The caller's own profile, and everything that is theirs at once."},
				{Name: "Projects", Description: "What belongs together: the specifications of one program."},
				{Name: "Specifications", Description: "What one part of a program must do."},
				{Name: "Items", Description: "The ordered points of a specification."},
				{Name: "Administration", Description: "People and what happened to them; never what they own."},
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, mergePatch: jsonFormat, problemJSON: jsonFormat},
		DefaultFormat: "application/json",
	}
}

const schemaPrefix = "#/components/schemas/"

// schemaName names a type as its readers would: User for UserView, ProjectList
// for the body of projectsOut, LoginBody for that of loginIn.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	if list, ok := strings.CutSuffix(name, "sOutBody"); ok {
		return list + "List"
	}
	if body, ok := strings.CutSuffix(name, "InBody"); ok {
		return body + "Body"
	}
	// The contract calls the body of an error Problem, as RFC 9457 does.
	return strings.TrimSuffix(strings.TrimSuffix(name, "View"), "Details")
}

// view is a resource that a 412 may show, and the fault of an operation that does
// not find it.
type view struct {
	missing problem.Code
	shape   reflect.Type
}

var views = []view{
	{problem.ProjectNotFound, typeOf[Project]()},
	{problem.SpecificationNotFound, typeOf[specification]()},
	{problem.ItemNotFound, typeOf[item]()},
}

// documentFaults says in the contract how an operation may fail: one answer for
// each status, with the codes it can carry. Answers with the same codes stand in
// the document once, under the names of the codes.
func documentFaults(api huma.API, op *huma.Operation, faults []problem.Code) {
	codes := map[int][]any{}
	for _, code := range problem.Codes() { // in their order, each once
		if slices.Contains(faults, code) {
			codes[statusOf(code)] = append(codes[statusOf(code)], string(code))
		}
	}
	var shown view
	for _, v := range views {
		if slices.Contains(faults, v.missing) {
			shown = v
		}
	}
	shared, schemas := api.OpenAPI().Components.Responses, api.OpenAPI().Components.Schemas
	op.Responses = map[string]*huma.Response{}
	for status, codes := range codes {
		name := join(codes, "-or-")
		if status == http.StatusPreconditionFailed {
			name += "-" + nounOf(shown.missing)
		}
		shared[name] = &huma.Response{
			Description: http.StatusText(status) + ": " + join(each(codes, linkOf), ", ") + ".",
			Headers:     faultHeaders(status),
			Content: map[string]*huma.MediaType{problemJSON: {
				Schema: problemSchema(schemas, codes, shown.shape), Examples: problemExamples(api.OpenAPI().Components, op, codes),
			}},
		}
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
}

func join(codes []any, separator string) string {
	return strings.Join(each(codes, func(c any) string { return fmt.Sprint(c) }), separator)
}

// nounOf is what the fault does not find.
func nounOf(missing problem.Code) string { return strings.TrimSuffix(string(missing), "_not_found") }

func faultHeaders(status int) map[string]*huma.Header {
	text := &huma.Schema{Type: huma.TypeString}
	switch status {
	case http.StatusUnauthorized:
		return map[string]*huma.Header{"WWW-Authenticate": {Schema: text, Description: "RFC 6750."}}
	case http.StatusServiceUnavailable:
		return map[string]*huma.Header{"Retry-After": {Schema: text, Description: "Seconds to wait."}}
	case http.StatusTooManyRequests:
		return withLimits(map[string]*huma.Header{"Retry-After": {Schema: text, Description: "Seconds until the budget has a request again."}})
	default:
		return nil
	}
}

// problemSchema is a problem with one of the codes. Clients tell problems apart
// by them; with two of them comes what is optional elsewhere.
func problemSchema(schemas huma.Registry, codes []any, shown reflect.Type) *huma.Schema {
	if len(codes) > 1 && slices.Contains(codes, any(string(problem.ValidationFailed))) {
		return &huma.Schema{OneOf: each(codes, func(c any) *huma.Schema { return problemSchema(schemas, []any{c}, shown) })}
	}
	its := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": {Type: huma.TypeString, Enum: codes}}}
	switch codes[0] {
	case string(problem.ValidationFailed):
		its.Properties["errors"] = schemas.Schema(typeOf[[]mistake](), true, "")
		its.Required = []string{"errors"}
	case string(problem.PreconditionFailed):
		its.Properties["current"] = schemas.Schema(shown, true, "")
		its.Required = []string{"current"}
	}
	return &huma.Schema{AllOf: []*huma.Schema{schemas.Schema(typeOf[problemDetails](), true, ""), its}}
}

// mistakeCodes are the codes of faults of single fields: huma's, as violations.go
// writes them, and those of the rules. Tests hold every answer to them.
var mistakeCodes = []any{
	"blank", "control_character", "invalid", "not_allowed", "out_of_range", "repeated", "required",
	"too_few", "too_long", "too_many", "too_short", "unknown_field", "wrong_format", "wrong_type",
}

// describe completes the document once all operations are in it.
func (a *API) describe() {
	schemas := a.huma.OpenAPI().Components.Schemas
	current := schemas.Map()["Problem"].Properties["current"]
	for _, v := range views {
		current.OneOf = append(current.OneOf, schemas.Schema(v.shape, true, ""))
	}
	schemas.Map()["Mistake"].Properties["code"].Enum = mistakeCodes
	a.huma.OpenAPI().Paths["/auth/login"].Post.RequestBody.Content["application/json"].Schema = loginForms(schemas)
	for _, s := range schemas.Map() {
		for _, property := range s.Properties {
			if of := property.Items; of != nil { // not a word of JSON Schema
				of.Description, of.PatternDescription = cmp.Or(of.Description, of.PatternDescription), ""
			}
		}
	}
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Patch, item.Post, item.Delete} {
			if op != nil {
				describeOperation(op)
				exemplify(schemas, op)
			}
		}
	}
}

func describeOperation(op *huma.Operation) {
	if op.Security == nil {
		op.Security = []map[string][]string{} // says so: anybody may call
	}
	if op.RequestBody != nil { // huma takes a RawBody for a second kind of body
		delete(op.RequestBody.Content, "application/octet-stream")
	}
	if op.Method == http.MethodPatch {
		op.RequestBody.Content[mergePatch] = op.RequestBody.Content["application/json"]
	}
	ok := op.Responses[strconv.Itoa(op.DefaultStatus)]
	if op.Method == http.MethodGet && ok.Headers["ETag"] != nil {
		op.Responses["304"] = &huma.Response{Description: "Not Modified: If-None-Match names the present version."}
		op.Parameters = append(op.Parameters, &huma.Param{
			Name: "If-None-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Answer 304 if the resource is still at this version.",
		})
	}
	for _, p := range op.Parameters {
		describeParameter(p, nounOf(operations[op.Method+" "+op.Path].missing))
	}
	for _, h := range ok.Headers {
		h.Description, h.Schema.Description = cmp.Or(h.Description, h.Schema.Description), ""
	}
	ok.Headers = withLimits(ok.Headers)
}

// describeParameter says once what huma says twice, and what it does not know.
// What is checked stays as it is: huma keeps schemas of its own for that.
func describeParameter(p *huma.Param, noun string) {
	p.Explode = nil // means nothing for single values, and there are no others
	if p.In == "path" {
		p.Description = cmp.Or(p.Description, "The id of the "+noun+".")
	}
	if slices.Equal(p.Schema.Enum, []any{"true", "false"}) {
		p.Schema = &huma.Schema{Type: huma.TypeBoolean, Default: p.Schema.Default == "true"}
	}
	p.Schema.Description = ""
}

// ContractJSON is the published contract, indented. It is the same whatever the
// version of the program, so that a change of it is a change of the contract.
func (a *API) ContractJSON() ([]byte, error) { return json.MarshalIndent(a.huma.OpenAPI(), "", "  ") }

// ContractYAML is the same as YAML.
func (a *API) ContractYAML() ([]byte, error) { return a.huma.OpenAPI().YAML() }

// publish serves the document, rendered once.
func (a *API) publish(media string, render func() ([]byte, error)) http.HandlerFunc {
	once := sync.OnceValues(render)
	return func(w http.ResponseWriter, r *http.Request) {
		document, err := once()
		if err != nil {
			a.fail(w, r, fmt.Errorf("render the contract: %w", err))
			return
		}
		sum := sha256.Sum256(document)
		w.Header().Set("Content-Type", media)
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
		w.WriteHeader(http.StatusOK) // or 304; a mere Write would not ask
		_, _ = w.Write(document)     // the caller left; nothing to tell it
	}
}

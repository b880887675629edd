package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/fault"
)

// contract is the frame of the OpenAPI document; huma fills in the operations
// from the types of their functions.
func contract(version string) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "codegenapp", Version: cmp.Or(version, "0"),
				Description: "The server where requirements live: projects hold specifications, specifications hold ordered items.",
				License:     &huma.License{Name: "MIT", Identifier: "MIT"},
			},
			Servers: []*huma.Server{{URL: prefix}},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
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
			},
		},
		Formats:       map[string]huma.Format{"application/json": jsonFormat, mergePatch: jsonFormat, problemJSON: jsonFormat},
		DefaultFormat: "application/json",
	}
}

// documentFaults says in the contract how an operation may fail: one answer for
// each status, with the codes it can carry.
func documentFaults(api huma.API, op *huma.Operation, faults []fault.Code) {
	codes := map[int][]string{}
	for _, code := range fault.Codes() { // in their order, each once
		if slices.Contains(faults, code) {
			codes[statusOf(code)] = append(codes[statusOf(code)], "`"+string(code)+"`")
		}
	}
	schema := api.OpenAPI().Components.Schemas.Schema(typeOf[problem](), true, "Problem")
	op.Responses = map[string]*huma.Response{}
	for status, names := range codes {
		r := &huma.Response{
			Description: fmt.Sprintf("%s: %s.", http.StatusText(status), strings.Join(names, ", ")),
			Content:     map[string]*huma.MediaType{problemJSON: {Schema: schema}},
			Headers:     map[string]*huma.Param{},
		}
		text := &huma.Schema{Type: huma.TypeString}
		switch status {
		case http.StatusUnauthorized:
			r.Headers["WWW-Authenticate"] = &huma.Header{Schema: text, Description: "RFC 6750."}
		case http.StatusServiceUnavailable:
			r.Headers["Retry-After"] = &huma.Header{Schema: text, Description: "Seconds to wait."}
		}
		op.Responses[strconv.Itoa(status)] = r
	}
}

// describe completes the document once all operations are in it.
func (a *API) describe() {
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Patch, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			if op.Method == http.MethodPatch {
				op.RequestBody.Content[mergePatch] = op.RequestBody.Content["application/json"]
			}
			if ok := op.Responses[strconv.Itoa(op.DefaultStatus)]; op.Method == http.MethodGet && ok.Headers["ETag"] != nil {
				op.Responses["304"] = &huma.Response{Description: "Not Modified: If-None-Match names the present version."}
				op.Parameters = append(op.Parameters, &huma.Param{
					Name: "If-None-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
					Description: "Answer 304 if the resource is still at this version.",
				})
			}
		}
	}
}

// ContractJSON is the published contract, indented. It is the same whatever the
// version of the program, so that a change of it is a change of the contract.
func (a *API) ContractJSON() ([]byte, error) { return json.MarshalIndent(a.huma.OpenAPI(), "", "  ") }

// ContractYAML is the same as YAML.
func (a *API) ContractYAML() ([]byte, error) { return a.huma.OpenAPI().YAML() }

func (a *API) contractJSON(w http.ResponseWriter, r *http.Request) {
	a.publish(w, r, "application/json", a.ContractJSON)
}

func (a *API) contractYAML(w http.ResponseWriter, r *http.Request) {
	a.publish(w, r, "application/yaml", a.ContractYAML)
}

func (a *API) publish(w http.ResponseWriter, r *http.Request, media string, render func() ([]byte, error)) {
	document, err := render()
	if err != nil {
		a.fail(w, r, fmt.Errorf("render the contract: %w", err))
		return
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "public, max-age=60")
	_, _ = w.Write(document) // the caller left; nothing to tell it
}

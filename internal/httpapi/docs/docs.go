// Package docs serves the pages for people: the API reference at /docs, and the
// explanation of each problem at /problems. The program contains every byte of them,
// and no page runs a script that is not one of these files.
//
// It knows the problem codes, but no operation and no rule: the reference reads the
// contract like any client.
package docs

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// Introduction is the text before the operations, in Markdown.
//
//go:embed introduction.md
var Introduction string

//go:embed pages/*.html
var sources embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"asset": assetPath, "phrase": http.StatusText}).ParseFS(sources, "pages/*.html"))

// Config is what the pages show of the API.
type Config struct {
	// Contract is the path of the OpenAPI document.
	Contract string
	// Operations are the patterns of the operations, such as "POST /projects",
	// in the order in which the reference shows them.
	Operations []string
	// Status is the HTTP status of a code.
	Status func(problem.Code) int
	// Example is a problem with this code in JSON, as a response has it.
	Example func(problem.Code) []byte
	// FieldErrors are the codes of the field errors in a ValidationFailed.
	FieldErrors []FieldErrorCode
	// Missing responds if there is no such page.
	Missing http.HandlerFunc
}

// FieldErrorCode is a code of field errors and its meaning.
type FieldErrorCode struct{ Code, Meaning string }

// Pages serves the pages. They are the same for all callers, so they are rendered once.
type Pages struct {
	missing   http.HandlerFunc
	reference *file
	index     *file
	problems  map[string]*file
}

// The Content-Security-Policy of the pages. The renderer of the reference generates
// styles and reads the contract. The problem pages are text with a style sheet and a
// logo.
const (
	referencePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " + closed
	problemPolicy   = "default-src 'none'; style-src 'self'; img-src 'self'; " + closed
	closed          = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

// New renders the pages.
func New(c Config) *Pages {
	p := &Pages{
		missing: c.Missing,
		reference: page("reference.html", referencePolicy, map[string]string{
			"Contract": c.Contract, "Operations": strings.Join(c.Operations, "\n"),
		}),
		problems: map[string]*file{},
	}
	groups := c.problemsByStatus()
	p.index = page("problems.html", problemPolicy, groups)
	for _, group := range groups {
		for _, problem := range group.Problems {
			p.problems[string(problem.Code)] = page("problem.html", problemPolicy, problem)
		}
	}
	return p
}

// Reference is the API reference.
func (p *Pages) Reference(w http.ResponseWriter, r *http.Request) { p.reference.serve(w, r) }

// Problems lists every problem.
func (p *Pages) Problems(w http.ResponseWriter, r *http.Request) { p.index.serve(w, r) }

// Problem explains the problem {code}.
func (p *Pages) Problem(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, p.problems[r.PathValue("code")])
}

// Asset is the file {asset} of a page.
func (p *Pages) Asset(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, assets().files[r.PathValue("asset")])
}

func (p *Pages) serve(w http.ResponseWriter, r *http.Request, f *file) {
	if f == nil {
		p.missing(w, r)
		return
	}
	f.serve(w, r)
}

// page renders a page. A failure is a bug of this package, found when the program
// starts.
func page(name, policy string, data any) *file {
	var html bytes.Buffer
	if err := templates.ExecuteTemplate(&html, name, data); err != nil {
		panic(fmt.Sprintf("render the page %s: %v", name, err))
	}
	f := newFile("text/html; charset=utf-8", html.Bytes())
	f.policy = policy
	f.cache = "no-cache" // pages contain the names of assets, and old names are gone
	return f
}

// problemPage is the content of the page of a code.
type problemPage struct {
	Code   problem.Code
	Status int
	problem.Doc

	Example     string
	FieldErrors []FieldErrorCode
}

func (c Config) problemPage(code problem.Code) problemPage {
	p := problemPage{Code: code, Status: c.Status(code), Doc: code.Doc()}
	var example bytes.Buffer
	if err := json.Indent(&example, c.Example(code), "", "  "); err != nil {
		panic(fmt.Sprintf("indent the example of %s: %v", code, err))
	}
	p.Example = example.String()
	if code == problem.ValidationFailed {
		p.FieldErrors = c.FieldErrors
	}
	return p
}

// group is the problems with one status.
type group struct {
	Status   int
	Problems []problemPage
}

// problemsByStatus groups all codes by status; within a status they have the order of
// the contract.
func (c Config) problemsByStatus() []group {
	var groups []group
	for _, code := range problem.Codes() {
		p := c.problemPage(code)
		at, found := slices.BinarySearchFunc(groups, p.Status, func(g group, status int) int { return cmp.Compare(g.Status, status) })
		if !found {
			groups = slices.Insert(groups, at, group{Status: p.Status})
		}
		groups[at].Problems = append(groups[at].Problems, p)
	}
	return groups
}

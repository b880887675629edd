// Package docs serves the pages for people: the API reference at /docs, the
// explanation of each problem at /problems, and one for paths that do not exist. The
// program contains every byte of them, and no page runs a script that is not one of
// these files.
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
	"sync"

	"github.com/codegenapp/codegenapp/internal/httpapi/static"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// Introduction is the text before the operations, in Markdown.
//
//go:embed introduction.md
var Introduction string

//go:embed pages/*.html
var sources embed.FS

var templates = template.Must(template.New("").Funcs(pageFuncs("")).ParseFS(sources, "pages/*.html"))

// pageFuncs are the functions of the templates, for pages behind a path prefix.
func pageFuncs(prefix string) template.FuncMap {
	return template.FuncMap{
		"asset": func(source string) (string, error) {
			url, err := assets().URL(source)
			return prefix + url, err
		},
		"path":   func(path string) string { return prefix + path },
		"phrase": http.StatusText,
	}
}

// Config is what the pages show of the API.
type Config struct {
	// Contract is the path of the OpenAPI document.
	Contract string
	// Operations are the patterns of the operations, such as "POST /projects",
	// in the order in which the reference shows them.
	Operations []string
	// Status is the HTTP status of a code.
	Status func(problem.Code) int
	// Prefix is the path that clients see in front of the server's own paths;
	// PublicPrefix is that of a request.
	Prefix       string
	PublicPrefix func(*http.Request) string
	// Example is a problem with this code in JSON, as a response has it.
	Example func(problem.Code) []byte
	// FieldErrors are the codes of the field errors in a ValidationFailed.
	FieldErrors []FieldErrorCode
	// Missing responds if there is no such page.
	Missing http.HandlerFunc
}

// FieldErrorCode is a code of field errors and its meaning.
type FieldErrorCode struct{ Code, Meaning string }

// Pages serves the pages. They are the same for all callers, so each is
// rendered once, for the first request.
type Pages struct {
	Config

	groups []group
	// rendered renders the pages for Prefix, by path.
	rendered map[string]func() *static.File
}

// The Content-Security-Policy of the pages. The renderer of the reference generates
// styles and reads the contract. The other pages are text with a style sheet and a
// logo.
const (
	referencePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " + closed
	textPolicy      = "default-src 'none'; style-src 'self'; img-src 'self'; " + closed
	closed          = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

const (
	referencePath = "/docs"
	problemsPath  = "/problems"
)

// New returns the pages.
func New(c Config) *Pages {
	p := &Pages{Config: c, groups: c.problemsByStatus(), rendered: map[string]func() *static.File{}}
	paths := []string{referencePath, problemsPath}
	for _, code := range problem.Codes() {
		paths = append(paths, problemsPath+"/"+string(code))
	}
	for _, path := range paths {
		p.rendered[path] = sync.OnceValue(func() *static.File { return p.render(path, c.Prefix) })
	}
	return p
}

// render renders the page at a path.
func (p *Pages) render(path, prefix string) *static.File {
	switch path {
	case referencePath:
		return page("reference.html", referencePolicy, prefix, map[string]string{
			"Contract": prefix + p.Contract, "Operations": strings.Join(p.Operations, "\n"),
		})
	case problemsPath:
		return page("problems.html", textPolicy, prefix, p.groups)
	default:
		code := problem.Code(strings.TrimPrefix(path, problemsPath+"/"))
		return page("problem.html", textPolicy, prefix, p.problemPage(code))
	}
}

// Reference is the API reference.
func (p *Pages) Reference(w http.ResponseWriter, r *http.Request) { p.serve(w, r, referencePath) }

// Problems lists every problem.
func (p *Pages) Problems(w http.ResponseWriter, r *http.Request) { p.serve(w, r, problemsPath) }

// Problem explains the problem {code}.
func (p *Pages) Problem(w http.ResponseWriter, r *http.Request) {
	p.serve(w, r, problemsPath+"/"+r.PathValue("code"))
}

func (p *Pages) serve(w http.ResponseWriter, r *http.Request, path string) {
	rendered, ok := p.rendered[path]
	if !ok {
		p.Missing(w, r)
		return
	}
	if prefix := p.PublicPrefix(r); prefix != p.Prefix { // a proxy has named another one
		p.render(path, prefix).Serve(w, r)
		return
	}
	rendered().Serve(w, r)
}

// page renders a page. A failure is a bug of this package: it depends on no request.
func page(name, policy, prefix string, data any) *static.File {
	return static.NewPage(policy, execute(name, prefix, data))
}

func execute(name, prefix string, data any) []byte {
	var html bytes.Buffer
	t := template.Must(templates.Clone()).Funcs(pageFuncs(prefix))
	if err := t.ExecuteTemplate(&html, name, data); err != nil {
		panic(fmt.Sprintf("render the page %s: %v", name, err))
	}
	return html.Bytes()
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

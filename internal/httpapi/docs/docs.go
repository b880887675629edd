// Package docs serves the pages for people: the API reference at /docs, and
// what each problem means at /problems. Every byte of them comes from the
// program itself, and no page runs a script that is not a file of ours.
//
// It knows the vocabulary of failure, but no operation and no rule: the
// reference reads the contract as any client does.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
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

// Config is what the pages need to know of the API.
type Config struct {
	// Contract is the path of the OpenAPI document.
	Contract string
	// Operations are the patterns of the operations, such as "POST /projects",
	// in the order in which the reference shows them.
	Operations []string
	// Status is the HTTP status of a code.
	Status func(problem.Code) int
	// Missing answers where there is no such page.
	Missing http.HandlerFunc
}

// Pages serves the pages. They are the same for everybody, so they are made
// once.
type Pages struct {
	missing   http.HandlerFunc
	reference *file
	index     *file
	problems  map[string]*file
}

// What the pages may load. The renderer of the reference makes its style sheet
// and sets style attributes by itself, and it reads the contract; the problems
// are text with a style sheet and a picture.
const (
	referencePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " + closed
	problemPolicy   = "default-src 'none'; style-src 'self'; img-src 'self'; " + closed
	closed          = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

// New makes the pages.
func New(c Config) *Pages {
	p := &Pages{
		missing: c.Missing,
		reference: page("reference.html", referencePolicy, map[string]string{
			"Contract": c.Contract, "Operations": strings.Join(c.Operations, "\n"),
		}),
		problems: map[string]*file{},
	}
	groups := problemsByStatus(c.Status)
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

// page renders a page. One that cannot be rendered is a fault of this package,
// found when the program starts.
func page(name, policy string, data any) *file {
	var html bytes.Buffer
	if err := templates.ExecuteTemplate(&html, name, data); err != nil {
		panic(fmt.Sprintf("render the page %s: %v", name, err))
	}
	f := newFile("text/html; charset=utf-8", html.Bytes())
	f.policy = policy
	f.cache = "no-cache" // pages name their assets, and an old name is gone
	return f
}

package docs

import (
	"net/http"
	"strconv"
)

// Links are the paths that the page at / and the page for missing paths lead to.
type Links struct {
	// Contract is the OpenAPI document, SignIn begins a sign-in that ends at the
	// reference.
	Contract, SignIn string
}

// NotFound is what the page for a missing path shows.
type NotFound struct {
	Links

	// Path is the path that does not exist, Suggestion one that does, or empty.
	Path, Suggestion string
	RequestID        string
}

// Home is the page at /.
func (p *Pages) Home(w http.ResponseWriter, r *http.Request, links Links) {
	page("home.html", textPolicy, p.PublicPrefix(r), links).serve(w, r)
}

// NotFound is the page for a path that does not exist.
func (p *Pages) NotFound(w http.ResponseWriter, r *http.Request, of NotFound) {
	body := execute("missing.html", p.PublicPrefix(r), of)
	h := w.Header()
	h.Set("Content-Type", htmlType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Security-Policy", textPolicy)
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(body) // the client may have disconnected
}

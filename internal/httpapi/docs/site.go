package docs

import (
	"net/http"
	"strconv"

	"github.com/codegenapp/codegenapp/internal/httpapi/static"
)

// NotFound is what the page for a missing path shows.
type NotFound struct {
	// Path is the path that does not exist, Suggestion one that does, or empty.
	Path, Suggestion string
	RequestID        string
	// Language is that of the page: "en" or "de".
	Language string
}

// NotFound is the page for a path that does not exist.
func (p *Pages) NotFound(w http.ResponseWriter, r *http.Request, of NotFound) {
	name := "missing.html"
	if of.Language == "de" {
		name = "missing.de.html"
	}
	body := execute(name, p.PublicPrefix(r), of)
	h := w.Header()
	h.Set("Content-Type", static.HTML)
	h.Set("Content-Language", of.Language)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Content-Security-Policy", textPolicy)
	h.Set("Cache-Control", static.Revalidated)
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(body) // the client may have disconnected
}

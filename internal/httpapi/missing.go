package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/codegenapp/codegenapp/internal/httpapi/docs"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// workspacePage is the workspace for requests that prefer HTML, as those of browsers do.
// For others there is nothing at its paths.
func (a *API) workspacePage(w http.ResponseWriter, r *http.Request) {
	if !prefersHTML(r.Header) {
		a.missing(w, r)
		return
	}
	w.Header().Add("Vary", "Accept")
	a.workspace.Page(w, r)
}

// workspaceAsset is a file of the workspace.
func (a *API) workspaceAsset(w http.ResponseWriter, r *http.Request) {
	if !a.workspace.Asset(w, r) {
		a.missing(w, r)
	}
}

// missing responds to a request for a path without a route: a page if the request
// prefers HTML, as those of browsers do, else a problem.
func (a *API) missing(w http.ResponseWriter, r *http.Request) {
	public := middleware.InfoFrom(r.Context()).Public
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if at := strings.TrimRight(r.URL.Path, "/"); reads && at != r.URL.Path && (at == "/docs" || at == "/problems") {
		w.Header().Set("Location", public.Path(at))
		w.WriteHeader(http.StatusPermanentRedirect)
		return
	}
	w.Header().Add("Vary", "Accept")
	suggestion, route := a.suggestion(r.URL.Path)
	detail := "There is nothing at this path."
	if suggestion != "" { // without its ids: the same for every id
		detail += " Did you mean " + public.Path(route) + "?"
	} else {
		detail += " The API is below " + public.Path(prefix) + ", and " + public.Path("/docs") + " describes it."
	}
	err := problem.New(middleware.RouteNotFound, "%s", detail)
	if !reads || !prefersHTML(r.Header) {
		a.fail(w, r, err)
		return
	}
	p := problemOf(r, err) // for the log line
	w.Header().Add("Vary", "Accept-Language")
	a.pages.NotFound(w, r, docs.NotFound{
		Path: p.Instance, Suggestion: suggestion, RequestID: p.RequestID,
		Language: preferredLanguage(r.Header),
	})
}

// maxSuggestion is the length of the longest path that is corrected, in bytes.
const maxSuggestion = 200

// suggestion is a path that the caller may have meant, and the pattern of its route:
// without a slash too many, in lower case, below the prefix of the API, or with the
// short name of a resource. Both are empty if no route fits. They depend on the path
// alone.
func (a *API) suggestion(asked string) (at, route string) {
	if len(asked) > maxSuggestion {
		return "", ""
	}
	clean := path.Clean("/" + asked)
	for _, candidate := range []string{clean, strings.ToLower(clean)} {
		short := strings.ReplaceAll(candidate, "/specifications", "/specs")
		for _, known := range []string{candidate, short} {
			bare := strings.TrimPrefix(strings.TrimPrefix(known, "/api"), "/v1")
			for _, at := range []string{prefix + bare, known} {
				if route := a.routeAt(at); at != asked && route != "" {
					return at, route
				}
			}
		}
	}
	return "", ""
}

// routeAt is the pattern of the route at a path, without its method; empty without a
// route.
func (a *API) routeAt(at string) string {
	for _, method := range middleware.Methods {
		if _, pattern := a.mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: at}}); pattern != "" {
			_, route, _ := strings.Cut(pattern, " ")
			return route
		}
	}
	return ""
}

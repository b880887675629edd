package httpapi

import (
	"net/http"
	"slices"

	"github.com/codegenapp/codegenapp/internal/cache"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// shownBy returns the location of the item that a response shows, or whose change it
// confirms. It is zero if the response is not about one item, or its project is unknown.
func (l *locations) shownBy(response any, path string) location {
	switch out := response.(type) {
	case *changedItemOut:
		return out.at
	case *ParentOut:
		return out.at
	case *itemOut:
		if at, known := l.known.GetIfPresent(out.Body.SpecID); known {
			return at
		}
		if at := l.ofItem(path); !at.project.IsZero() { // an item stays in its project
			return location{at.project, out.Body.SpecID}
		}
	}
	return location{}
}

// ofItem returns the known location of the item at a path.
func (l *locations) ofItem(path string) location {
	_, name := resourceOf(path)
	item, _ := id.Parse[any](name)
	at, _ := l.known.GetIfPresent(item)
	return at
}

// scopeOf returns what the response to a read depends on. An item may have moved, so its
// response goes by the location that it shows.
func (a *API) scopeOf(r *http.Request) cache.Scope {
	if kind, _ := resourceOf(r.URL.Path); kind != "items" {
		return a.locations.scope(r.URL.Path)
	}
	at := requestInfoFrom(r.Context()).shown
	if at.project.IsZero() {
		return cache.All
	}
	return cache.Join(cache.Scope(at.project.String()), cache.Scope(at.spec.String()))
}

// noteLocation notes the location that the response to a request shows, before it is sent.
// A write whose mark names another specification marks this one as well. If the process
// dies in between, the client has no response, and other replicas serve what was before
// for the TTL of responses at most. The mark of a write whose outcome is unknown covers
// the project, and ends by its deadline.
func (a *API) noteLocation(r *http.Request, out any, err error) {
	info := requestInfoFrom(r.Context())
	if err == nil {
		info.shown = a.locations.shownBy(out, r.URL.Path)
	}
	if kind, _ := resourceOf(r.URL.Path); kind != "items" || info.write == nil || !info.write.started {
		return
	}
	failed := err != nil && statusOf(problem.CodeOf(err)) >= http.StatusInternalServerError
	at, marked := info.shown, info.write.scopes
	if failed {
		at = a.locations.ofItem(r.URL.Path)
	}
	project, spec := cache.Scope(at.project.String()), cache.Scope(at.spec.String())
	if at.project.IsZero() || !failed && (slices.Contains(marked, spec) || slices.Contains(marked, project) || slices.Contains(marked, cache.All)) {
		return
	}
	w := cache.Write{User: info.write.user, Scopes: []cache.Scope{spec, cache.ListsOf + project}}
	if failed {
		w.Scopes = []cache.Scope{project}
	}
	_, pending, err := a.Cache.Begin(r.Context(), w)
	if err != nil {
		a.Log.WarnContext(r.Context(), "the cache could not mark a write of a moved item", "error", err)
	}
	if !failed {
		a.Cache.End(pending)
	}
}

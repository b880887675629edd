package httpapi

import (
	"net/http"
	"strings"

	"github.com/codegenapp/codegenapp/internal/admission"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// route is what is known of a route before a request for it is read.
type route struct {
	pattern string
	// path is the pattern without its method.
	path string
	// signed is true for operations that need a token.
	signed bool
	// cacheable is true for reads whose response may be cached, writes for operations
	// that change what such reads show.
	cacheable, writes bool
	// texts are the media types of the response besides JSON.
	texts []string
	// limiter bounds how many requests work at the same time; nil for no bound.
	limiter *admission.Limiter
}

// routeOf returns the route of a request; without a pattern if no route matches.
func (a *API) routeOf(mux *http.ServeMux, r *http.Request) route {
	if !middleware.CleanPath(r) {
		return route{}
	}
	_, pattern := mux.Handler(r)
	if known, ok := a.known[pattern]; ok {
		return known
	}
	_, path, _ := strings.Cut(pattern, " ")
	return route{pattern: pattern, path: path}
}

// limiterKind selects a concurrency limiter; the zero one is that of normal work.
type limiterKind int

const (
	normalSlots limiterKind = iota
	signInSlots
	reservedSlots
)

// limiterFor returns the limiter of an operation.
func (a *API) limiterFor(op operation) *admission.Limiter {
	switch op.limiter {
	case signInSlots:
		return a.Admission.SignIns
	case reservedSlots:
		return a.Admission.Reserved
	default:
		return a.Admission.Normal
	}
}

package middleware

import (
	"context"
	"net/http"
	"regexp"

	"github.com/codegenapp/codegenapp/internal/id"
)

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// RequestID returns the caller's X-Request-Id if it has the right form, else a new
// one.
func RequestID(r *http.Request) string {
	if name := r.Header.Get("X-Request-Id"); requestIDForm.MatchString(name) {
		return name
	}
	return id.New[Info]().String()
}

// StartSpan starts the span of a request, if requests are traced. LogRequests ends
// it.
func (m *Middleware) StartSpan(ctx context.Context, r *http.Request, info *Info) context.Context {
	if m.Traces != nil {
		ctx, info.endSpan = m.Traces.Begin(ctx, r, knownMethod(r.Method), info.Route)
	}
	return ctx
}

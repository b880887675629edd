package middleware

import (
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// Methods are those that a route may have.
var Methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

// NotFound responds with our problems where the mux would respond in plain text or
// redirect: unknown paths, other methods, and paths that are not clean. It also
// responds to OPTIONS.
func (m *Middleware) NotFound(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if InfoFrom(r.Context()).Route != "" {
			next.ServeHTTP(w, r)
			return
		}
		allowed := m.allowedMethods(r)
		if len(allowed) == 0 {
			m.Missing(w, r)
			return
		}
		setAllow(w, allowed)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		m.Fail(w, r, problem.New(MethodNotAllowed, "%s", methodHint(r.Method, allowed)))
	})
}

// methodHint says which methods a path allows instead of one. Methods are
// case-sensitive, and some clients do not write patch in upper case.
func methodHint(method string, allowed []string) string {
	if upper := strings.ToUpper(method); upper != method && slices.Contains(allowed, upper) {
		return "Methods are written in upper case: send " + upper + "."
	}
	return "This path does not allow the method " + Clip(method, 20) + ". It allows " + strings.Join(allowed, ", ") + "."
}

// CleanPath reports whether the path has its one canonical spelling.
func CleanPath(r *http.Request) bool {
	return path.Clean(r.URL.Path) == r.URL.Path && utf8.ValidString(r.URL.Path)
}

// allowedMethods are the methods of the path of r; none without a route.
func (m *Middleware) allowedMethods(r *http.Request) []string {
	if !CleanPath(r) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(Methods), func(method string) bool {
		_, pattern := m.Mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host})
		return pattern == ""
	})
}

// setAllow sets Allow to the methods of a path, and Accept-Patch to the media types of
// a PATCH (RFC 5789, section 3.1).
func setAllow(w http.ResponseWriter, methods []string) {
	if slices.Contains(methods, http.MethodPatch) {
		w.Header().Set("Accept-Patch", AcceptPatch)
	}
	if len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(append(methods, http.MethodOptions), ", "))
	}
}

// AcceptPatch names the media types of a PATCH.
const AcceptPatch = "application/merge-patch+json, application/json"

// Clip cuts s to at most limit bytes of valid UTF-8.
func Clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "")
	for len(s) > limit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/codegenapp/codegenapp/internal/auth"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// route is what is known of a route before a request for it is read.
type route struct {
	pattern string
	// path is the pattern without its method.
	path string
	// signed is true for operations that need a token.
	signed bool
	// kept is true for reads of which the answer may be a kept one, changes for
	// operations that may change something of the caller's.
	kept, changes bool
	// places are those it works in; nil where it needs none.
	places *places
}

// routeOf is the route that a request asks for; without a pattern where there is
// none.
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

// enter lets each request go through the gate before anything else is done for
// it, and before its body is read. What the gate remembers the answer of is
// answered there.
func (a *API) enter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := requestInfoFrom(r.Context())
		if exempt(known.route, r) || a.Limits == nil && !a.remembers(known.route) {
			next.ServeHTTP(w, r)
			return
		}
		known.budgets.header = w.Header()
		entry, pass, err := a.approach(known.route, r)
		switch {
		case err != nil:
			a.fail(w, r, err)
		case entry.Changes:
			known.change = &change{slot: entry.Slot, mark: pass.Mark}
			defer a.changed(r) // of one that was refused, or panicked
			next.ServeHTTP(w, r)
		case pass.Answer != nil:
			known.Cache = hit
			answerKept(w, *pass.Answer)
		case pass.Epoch != "":
			known.Cache = miss
			copied := &copier{StatusWriter: middleware.StatusWriter{ResponseWriter: w}}
			next.ServeHTTP(copied, r)
			if answer, whole := copied.answer(); whole {
				a.Gate.Keep(entry, pass.Epoch, answer)
			}
		default:
			if entry.Question != "" {
				known.Cache = bypass
			}
			next.ServeHTTP(w, r)
		}
	})
}

// approach asks the gate, unless what the request asks for would find no place: a
// request that is shed costs neither Redis nor its caller's budget anything. Reads
// of which the answer may be kept need no place yet.
func (a *API) approach(route route, r *http.Request) (auth.Entry, auth.Pass, error) {
	if p := route.places; p != nil && !route.kept {
		if p.crowded() {
			return auth.Entry{}, auth.Pass{}, p.refuse()
		}
		p.coming.Add(1)
		defer p.coming.Add(-1)
	}
	return a.spend(r.Context(), a.payers(route, r)...)
}

// The ways in which the gate had to do with an answer, beside none at all.
const (
	hit  = "hit"
	miss = "miss"
	// bypass: something is changing, or what is kept is not believed.
	bypass = "bypass"
)

// remembers reports whether the gate has to do with a route but for its rates.
func (a *API) remembers(r route) bool { return a.Remembers && (r.kept || r.changes) }

// mostQuestion is the longest path and query of which an answer is kept, in bytes.
const mostQuestion = 512

// remembered is an entry that asks for what is remembered, too, or tells of a
// change.
func (a *API) remembered(e auth.Entry, actor auth.Actor, route route, r *http.Request) auth.Entry {
	if !a.remembers(route) {
		return e
	}
	e.Changes = route.changes
	if uri := r.URL.RequestURI(); route.kept && len(uri) <= mostQuestion && !refusable(r.Header) {
		e.Session, e.Question = actor.Session, uri
	}
	return e
}

// refusable reports headers for which a read may be refused that another gets an
// answer to: see checkRequest.
func refusable(h http.Header) bool { return h["If-Match"] != nil || h["Idempotency-Key"] != nil }

// change is a change that the gate knows of.
type change struct {
	slot auth.Slot
	mark auth.Mark
	told bool
}

// changed tells the gate that a request has changed what it can, once.
func (a *API) changed(r *http.Request) {
	c := requestInfoFrom(r.Context()).change
	if c == nil || c.told {
		return
	}
	c.told = true
	if err := a.Gate.Changed(r.Context(), c.slot, c.mark); err != nil {
		a.Log.WarnContext(r.Context(), "a change may not be seen everywhere for as long as answers are kept", "error", err)
	}
}

// answerKept writes a kept answer.
func answerKept(w http.ResponseWriter, a auth.Answer) {
	h := w.Header()
	if a.ETag != "" {
		h.Set("ETag", a.ETag)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(a.Body) // the caller may have left
}

// copier copies an answer while it is written, as long as it may be kept.
type copier struct {
	middleware.StatusWriter

	body  []byte
	large bool
}

// Write copies what is written.
func (c *copier) Write(b []byte) (int, error) {
	if c.large = c.large || len(c.body)+len(b) > auth.MostAnswer; !c.large {
		c.body = append(c.body, b...)
	}
	return c.StatusWriter.Write(b)
}

// answer is the copy, and whether it is one that can be kept.
func (c *copier) answer() (auth.Answer, bool) {
	return auth.Answer{ETag: c.Header().Get("ETag"), Body: c.body}, c.Status == http.StatusOK && !c.large
}

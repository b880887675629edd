package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// wrap puts around the routes what every request goes through, outermost first.
func (a *API) wrap(mux *http.ServeMux) http.Handler {
	var h http.Handler = a.onlyRoutes(mux)
	h = a.limitAndCache(h)
	h = a.conditional(h)
	h = a.requireHTTPS(h)
	h = a.boundHeaders(h)
	h = a.fromPages(mux, h)
	h = securityHeaders(h)
	h = a.recoverPanics(h)
	h = a.accessLog(h)
	h = a.identify(mux, h)
	return endAfterChunks(h)
}

// record is what is known of a request whatever it asks for.
type record struct {
	arrival

	requestID string
	// route is the one it asks for.
	route route
	// problem is what answers it, for its log line.
	problem *problemDetails
	// caller is whom its access token stands for, once somebody has asked.
	caller *caller
	// limits reports the rate limits that it was charged to.
	limits rateLimitHeaders
	// write is its mark in the cache, if it changes something.
	write *write
	// cache is what the cache did for a read: hit, miss or bypass.
	cache string
	// traced is told of the answer, if the request is traced.
	traced func(status int)
}

type recordKey struct{}

func recordOf(ctx context.Context) *record {
	r, ok := ctx.Value(recordKey{}).(*record)
	if !ok {
		return &record{}
	}
	return r
}

// requestID names the request of ctx.
func requestID(ctx context.Context) string { return recordOf(ctx).requestID }

// note remembers the problem that answers the request, for its log line.
func note(ctx context.Context, p *problemDetails) { recordOf(ctx).problem = p }

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identify gives the request its id, the caller's where it has the right form,
// finds out where it comes from, and lets it be traced, unless it is a question of
// whoever runs the server: there is one each second.
func (a *API) identify(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.Header.Get("X-Request-Id")
		if !requestIDForm.MatchString(name) {
			name = id.New[record]().String()
		}
		w.Header().Set("X-Request-Id", name)
		known := &record{arrival: a.arrivalOf(r), requestID: name, route: a.routeOf(mux, r)}
		ctx := context.WithValue(r.Context(), recordKey{}, known)
		if !exempt(known.route, r) {
			ctx, known.traced = a.Traces.Begin(ctx, r, knownMethod(r.Method), known.route.path)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// statusWriter remembers what was answered.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// accessLog tells of each request when it is answered, or broken off.
func (a *API) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := a.Now()
		answer := &statusWriter{ResponseWriter: w}
		defer a.Metrics.Begin()()
		defer func() { a.tell(r, answer, a.Now().Sub(began)) }()
		next.ServeHTTP(answer, r)
	})
}

// tell counts a request, ends its span, and writes its line. That names the route,
// not the path, whom a valid token stands for, and of a problem its code and cause.
func (a *API) tell(r *http.Request, answer *statusWriter, took time.Duration) {
	known := recordOf(r.Context())
	method := knownMethod(r.Method)
	a.Metrics.Request(method, known.route.path, answer.status, took)
	level := slog.LevelInfo
	attrs := append(make([]slog.Attr, 0, 6), slog.String("request_id", known.requestID), slog.Attr{
		Key: "http", Value: slog.GroupValue(
			slog.String("method", method), slog.String("route", known.route.path), slog.Int("status", answer.status),
			slog.Int64("bytes", answer.bytes), slog.Duration("latency", took), slog.String("protocol", r.Proto)),
	})
	if known.cache != "" {
		a.Metrics.Cache(known.route.path, known.cache)
		attrs = append(attrs, slog.String("cache", known.cache))
	}
	if c := known.caller; c != nil && c.err == nil {
		attrs = append(attrs, slog.String("user", c.user))
		if a.OnUser != nil && answer.status < http.StatusBadRequest {
			a.OnUser(c.user)
		}
	}
	if p := known.problem; p != nil {
		a.Metrics.Problem(p.Code)
		attrs = append(attrs, slog.String("code", p.Code))
		if p.Status >= http.StatusInternalServerError {
			level = levelOf(p)
			attrs = append(attrs, slog.Any("error", p.cause))
		}
	}
	a.line(r.Context(), level, attrs)
	if known.traced != nil {
		known.traced(answer.status)
	}
}

// line writes the line of a request. It names no place in the program: it is always
// this one, and to find it out costs as much as writing the rest.
func (a *API) line(ctx context.Context, level slog.Level, attrs []slog.Attr) {
	if to := a.Log.Handler(); to.Enabled(ctx, level) {
		line := slog.NewRecord(a.Now(), level, "request", 0)
		line.AddAttrs(attrs...)
		_ = to.Handle(ctx, line) // there is no other place to complain at
	}
}

// levelOf is how loud a failure is told: that something is away, or too much asked
// at once, is no fault of the program.
func levelOf(p *problemDetails) slog.Level {
	if p.Status == http.StatusServiceUnavailable {
		return slog.LevelWarn
	}
	return slog.LevelError
}

// knownMethod is the method, or OTHER: the caller's own words could be anything.
func knownMethod(method string) string {
	if method == http.MethodOptions || slices.Contains(methods, method) {
		return method
	}
	return "OTHER"
}

// recoverPanics answers a panic like any failure of ours. http.ErrAbortHandler
// passes: it is how a handler closes the connection on purpose.
func (a *API) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); {
			case v == nil:
			case v == http.ErrAbortHandler: //nolint:errorlint,err113 // the very value, as net/http compares it
				panic(v)
			default:
				a.Metrics.Panicked()
				a.Log.ErrorContext(r.Context(), "panic", "request_id", requestID(r.Context()), "stack", string(debug.Stack()))
				a.fail(w, r, fmt.Errorf("panic of type %T", v))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// securityHeaders are on every answer.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureAnswer(w.Header(), recordOf(r.Context()).secure)
		if r.Header.Get("Authorization") != "" {
			w.Header()["Cache-Control"] = privateNoCache
		}
		next.ServeHTTP(w, r)
	})
}

// The values of headers that every answer has are made once. Nobody writes to
// them: Set puts another value in their place, and Add copies what has no room.
var (
	privateNoCache = []string{"private, no-cache"}
	secureHeaders  = map[string][]string{
		"X-Content-Type-Options":  {"nosniff"},
		"Referrer-Policy":         {"no-referrer"},
		"X-Frame-Options":         {"DENY"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
	}
	onlyHTTPS = []string{"max-age=63072000; includeSubDomains"}
)

// secureAnswer sets what browsers must know of any answer of ours.
func secureAnswer(h http.Header, overHTTPS bool) {
	maps.Copy(h, secureHeaders)
	if overHTTPS {
		h["Strict-Transport-Security"] = onlyHTTPS
	}
}

// conditional answers 304 where If-None-Match says that the caller has it.
func (a *API) conditional(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tags := r.Header.Values("If-None-Match"); len(tags) > 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			w = &notModified{ResponseWriter: w, ifNoneMatch: strings.Join(tags, ", ")}
		}
		next.ServeHTTP(w, r)
	})
}

// methods are those a route may have.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

// onlyRoutes answers in our form what the mux would answer in its own: unknown
// paths, other methods, OPTIONS, and paths that are not written in the one way.
func (a *API) onlyRoutes(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if recordOf(r.Context()).route.pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		its := allowed(mux, r)
		if len(its) == 0 {
			a.fail(w, r, problem.New(problem.RouteNotFound, "There is nothing at this path."))
			return
		}
		allow(w, its)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		a.fail(w, r, problem.New(problem.MethodNotAllowed, "%s is not a method of this path.", clip(r.Method, 20)))
	})
}

func cleanPath(r *http.Request) bool {
	return path.Clean(r.URL.Path) == r.URL.Path && utf8.ValidString(r.URL.Path)
}

// allowed is the methods of the path of r; none where there is no route.
func allowed(mux *http.ServeMux, r *http.Request) []string {
	if !cleanPath(r) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(methods), func(method string) bool {
		_, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host})
		return pattern == ""
	})
}

// allow says which methods a path has.
func allow(w http.ResponseWriter, methods []string) {
	if len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(append(methods, http.MethodOptions), ", "))
	}
}

// clip cuts s to at most limit bytes of valid UTF-8.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, "")
	for len(s) > limit {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

package httpapi

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// defaultRetryAfter is the Retry-After of a 503 whose error has none.
const defaultRetryAfter = time.Second

// statuses maps each kind of failure to its HTTP status. Besides it only
// middleware.StatusOf selects the status of an error. A test checks that it is complete.
var statuses = map[problem.Kind]int{
	problem.KindInternal:           http.StatusInternalServerError,
	problem.KindInvalidArgument:    http.StatusBadRequest,
	problem.KindUnauthenticated:    http.StatusUnauthorized,
	problem.KindPermissionDenied:   http.StatusForbidden,
	problem.KindNotFound:           http.StatusNotFound,
	problem.KindConflict:           http.StatusConflict,
	problem.KindGone:               http.StatusGone,
	problem.KindFailedPrecondition: http.StatusPreconditionFailed,
	problem.KindInvalid:            http.StatusUnprocessableEntity,
	problem.KindResourceExhausted:  http.StatusTooManyRequests,
	problem.KindUnavailable:        http.StatusServiceUnavailable,
}

// statusOf returns the HTTP status of a code.
func statusOf(code problem.Code) int {
	if status := middleware.StatusOf(code); status != 0 {
		return status
	}
	return statuses[code.Doc().Kind]
}

// problemDetails is the body of every error: problem details after RFC 9457.
type problemDetails struct { //nolint:errname // the name of RFC 9457
	Type      string       `json:"type" format:"uri-reference" doc:"Where the code is explained."`
	Title     string       `json:"title" doc:"The code in words; the same at every occurrence."`
	Status    int          `json:"status" doc:"The HTTP status."`
	Detail    string       `json:"detail" doc:"What happened this time, in words."`
	Instance  string       `json:"instance" format:"uri-reference" doc:"The path of the request."`
	Code      string       `json:"code" doc:"What happened, for programs."`
	RequestID string       `json:"request_id" doc:"Names this request in the server's log."`
	Errors    []fieldError `json:"errors,omitempty" doc:"What is wrong with single fields; all faults of the request at once."`
	Current   any          `json:"current,omitempty" doc:"For precondition_failed: the resource as it is now, with its ETag in the header. For item_set_mismatch: the specification with its items."`

	headers http.Header
	cause   error
}

// fieldError is one fault of one field.
type fieldError struct {
	Pointer string `json:"pointer" doc:"The field in the request body, as an RFC 6901 pointer."`
	Code    string `json:"code" doc:"The rule that was broken, for programs."`
	Detail  string `json:"detail" doc:"The rule, for people."`
}

// Error is the text for the log.
func (p *problemDetails) Error() string {
	if p.cause != nil {
		return p.cause.Error()
	}
	return p.Code + ": " + p.Detail
}

// GetStatus is the status, for huma.
func (p *problemDetails) GetStatus() int { return p.Status }

// GetHeaders are the headers, for huma.
func (p *problemDetails) GetHeaders() http.Header { return p.headers }

// ContentType is the media type, for huma.
func (p *problemDetails) ContentType(string) string { return openapi.ProblemJSON }

// TransformSchema lists the codes in the contract.
func (p *problemDetails) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, code := range problem.Codes() {
		s.Properties["code"].Enum = append(s.Properties["code"].Enum, string(code))
	}
	return s
}

// problemOf turns an error into a problem, and notes it for the log line of the
// request. An error without a code becomes internal, and its text goes to the log only.
func problemOf(r *http.Request, err error) *problemDetails {
	f, ok := errors.AsType[*problem.Error](err)
	if !ok {
		f = problem.New(problem.Internal, "Something went wrong on the server. It has been logged.")
	}
	meaning, info := f.Code.Doc(), middleware.InfoFrom(r.Context())
	p := &problemDetails{
		Type: "/problems/" + string(f.Code), Title: meaning.Title, Status: statusOf(f.Code),
		Detail: f.Detail, Instance: r.URL.EscapedPath(), Code: string(f.Code), RequestID: info.RequestID,
		headers: http.Header{}, cause: err,
	}
	for _, v := range f.Fields {
		p.Errors = append(p.Errors, fieldError(v))
	}
	if resource, tag := present(f.Current); resource != nil {
		p.Current = resource
		p.headers.Set("ETag", tag)
	}
	if meaning.Kind == problem.KindUnauthenticated {
		p.headers.Set("WWW-Authenticate", challenge(f.Code))
	}
	if f.Code == middleware.UnsupportedMediaType && r.Method == http.MethodPatch {
		p.headers.Set("Accept-Patch", middleware.AcceptPatch)
	}
	wait := f.RetryAfter
	if wait <= 0 && p.Status == http.StatusServiceUnavailable {
		wait = defaultRetryAfter
	}
	if wait > 0 {
		p.headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	info.Problem = &middleware.Problem{Code: p.Code, Status: p.Status, Cause: p.cause}
	return p
}

// present is a resource as the contract shows it, and its entity tag; nil for anything
// else. A resource of an example has no tag.
func present(resource any) (view any, tag string) {
	switch r := resource.(type) {
	case requirements.Project:
		return projectOf(r), etag(r.Tag())
	case requirements.Specification:
		return specificationOf(r), etag(r.Tag())
	case requirements.ItemList:
		view := specificationOf(r.Specification)
		view.Items = each(r.Items, itemOf)
		return view, etag(r.Specification.Tag())
	case requirements.Item:
		return itemOf(r), etag(r.Tag())
	case Project, specification, item:
		return r, ""
	default:
		return nil, ""
	}
}

// challenge is the WWW-Authenticate of a 401 (RFC 6750, section 3).
func challenge(code problem.Code) string {
	switch code {
	case problem.TokenInvalid, problem.TokenExpired, problem.TokenRevoked:
		return `Bearer realm="codegenapp", error="invalid_token"`
	default:
		return `Bearer realm="codegenapp"`
	}
}

// fail writes the problem of err.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r, err)
	document, err := json.Marshal(p, jsonOptions)
	if err != nil {
		panic(err) // a problem has only text
	}
	maps.Copy(w.Header(), p.headers)
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Set("Content-Length", strconv.Itoa(len(document)))
	w.WriteHeader(p.Status)
	if _, err := w.Write(document); err != nil { //nolint:gosec // it is JSON, with its media type
		a.Log.DebugContext(r.Context(), "the client disconnected before the response was complete", "error", err)
	}
}

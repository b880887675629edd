package httpapi

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

// statuses maps each kind of failure to its HTTP status. Besides it only
// httpStatuses selects the status of an error. A test checks that it is complete.
var statuses = map[problem.Kind]int{
	problem.KindInternal:           http.StatusInternalServerError,
	problem.KindInvalidArgument:    http.StatusBadRequest,
	problem.KindUnauthenticated:    http.StatusUnauthorized,
	problem.KindPermissionDenied:   http.StatusForbidden,
	problem.KindNotFound:           http.StatusNotFound,
	problem.KindConflict:           http.StatusConflict,
	problem.KindFailedPrecondition: http.StatusPreconditionFailed,
	problem.KindInvalid:            http.StatusUnprocessableEntity,
	problem.KindResourceExhausted:  http.StatusTooManyRequests,
	problem.KindUnavailable:        http.StatusServiceUnavailable,
}

// statusOf returns the HTTP status of a code.
func statusOf(code problem.Code) int {
	if status, ok := httpStatuses[code]; ok {
		return status
	}
	return statuses[code.Doc().Kind]
}

// problemDetails is the body of every error: problem details after RFC 9457.
type problemDetails struct {
	Type      string    `json:"type" format:"uri-reference" doc:"Where the code is explained."`
	Title     string    `json:"title" doc:"The code in words; the same at every occurrence."`
	Status    int       `json:"status" doc:"The HTTP status."`
	Detail    string    `json:"detail" doc:"What happened this time, for people."`
	Instance  string    `json:"instance" format:"uri-reference" doc:"The path of the request."`
	Code      string    `json:"code" doc:"What happened, for programs."`
	RequestID string    `json:"request_id" doc:"Names this request in the server's log."`
	Errors    []mistake `json:"errors,omitempty" doc:"What is wrong with single fields; all faults of the request at once."`
	Current   any       `json:"current,omitempty" doc:"For precondition_failed: the resource as it is now."`

	headers http.Header
	cause   error
}

// mistake is one fault of one field.
type mistake struct {
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

// GetStatus tells huma the status.
func (p *problemDetails) GetStatus() int { return p.Status }

// GetHeaders tells huma the headers.
func (p *problemDetails) GetHeaders() http.Header { return p.headers }

// ContentType tells huma the media type.
func (p *problemDetails) ContentType(string) string { return problemJSON }

// TransformSchema names the codes of the contract.
func (p *problemDetails) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, code := range problem.Codes() {
		s.Properties["code"].Enum = append(s.Properties["code"].Enum, string(code))
	}
	return s
}

// problemOf is the one way from a failure to an answer. What nobody classified
// becomes internal, and its text goes to the log alone.
func problemOf(r *http.Request, err error) *problemDetails {
	f, ok := errors.AsType[*problem.Error](err)
	if !ok {
		f = problem.New(problem.Internal, "Something went wrong on our side; it has been logged.")
	}
	meaning := f.Code.Doc()
	p := &problemDetails{
		Type: "/problems/" + string(f.Code), Title: meaning.Title, Status: statusOf(f.Code),
		Detail: f.Detail, Instance: r.URL.EscapedPath(), Code: string(f.Code), RequestID: requestID(r.Context()),
		headers: http.Header{}, cause: err,
	}
	for _, v := range f.Fields {
		p.Errors = append(p.Errors, mistake(v))
	}
	p.Current = shown(f.Current)
	if meaning.Kind == problem.KindUnauthenticated {
		p.headers.Set("WWW-Authenticate", challenge(f.Code))
	}
	if f.RetryAfter > 0 {
		p.headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	note(r.Context(), p)
	return p
}

// shown is a resource as the contract shows it.
func shown(resource any) any {
	switch r := resource.(type) {
	case requirements.Project:
		return projectOf(r)
	case requirements.Specification:
		return specificationOf(r)
	case requirements.Item:
		return itemOf(r)
	default:
		return nil
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

// fail answers with the problem of err.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(r, err)
	maps.Copy(w.Header(), p.headers)
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	if err := json.MarshalWrite(w, p, jsonOptions); err != nil {
		a.Log.DebugContext(r.Context(), "the caller left before the answer", "error", err)
	}
}

// problemJSON is the media type of RFC 9457.
const problemJSON = "application/problem+json"

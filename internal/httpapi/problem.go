package httpapi

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"

	"github.com/codegenapp/codegenapp/internal/fault"
	"github.com/codegenapp/codegenapp/internal/outline"
)

// statuses maps each kind of failure to its HTTP status. Nothing else chooses
// the status of an error. A test holds it complete.
var statuses = map[fault.Kind]int{
	fault.Ours:            http.StatusInternalServerError,
	fault.Malformed:       http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Denied:          http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.NotAllowed:      http.StatusMethodNotAllowed,
	fault.TimedOut:        http.StatusRequestTimeout,
	fault.Conflict:        http.StatusConflict,
	fault.Precondition:    http.StatusPreconditionFailed,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.Invalidated:     http.StatusUnprocessableEntity,
	fault.Limited:         http.StatusTooManyRequests,
	fault.Overlong:        http.StatusRequestHeaderFieldsTooLarge,
	fault.Away:            http.StatusServiceUnavailable,
}

// statusOf is the HTTP status of a code.
func statusOf(code fault.Code) int { return statuses[code.Meaning().Kind] }

// problem is the body of every error: problem details after RFC 9457.
type problem struct {
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
func (p *problem) Error() string {
	if p.cause != nil {
		return p.cause.Error()
	}
	return p.Code + ": " + p.Detail
}

// GetStatus tells huma the status.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders tells huma the headers.
func (p *problem) GetHeaders() http.Header { return p.headers }

// ContentType tells huma the media type.
func (p *problem) ContentType(string) string { return problemJSON }

// TransformSchema names the codes of the contract.
func (p *problem) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, code := range fault.Codes() {
		s.Properties["code"].Enum = append(s.Properties["code"].Enum, string(code))
	}
	return s
}

// problemOf is the one way from a failure to an answer. What nobody classified
// becomes internal, and its text goes to the log alone.
func problemOf(r *http.Request, err error) *problem {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		f = fault.New(fault.Internal, "Something went wrong on our side; it has been logged.")
	}
	meaning := f.Code.Meaning()
	p := &problem{
		Type: "/problems/" + string(f.Code), Title: meaning.Title, Status: statuses[meaning.Kind],
		Detail: f.Detail, Instance: r.URL.EscapedPath(), Code: string(f.Code), RequestID: requestID(r.Context()),
		headers: http.Header{}, cause: err,
	}
	for _, v := range f.Violations {
		p.Errors = append(p.Errors, mistake(v))
	}
	p.Current = shown(f.Current)
	if meaning.Kind == fault.Unauthenticated {
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
	case outline.Project:
		return projectOf(r)
	case outline.Specification:
		return specificationOf(r)
	case outline.Item:
		return itemOf(r)
	default:
		return nil
	}
}

// challenge is the WWW-Authenticate of a 401 (RFC 6750, section 3).
func challenge(code fault.Code) string {
	switch code {
	case fault.TokenInvalid, fault.TokenExpired, fault.TokenRevoked:
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

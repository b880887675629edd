package middleware

import (
	"net/http"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// The codes of HTTP itself. No business rule returns them: the packages of the rules
// do not depend on HTTP.
var (
	MalformedRequest = problem.Define("malformed_request", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Malformed request",
		Description: "The server does not understand the request as HTTP: it has an expectation that the server does not know.",
		Remedy:      "Remove the header Expect, or send Expect: 100-continue.",
	})
	HTTPSRequired = problem.Define("https_required", problem.Doc{
		Kind:        problem.KindPermissionDenied,
		Title:       "HTTPS required",
		Description: "The request was sent over plain HTTP. Others may have read it.",
		Remedy:      "Use https://, and treat tokens that were sent unencrypted as stolen.",
	})
	RouteNotFound = problem.Define("route_not_found", problem.Doc{
		Kind:        problem.KindNotFound,
		Title:       "No such route",
		Description: "There is nothing at this path.",
		Remedy:      "Check the path against /api/v1/openapi.json.",
	})
	MethodNotAllowed = problem.Define("method_not_allowed", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Method not allowed",
		Description: "The path exists, but does not support this method.",
		Remedy:      "Use one of the methods in the Allow header.",
	})
	RequestTimeout = problem.Define("request_timeout", problem.Doc{
		Kind:        problem.KindUnavailable,
		Title:       "Request timed out",
		Description: "The request body did not arrive in time.",
		Remedy:      "Send the request again.",
	})
	BodyTooLarge = problem.Define("body_too_large", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Body too large",
		Description: "The request body is larger than the server accepts.",
		Remedy:      "Send less data at once.",
	})
	UnsupportedMediaType = problem.Define("unsupported_media_type", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Unsupported media type",
		Description: "The body is not JSON, or it is compressed.",
		Remedy:      "Send Content-Type: application/json and no Content-Encoding.",
	})
	HeadersTooLarge = problem.Define("headers_too_large", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Headers too large",
		Description: "The request line and the headers together are larger than the server accepts.",
		Remedy:      "Send fewer or shorter headers. Put long values into the body.",
	})
)

// StatusOf returns the status of a code of HTTP, or 0 for a code whose kind decides.
func StatusOf(code problem.Code) int {
	switch code {
	case MethodNotAllowed:
		return http.StatusMethodNotAllowed
	case RequestTimeout:
		return http.StatusRequestTimeout
	case BodyTooLarge:
		return http.StatusRequestEntityTooLarge
	case UnsupportedMediaType:
		return http.StatusUnsupportedMediaType
	case HeadersTooLarge:
		return http.StatusRequestHeaderFieldsTooLarge
	default:
		return 0
	}
}

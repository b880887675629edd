package httpapi

import (
	"net/http"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// The codes of HTTP itself. No rule returns them; the packages inside know
// neither methods nor headers.
var (
	malformedRequest = problem.Define("malformed_request", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Malformed request",
		Description: "The connection did not carry a valid HTTP request: the request line, the Host header, another header or the framing of the body is malformed or ambiguous. The connection was closed.",
		Remedy:      "Send requests with an HTTP library. If you do, a proxy between you and the server alters them.",
	})
	httpsRequired = problem.Define("https_required", problem.Doc{
		Kind:        problem.KindPermissionDenied,
		Title:       "HTTPS required",
		Description: "The request was sent over plain HTTP. Others may have read it.",
		Remedy:      "Use https://, and treat tokens that were sent unencrypted as stolen.",
	})
	routeNotFound = problem.Define("route_not_found", problem.Doc{
		Kind:        problem.KindNotFound,
		Title:       "No such route",
		Description: "There is nothing at this path.",
		Remedy:      "Check the path against /api/v1/openapi.json.",
	})
	methodNotAllowed = problem.Define("method_not_allowed", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Method not allowed",
		Description: "The path exists, but does not support this method.",
		Remedy:      "Use one of the methods in the Allow header.",
	})
	timedOut = problem.Define("request_timeout", problem.Doc{
		Kind:        problem.KindUnavailable,
		Title:       "Request timed out",
		Description: "The request body did not arrive in time.",
		Remedy:      "Send the request again.",
	})
	bodyTooLarge = problem.Define("body_too_large", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Body too large",
		Description: "The request body is larger than the server accepts.",
		Remedy:      "Send less data at once.",
	})
	unsupportedMediaType = problem.Define("unsupported_media_type", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Unsupported media type",
		Description: "The body is not JSON, or it is compressed.",
		Remedy:      "Send Content-Type: application/json and no Content-Encoding.",
	})
	headersTooLarge = problem.Define("headers_too_large", problem.Doc{
		Kind:        problem.KindInvalidArgument,
		Title:       "Headers too large",
		Description: "The request line and the headers together are larger than the server accepts.",
		Remedy:      "Send fewer or shorter headers. Put long values into the body.",
	})
)

// httpStatuses are the statuses of codes whose kind has another one.
var httpStatuses = map[problem.Code]int{
	methodNotAllowed:     http.StatusMethodNotAllowed,
	timedOut:             http.StatusRequestTimeout,
	bodyTooLarge:         http.StatusRequestEntityTooLarge,
	unsupportedMediaType: http.StatusUnsupportedMediaType,
	headersTooLarge:      http.StatusRequestHeaderFieldsTooLarge,
}

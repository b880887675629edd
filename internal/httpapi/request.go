package httpapi

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// checkRequest rejects what the contract rejects in query and headers of any operation:
// repeated parameters, a body that is not JSON, malformed conditions.
func checkRequest(r *http.Request, op *huma.Operation, o operation) error {
	if err := checkQuery(r, op, o); err != nil {
		return err
	}
	absent := o.emptyBody && !o.cookies && r.ContentLength == 0
	if op.RequestBody != nil && !absent {
		if err := checkMediaType(r.Header, op.Method); err != nil {
			return err
		}
	}
	if hasHeader(op, "Authorization") {
		if err := checkAuthorization(r.Header); err != nil {
			return err
		}
	}
	if keys, ok := r.Header["Idempotency-Key"]; ok && (len(keys) != 1 || keys[0] == "") {
		return problem.New(problem.InvalidHeader, "The header Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters.")
	}
	if err := joinLines(r.Header, "If-Match"); err != nil {
		return err
	}
	if hasHeader(op, "If-None-Match") {
		return joinLines(r.Header, "If-None-Match")
	}
	return nil // for a read, middleware.NotModified joins the lines
}

// checkAuthorization rejects several headers Authorization: two servers in a row could
// read different ones.
func checkAuthorization(h http.Header) error {
	if len(h["Authorization"]) > 1 {
		return problem.New(problem.InvalidHeader, "The header Authorization occurs %d times. Send it once.", len(h["Authorization"]))
	}
	return nil
}

// hasHeader reports whether an operation that changes something reads a header.
func hasHeader(op *huma.Operation, name string) bool {
	return op.Method != http.MethodGet && slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "header" && p.Name == name })
}

// joinLines makes one line of a condition: it may come in several (RFC 9110, section
// 5.3).
func joinLines(h http.Header, name string) error {
	lines, ok := h[name]
	if !ok {
		return nil
	}
	joined := strings.Join(lines, ", ")
	if strings.TrimSpace(joined) == "" {
		return problem.New(problem.InvalidHeader, "The header %s is empty. Send an entity tag such as \"7\", or *.", name)
	}
	h.Set(name, joined)
	return nil
}

// checkMediaType accepts JSON in UTF-8 without compression. A body without a
// Content-Type is read as JSON.
func checkMediaType(h http.Header, method string) error {
	for encoding := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
			return problem.New(middleware.UnsupportedMediaType, "A body with a Content-Encoding is not accepted. Send it uncompressed.")
		}
	}
	types := h.Values("Content-Type")
	if strings.Join(types, "") == "" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(types[0])
	switch {
	case err != nil || len(types) > 1:
		return problem.New(middleware.UnsupportedMediaType, "The Content-Type is not one media type. Send Content-Type: application/json.")
	case media != openapi.JSON && (media != openapi.MergePatch || method != http.MethodPatch):
		return problem.New(middleware.UnsupportedMediaType, "%s", mediaHint(media, method))
	case !slices.Contains(charsets, strings.ToLower(parameters["charset"])):
		return problem.New(middleware.UnsupportedMediaType, "The body must be in UTF-8. Send it so, with Content-Type: %s.", media)
	}
	h.Set("Content-Type", openapi.JSON) // the one spelling that huma knows
	return nil
}

// charsets are what clients call UTF-8. ASCII is a part of it; JSON has no parameter
// charset at all (RFC 8259, section 11).
var charsets = []string{"", "utf-8", "utf8", "us-ascii"}

// mediaHint says what a body is, and what to send instead.
func mediaHint(media, method string) string {
	switch {
	case media == "application/x-www-form-urlencoded" || media == "multipart/form-data":
		return "The body is a form (" + media + "; curl -d sends one). Send JSON, with Content-Type: application/json."
	case media == "application/json-patch+json" && method == http.MethodPatch:
		return "A JSON Patch (RFC 6902) is not supported. Send a JSON Merge Patch (RFC 7396), with Content-Type: application/merge-patch+json."
	case media == openapi.MergePatch:
		return "A merge patch belongs to PATCH. Send the whole resource, with Content-Type: application/json."
	}
	came := "another media type"
	if slices.Contains(knownMedia, media) {
		came = media
	}
	if method == http.MethodPatch {
		return "The body is " + came + ". Send JSON, with Content-Type: application/json or application/merge-patch+json."
	}
	return "The body is " + came + ". Send JSON, with Content-Type: application/json."
}

// knownMedia are the media types that a problem repeats. It never repeats other words
// of the caller.
var knownMedia = []string{
	"application/octet-stream", "application/x-ndjson", "application/xml", "application/yaml", "text/html", "text/plain", "text/xml", "text/yaml",
}

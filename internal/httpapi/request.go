package httpapi

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// checkRequest rejects what the contract rejects in query and headers of any operation:
// repeated parameters, a body that is not JSON, malformed conditions.
func checkRequest(r *http.Request, op *huma.Operation, lenient bool) error {
	if err := checkQuery(r, op, lenient); err != nil {
		return err
	}
	if op.RequestBody != nil {
		if err := checkMediaType(r.Header, op.Method); err != nil {
			return err
		}
	}
	if keys, ok := r.Header["Idempotency-Key"]; ok && (len(keys) != 1 || keys[0] == "") {
		return problem.New(problem.InvalidHeader, "The header Idempotency-Key must be sent once, with 1 to 255 visible ASCII characters.")
	}
	// One condition may come in several header lines (RFC 9110, section 5.3).
	if lines, ok := r.Header["If-Match"]; ok {
		joined := strings.Join(lines, ", ")
		if strings.TrimSpace(joined) == "" {
			return problem.New(problem.InvalidHeader, "The header If-Match is empty.")
		}
		r.Header.Set("If-Match", joined)
	}
	return nil
}

// mayBeEmpty are the parameters for which an empty value means absent.
var mayBeEmpty = []string{"page_token", "q"}

// checkQuery checks the query parameters. If lenient, it ignores unknown ones.
func checkQuery(r *http.Request, op *huma.Operation, lenient bool) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return problem.New(problem.InvalidParameter, "The query string is not well encoded.").Because(err)
	}
	if len(values) == 0 {
		return nil
	}
	// Sorted, so that equal requests get equal responses.
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		known := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		switch {
		case !known && lenient:
		case !known:
			return problem.New(problem.InvalidParameter, "This operation has no query parameter %q.", name)
		case len(value) > 1:
			return problem.New(problem.InvalidParameter, "The query parameter %s occurs %d times.", name, len(value))
		// PostgreSQL does not accept it as text. A page token is checked when it is
		// opened.
		case name != "page_token" && (!utf8.ValidString(value[0]) || strings.ContainsRune(value[0], 0)):
			return problem.New(problem.InvalidParameter, "The query parameter %s must be UTF-8 text without NUL.", name)
		case value[0] == "" && !slices.Contains(mayBeEmpty, name):
			return problem.New(problem.InvalidParameter, "The query parameter %s is empty.", name)
		}
	}
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
	charset := parameters["charset"]
	switch {
	case err != nil || len(types) > 1:
	case charset != "" && !strings.EqualFold(charset, "utf-8"):
	case media == openapi.JSON, media == openapi.MergePatch && method == http.MethodPatch:
		h.Set("Content-Type", openapi.JSON) // the one spelling that huma knows
		return nil
	}
	return problem.New(middleware.UnsupportedMediaType, "The body must be application/json in UTF-8.")
}

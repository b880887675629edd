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
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/codegenapp/codegenapp/internal/problem"
)

// unwrap is the plain request and answer behind huma's context.
func unwrap(ctx huma.Context) (*http.Request, http.ResponseWriter) { return humago.Unwrap(ctx) }

// checkForm refuses what the contract refuses in query and headers whatever the
// operation: repeated parameters, a body that is not JSON, broken conditions.
func checkForm(r *http.Request, op *huma.Operation, lenient bool) error {
	if err := checkQuery(r, op, lenient); err != nil {
		return err
	}
	if op.RequestBody != nil {
		if err := checkMediaType(r.Header, op.Method); err != nil {
			return err
		}
	}
	if keys, ok := r.Header["Idempotency-Key"]; ok && (len(keys) != 1 || keys[0] == "") {
		return problem.New(problem.InvalidHeader, "The header Idempotency-Key has to be given once, with 1 to 255 visible ASCII characters.")
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

// mayBeEmpty are the parameters for which an empty value means none.
var mayBeEmpty = []string{"page_token", "q"}

// checkQuery passes over unknown parameters only where it is lenient.
func checkQuery(r *http.Request, op *huma.Operation, lenient bool) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return problem.New(problem.InvalidParameter, "The query is not well encoded.").Because(err)
	}
	if len(values) == 0 {
		return nil
	}
	// In one order, so that the same question has the same answer.
	for _, name := range slices.Sorted(maps.Keys(values)) {
		given := values[name]
		known := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		switch {
		case !known && lenient:
		case !known:
			return problem.New(problem.InvalidParameter, "There is no query parameter %q here.", name)
		case len(given) > 1:
			return problem.New(problem.InvalidParameter, "The query parameter %s is given %d times.", name, len(given))
		// PostgreSQL does not take it for text. Of a page token only whoever opens it
		// may say that it is none.
		case name != "page_token" && (!utf8.ValidString(given[0]) || strings.ContainsRune(given[0], 0)):
			return problem.New(problem.InvalidParameter, "The query parameter %s is not text in UTF-8 without NUL.", name)
		case given[0] == "" && !slices.Contains(mayBeEmpty, name):
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
			return problem.New(unsupportedMediaType, "A body with a Content-Encoding is not taken; send it as it is.")
		}
	}
	given := h.Values("Content-Type")
	if strings.Join(given, "") == "" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(given[0])
	charset := parameters["charset"]
	switch {
	case err != nil || len(given) > 1:
	case charset != "" && !strings.EqualFold(charset, "utf-8"):
	case media == "application/json", media == mergePatch && method == http.MethodPatch:
		h.Set("Content-Type", "application/json") // the one spelling that huma knows
		return nil
	}
	return problem.New(unsupportedMediaType, "The body must be application/json in UTF-8.")
}

const mergePatch = "application/merge-patch+json"

package httpapi

import (
	"fmt"
	"io"
	"math"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
)

// maxAccept is the length of the longest Accept that is read, in bytes. A longer one
// prefers nothing.
const maxAccept = 1024

// acceptedTypes returns the weight of each media type in Accept (RFC 9110, section
// 12.5.1). What cannot be read is left out.
func acceptedTypes(h http.Header) map[string]float64 {
	list := strings.Join(h.Values("Accept"), ",")
	weights := map[string]float64{}
	if len(list) > maxAccept {
		return weights
	}
	for entry := range strings.SplitSeq(list, ",") {
		media, parameters, err := mime.ParseMediaType(strings.TrimSpace(entry))
		if err != nil {
			continue
		}
		weight := 1.0
		if q, ok := parameters["q"]; ok {
			if weight, err = strconv.ParseFloat(q, 64); err != nil || math.IsNaN(weight) {
				continue
			}
		}
		weights[media] = max(weights[media], weight)
	}
	return weights
}

// prefersHTML reports whether Accept names HTML, and no kind of JSON that is as welcome.
// A wildcard prefers nothing.
func prefersHTML(h http.Header) bool {
	weights := acceptedTypes(h)
	html := max(weights["text/html"], weights["application/xhtml+xml"])
	return html > 0 && html > max(weights[openapi.JSON], weights[openapi.ProblemJSON], weights["application/*"]) && html >= weights["*/*"]
}

// mediaType returns the media type of the response to a request: JSON, unless the caller
// prefers one of the texts that the operation has.
func mediaType(h http.Header, texts []string) string {
	if len(texts) == 0 || !slices.ContainsFunc(h["Accept"], func(line string) bool { return !isCommon(line) }) {
		return openapi.JSON
	}
	weights := acceptedTypes(h)
	chosen, best := openapi.JSON, max(weights[openapi.JSON], weights["application/*"])
	for _, media := range texts {
		if weights[media] > best && weights[media] >= weights["*/*"] {
			chosen, best = media, weights[media]
		}
	}
	return chosen
}

// isCommon reports whether a value of Accept is what most clients send, which is no text.
func isCommon(value string) bool { return value == "*/*" || value == openapi.JSON }

// AcceptIn is the input of an operation that has texts besides JSON. Media is what
// [mediaType] has chosen.
type AcceptIn struct {
	Media string `header:"Accept" hidden:"true"`
}

// markdowner and differ are bodies with a text in Markdown, or a unified diff.
type (
	markdowner interface{ writeMarkdown(w io.Writer) error }
	differ     interface{ writeDiff(w io.Writer) error }
)

// markdownFormat and diffFormat write responses for huma. Only operations with such a
// text choose them.
var (
	markdownFormat = huma.Format{Marshal: func(w io.Writer, v any) error {
		if text, ok := v.(markdowner); ok {
			return text.writeMarkdown(w)
		}
		return fmt.Errorf("%T has no Markdown", v)
	}}
	diffFormat = huma.Format{Marshal: func(w io.Writer, v any) error {
		if text, ok := v.(differ); ok {
			return text.writeDiff(w)
		}
		return fmt.Errorf("%T has no unified diff", v)
	}}
)

// textType returns the Content-Type of a response. Texts have a charset (RFC 7763).
func textType(media string) string {
	if strings.HasPrefix(media, "text/") {
		return media + "; charset=utf-8"
	}
	return media
}

// textBody is the text of a response that is not JSON.
type textBody string

func (t textBody) write(w io.Writer) error {
	_, err := io.WriteString(w, string(t))
	return err
}

package httpapi

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/openapi"
	"github.com/codegenapp/codegenapp/internal/id"
	"github.com/codegenapp/codegenapp/internal/problem"
)

var rootURL = &url.URL{Path: "/"}

// unescaped decodes a part of a query. It reports whether the part is well
// encoded.
func unescaped(part string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		switch c := part[i]; {
		case c == '+':
			b.WriteByte(' ')
		case c != '%':
			b.WriteByte(c)
		case i+2 >= len(part) || !isHex(part[i+1]) || !isHex(part[i+2]):
			return "", false
		default:
			b.WriteByte(ofHex(part[i+1])<<4 | ofHex(part[i+2]))
			i += 2
		}
	}
	return b.String(), true
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

func ofHex(c byte) byte {
	return byte(strings.IndexByte("0123456789abcdef", c|0x20))
}

// FuzzDecode_Query checks that a query is accepted exactly if it is well
// encoded and names only parameters of the operation, each once, with a value
// of text where one is needed.
func FuzzDecode_Query(f *testing.F) {
	for _, query := range []string{"", "&&", "page_size=1&order_by=title+desc", "page_token=", "order_by=", "page_size=1&page_size=2", "page%5fsize=1&page_size=1", "x=1", "=", "a;b", "page_size=%", "page_size=%zz", "page_size", "q=&page_token"} {
		f.Add(query)
	}
	op := &huma.Operation{Parameters: []*huma.Param{
		{In: "query", Name: "page_size"},
		{In: "query", Name: "page_token"},
		{In: "query", Name: "order_by"},
		{In: "query", Name: "q"},
		{In: "path", Name: "id"},
		{In: "header", Name: "If-Match"},
	}}
	f.Fuzz(func(t *testing.T, query string) {
		want, seen := true, map[string]bool{}
		for pair := range strings.SplitSeq(query, "&") {
			if pair == "" {
				continue
			}
			name, value, _ := strings.Cut(pair, "=")
			name, fine := unescaped(name)
			value, fineToo := unescaped(value)
			known := slices.Contains([]string{"page_size", "page_token", "order_by", "q"}, name)
			needy := name != "page_token" && name != "q"
			want = want && fine && fineToo && known && !seen[name] && (value != "" || !needy) &&
				!strings.Contains(pair, ";") && utf8.ValidString(value) && !strings.Contains(value, "\x00")
			seen[name] = true
		}
		err := checkRequest(&http.Request{Method: http.MethodGet, URL: &url.URL{RawQuery: query}}, op, operation{})
		if (err == nil) != want || err != nil && problem.CodeOf(err) != problem.InvalidParameter {
			t.Fatalf("the query %q is valid: %t; got %v", query, want, err)
		}
	})
}

// isJSON reads a media type by RFC 9110, section 8.3.1. It reports whether it
// may be accepted as JSON, and whether it must be.
func isJSON(media string, patch bool) (may, must bool) {
	kind, parameters, _ := strings.Cut(media, ";")
	kind, parameters = strings.ToLower(strings.TrimSpace(kind)), strings.ToLower(strings.TrimSpace(parameters))
	may = kind == "application/json" || kind == openapi.MergePatch && patch
	must = may && slices.Contains([]string{"", "charset=utf-8", `charset="utf-8"`, "charset=utf8", "charset=us-ascii"}, parameters)
	if strings.ContainsAny(parameters, `"\*`) {
		return may, must
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		may = may && (strings.TrimSpace(name) != "charset" || slices.Contains([]string{"utf-8", "utf8", "us-ascii"}, strings.TrimSpace(value)))
	}
	return may, must
}

func TestDecode_OneContentTypeOnly(t *testing.T) {
	t.Parallel()
	for _, lines := range [][]string{
		{"application/json", "text/plain"},
		{"application/json", "application/json"},
		{"application/json", ""},
		{"", "application/json"},
		{`application/json; x="`, `"`},
	} {
		if err := checkMediaType(http.Header{"Content-Type": lines}, http.MethodPost); problem.CodeOf(err) != middleware.UnsupportedMediaType {
			t.Errorf("a body of the types %q is %v", lines, err)
		}
	}
}

// FuzzDecode_ContentType checks that a body is accepted only if its single
// media type is JSON and it has no encoding; that every plain spelling is
// accepted; and that huma then sees the one spelling that it knows.
func FuzzDecode_ContentType(f *testing.F) {
	for _, media := range []string{"", "application/json", "Application/JSON;charset=UTF-8", `application/json; charset="utf-8"`, "application/merge-patch+json", "application/json; charset=latin1", "application/json, text/plain", "text/plain", "application/json;charset=utf-8;charset=utf-8", "application/json;charset*=utf-8''utf-8", "application/jsonx", "application/json/x", " application/json", ";"} {
		f.Add(media, "", "", false)
	}
	f.Add("application/json", "application/json", "identity", true)
	f.Add("application/json", "text/plain", " , IDENTITY", false)
	f.Add("application/json", "", "gzip", false)
	f.Fuzz(func(t *testing.T, media, second, encoding string, patch bool) {
		h, method := http.Header{"Content-Type": {media}}, http.MethodPost
		if patch {
			method = http.MethodPatch
		}
		if second != "" {
			h.Add("Content-Type", second)
		}
		if encoding != "" {
			h.Set("Content-Encoding", encoding)
		}
		err := checkMediaType(h, method)
		if err != nil && problem.CodeOf(err) != middleware.UnsupportedMediaType {
			t.Fatalf("%q is %v", media, err)
		}
		may, must := isJSON(media, patch)
		coded := strings.ContainsFunc(strings.ReplaceAll(strings.ToLower(encoding), "identity", ""), func(c rune) bool {
			return c != ',' && !unicode.IsSpace(c)
		})
		switch {
		case err == nil && (media != "" && !may || second != "" || coded):
			t.Fatalf("%q, %q in %q is accepted by %s", media, second, encoding, method)
		case err == nil && media != "" && h.Get("Content-Type") != "application/json":
			t.Fatalf("%q is passed on as %q", media, h.Get("Content-Type"))
		case err != nil && second == "" && encoding == "" && (media == "" || must):
			t.Fatalf("%q is rejected by %s: %v", media, method, err)
		}
	})
}

// FuzzHeaders_RequestID sends any X-Request-Id. One of the documented form is
// used, any other is replaced by a new id.
func FuzzHeaders_RequestID(f *testing.F) {
	for _, name := range []string{"", "a", "A-Z_0.9", strings.Repeat("x", 64), strings.Repeat("x", 65), "a b", "a\n", "\x00", "ä", "<script>"} {
		f.Add(name)
	}
	handler := (&API{mux: http.NewServeMux()}).withRequestInfo(middleware.New(middleware.Config{}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Seen", middleware.InfoFrom(r.Context()).RequestID)
	}))
	f.Fuzz(func(t *testing.T, name string) {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, &http.Request{Header: http.Header{"X-Request-Id": {name}}, URL: rootURL})
		odd := strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
		fine := name != "" && len(name) <= 64 && odd == ""
		got := answer.Header().Get("X-Request-Id")
		if got != answer.Header().Get("Seen") {
			t.Fatalf("the log says %q, the answer %q", answer.Header().Get("Seen"), got)
		}
		if _, err := id.Parse[requestInfo](got); fine && got != name || !fine && err != nil {
			t.Fatalf("%q becomes %q", name, got)
		}
	})
}

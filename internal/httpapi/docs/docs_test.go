package docs_test

import (
	"compress/gzip"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/problem"
)

// api has no store: pages need none.
var api = sync.OnceValue(func() http.Handler {
	_, handler := httpapi.New(httpapi.Config{Telemetry: httpapi.Telemetry{Now: time.Now, Log: slog.New(slog.DiscardHandler)}})
	return handler
})

// visit asks for a page and returns the answer and what is in it, unpacked.
func visit(t *testing.T, path string, headers ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	answer := httptest.NewRecorder()
	api().ServeHTTP(answer, r)
	var body io.Reader = answer.Body
	if answer.Header().Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			t.Fatalf("%s is not gzip: %v", path, err)
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return answer, string(content)
}

func wantHeader(t *testing.T, answer http.ResponseWriter, name, want string) {
	t.Helper()
	if got := answer.Header().Get(name); got != want {
		t.Errorf("%s = %q, want %q", name, got, want)
	}
}

func TestDocs_EveryProblemHasItsPage(t *testing.T) {
	t.Parallel()
	_, index := visit(t, "/problems")
	for _, code := range problem.Codes() {
		answer, body := visit(t, "/problems/"+string(code))
		if answer.Code != http.StatusOK {
			t.Fatalf("/problems/%s answered %d", code, answer.Code)
		}
		wantHeader(t, answer, "Content-Type", "text/html; charset=utf-8")
		wantHeader(t, answer, "Content-Security-Policy",
			"default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		m := code.Doc()
		for _, part := range []string{string(code), m.Title, m.Description, m.Remedy, `"code": "` + string(code) + `"`, `"request_id": "`} {
			if !strings.Contains(html.UnescapeString(body), part) {
				t.Errorf("/problems/%s does not say: %s", code, part)
			}
		}
		if !strings.Contains(index, `href="/problems/`+string(code)+`"`) {
			t.Errorf("/problems does not list %s", code)
		}
	}
}

func TestDocs_ValidationPageExplainsEveryFieldErrorCode(t *testing.T) {
	t.Parallel()
	_, page := visit(t, "/problems/validation_failed")
	page = html.UnescapeString(page)
	_, contract := visit(t, "/api/v1/openapi.json")
	var document struct {
		Components struct {
			Schemas struct {
				FieldError struct {
					Properties struct{ Code struct{ Enum []string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(contract), &document); err != nil {
		t.Fatal(err)
	}
	codes := document.Components.Schemas.FieldError.Properties.Code.Enum
	if len(codes) < 10 {
		t.Fatalf("the contract has the codes %v", codes)
	}
	for _, code := range codes {
		if !regexp.MustCompile(`<dt><code>` + code + `</code></dt> <dd>\S.+</dd>`).MatchString(page) {
			t.Errorf("the page does not explain %s", code)
		}
	}
	if !strings.Contains(page, `"pointer": "/title"`) {
		t.Errorf("the page has no example of a field error:\n%s", page)
	}
	if _, other := visit(t, "/problems/precondition_failed"); !strings.Contains(html.UnescapeString(other), `"current": {`) {
		t.Errorf("the example of precondition_failed does not have the current resource:\n%s", other)
	}
}

func TestDocs_UnknownPageIsProblem(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/problems/no_such_code", "/docs/no_such.js", "/docs/x/y", "/"} {
		answer, body := visit(t, path)
		if answer.Code != http.StatusNotFound || !strings.Contains(body, `"code":"route_not_found"`) {
			t.Errorf("%s answered %d: %s", path, answer.Code, body)
		}
		wantHeader(t, answer, "Content-Type", "application/problem+json")
	}
}

func TestDocs_SlashAtTheEndIsRedirected(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/docs/": "/docs", "/problems/": "/problems"} {
		answer, _ := visit(t, path)
		if answer.Code != http.StatusPermanentRedirect {
			t.Errorf("%s answered %d", path, answer.Code)
		}
		wantHeader(t, answer, "Location", want)
	}
}

const (
	chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
	firefox  = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
)

func TestDocs_BrowsersGetPageForMissingPath(t *testing.T) {
	t.Parallel()
	for path, links := range map[string][]string{
		"/nothing":                {"/", "/docs", "/problems", "/problems/route_not_found"},
		"/projects":               {"/api/v1/projects"},
		"/api/v1/projects/":       {"/api/v1/projects"},
		"/problems/no_such_code":  {"/problems"},
		"/api/v1/Specs/1/items":   {"/api/v1/specs/1/items"},
		"/p/1/":                   {"/p/1"},
		"/%22%3E%3Cscript%3E/x?y": {"/docs"},
	} {
		for _, accept := range []string{chromium, firefox, "text/html"} {
			answer, body := visit(t, path, "Accept", accept)
			if answer.Code != http.StatusNotFound {
				t.Errorf("%s answered %d", path, answer.Code)
			}
			wantHeader(t, answer, "Content-Type", "text/html; charset=utf-8")
			wantHeader(t, answer, "Content-Security-Policy",
				"default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
			if !strings.Contains(strings.Join(answer.Header().Values("Vary"), ","), "Accept") {
				t.Errorf("%s varies by %v", path, answer.Header().Values("Vary"))
			}
			for _, link := range links {
				if !strings.Contains(html.UnescapeString(body), `href="`+link+`"`) {
					t.Errorf("%s has no link to %s", path, link)
				}
			}
			if strings.Contains(body, "<script") || strings.Contains(body, "style=") {
				t.Errorf("%s has a script or a style in it: %s", path, body)
			}
		}
	}
}

func TestDocs_MissingPageHasTheLanguageOfTheBrowser(t *testing.T) {
	t.Parallel()
	texts := map[string]string{"en": "<h1>There is nothing at this path</h1>", "de": "<h1>Diese Seite gibt es nicht</h1>"}
	for accepted, language := range map[string]string{
		"": "en", "*": "en", "fr": "en", "en-US,en;q=0.9,de;q=0.8": "en", "de;q=0": "en", "de;q=x": "en", "nonsense;;": "en",
		"de": "de", "de-AT": "de", "DE-de,de;q=0.9,en;q=0.8": "de", "fr,de;q=0.5": "de", "en;q=0.5, de;q=0.7": "de",
		strings.Repeat("fr,", 1000) + "de": "en",
	} {
		answer, body := visit(t, "/nothing", "Accept", chromium, "Accept-Language", accepted)
		if answer.Code != http.StatusNotFound || !strings.Contains(body, `<html lang="`+language+`">`) || !strings.Contains(body, texts[language]) {
			t.Errorf("Accept-Language: %.40s answered %d, and not in %s: %s", accepted, answer.Code, language, body)
		}
		wantHeader(t, answer, "Content-Language", language)
		if vary := answer.Header().Values("Vary"); !slices.Contains(vary, "Accept-Language") || !slices.Contains(vary, "Accept") {
			t.Errorf("the page varies by %v", vary)
		}
	}
	_, body := visit(t, "/projects", "Accept", chromium, "Accept-Language", "de")
	if !strings.Contains(body, `Meinten Sie <a href="/api/v1/projects">`) {
		t.Errorf("the German page suggests nothing: %s", body)
	}
}

func TestDocs_ProgramsGetProblems(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{
		"", "*/*", "application/json", "application/json, text/plain, */*", "application/problem+json", "text/*", "text/html;q=0", "text/html, application/json",
		"text/html;q=0.5, application/json", "text/html;q=0.5, */*", "image/avif,image/webp,*/*;q=0.8", "text/html;q=x", "nonsense",
	} {
		for _, path := range []string{"/", "/nothing", "/api/v1/nothing", "/problems/nothing"} {
			answer, body := visit(t, path, "Accept", accept)
			if answer.Code != http.StatusNotFound || !strings.Contains(body, `"code":"route_not_found"`) {
				t.Errorf("%s with Accept: %s answered %d: %s", path, accept, answer.Code, body)
			}
		}
	}
}

func TestDocs_MissingPathsGetHints(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/api/v1/projects/":                 "/api/v1/projects?",
		"/api/v1//projects":                 "/api/v1/projects?",
		"/api/v1/projects/./1/specs":        "/api/v1/projects/{id}/specs?",
		"/projects":                         "/api/v1/projects?",
		"/api/projects":                     "/api/v1/projects?",
		"/v1/projects/1":                    "/api/v1/projects/{id}?",
		"/Projects":                         "/api/v1/projects?",
		"/api/v1/Projects/1":                "/api/v1/projects/{id}?",
		"/api/v1/projects/1/specifications": "/api/v1/projects/{id}/specs?",
		"/specifications/1/items":           "/api/v1/specs/{id}/items?",
		"/Docs":                             "/docs?",
		"/search":                           "/api/v1/search?",
		"/Search":                           "/api/v1/search?",
		"/health/":                          "/health?",
		"/nothing":                          "The API is below /api/v1, and /docs describes it.",
		"/api/v1/specs":                     "The API is below /api/v1",
		"/" + strings.Repeat("a", 300):      "The API is below /api/v1",
	} {
		_, body := visit(t, path)
		var got struct{ Detail string }
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(want, "?") {
			want = "Did you mean " + want
		}
		if !strings.Contains(got.Detail, want) {
			t.Errorf("%s is answered by %q, want %q", path, got.Detail, want)
		}
	}
}

// assets are the paths of the reference's assets, by the names of their sources.
func assets(t *testing.T) map[string]string {
	t.Helper()
	_, body := visit(t, "/docs")
	paths := map[string]string{}
	for _, found := range regexp.MustCompile(`(?:src|href)="(/docs/([a-z.]+)\?v=[0-9a-f]{12})"`).FindAllStringSubmatch(body, -1) {
		paths[found[2]] = found[1]
	}
	return paths
}

func TestDocs_ReferenceRunsOwnScriptsOnly(t *testing.T) {
	t.Parallel()
	answer, body := visit(t, "/docs")
	wantHeader(t, answer, "Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "+
			"frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	wantHeader(t, answer, "Cache-Control", "no-cache")
	if foreign := regexp.MustCompile(`="(?:https?:)?//[^"]*"`).FindString(body); foreign != "" {
		t.Errorf("the reference names another host: %s", foreign)
	}
}

func TestDocs_AssetsAreImmutable(t *testing.T) {
	t.Parallel()
	for source, media := range map[string]string{
		"scalar.js": "text/javascript", "scalar.licenses.txt": "text/plain", "reference.js": "text/javascript",
		"pages.css": "text/css", "logo.svg": "image/svg+xml",
	} {
		path := assets(t)[source]
		plain, content := visit(t, path, "Accept-Encoding", "gzip;q=0, br")
		packed, unpacked := visit(t, path, "Accept-Encoding", "br, GZIP;q=0.5")
		if plain.Code != http.StatusOK || content == "" || content != unpacked {
			t.Errorf("%s answered %d: %d bytes plain, %d unpacked", source, plain.Code, len(content), len(unpacked))
		}
		wantHeader(t, plain, "Content-Encoding", "")
		wantHeader(t, packed, "Content-Encoding", "gzip")
		wantHeader(t, plain, "Content-Type", media+"; charset=utf-8")
		wantHeader(t, plain, "Vary", "Accept-Encoding")
		wantHeader(t, plain, "Cache-Control", "public, max-age=31536000, immutable")
		if plain.Header().Get("ETag") == packed.Header().Get("ETag") {
			t.Errorf("%s has one tag for different bytes", source)
		}
		cached, nothing := visit(t, path, "If-None-Match", plain.Header().Get("ETag"))
		if cached.Code != http.StatusNotModified || nothing != "" {
			t.Errorf("%s with the current ETag got %d", source, cached.Code)
		}
		bare, _, _ := strings.Cut(path, "?")
		for _, other := range []string{bare, bare + "?v=0123456789ab"} { // of another release
			answer, body := visit(t, other)
			if answer.Code != http.StatusOK || body != content {
				t.Errorf("%s answered %d", other, answer.Code)
			}
			wantHeader(t, answer, "Cache-Control", "no-cache")
		}
	}
}

func TestDocs_RendererIsTheOneOfToolsDocs(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../../tools/docs/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var tools struct {
		DevDependencies map[string]string
	}
	if err := json.Unmarshal(source, &tools); err != nil {
		t.Fatal(err)
	}
	const name = "@scalar/api-reference"
	version := tools.DevDependencies[name]
	for source, want := range map[string]string{"scalar.js": name + "@" + version, "scalar.licenses.txt": name + " " + version + " (MIT)"} {
		if _, content := visit(t, assets(t)[source]); !strings.Contains(content, want) {
			t.Errorf("%s does not hold %q: run npm ci --ignore-scripts && npm run update in tools/docs", source, want)
		}
	}
}

package workspace_test

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codegenapp/codegenapp/internal/httpapi"
	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
	"github.com/codegenapp/codegenapp/internal/httpapi/workspace"
)

// browser is the Accept of Chromium, in short.
const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"

// handler returns the API below a prefix. It has no store: the workspace needs none.
func handler(prefix string) http.Handler {
	c := httpapi.Config{Telemetry: httpapi.Telemetry{Now: time.Now, Log: slog.New(slog.DiscardHandler)}}
	if prefix != "" {
		c.Public = middleware.PublicURL{Scheme: "https", Host: "example.com", Prefix: prefix}
	}
	_, h := httpapi.New(c)
	return h
}

var (
	atRoot      = sync.OnceValue(func() http.Handler { return handler("") })
	behindProxy = sync.OnceValue(func() http.Handler { return handler("/requirements") })
)

// visit sends a request, and returns the response and its uncompressed body.
func visit(t *testing.T, to http.Handler, method, path string, headers ...string) (*httptest.ResponseRecorder, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	response := httptest.NewRecorder()
	to.ServeHTTP(response, r)
	var body io.Reader = response.Body
	if response.Header().Get("Content-Encoding") == "gzip" && response.Body.Len() > 0 {
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatalf("%s is not gzip: %v", path, err)
		}
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return response, string(content)
}

func wantHeader(t *testing.T, response http.ResponseWriter, name, want string) {
	t.Helper()
	if got := response.Header().Get(name); got != want {
		t.Errorf("%s = %q, want %q", name, got, want)
	}
}

var deepLinks = []string{
	"/", "/?error=access_denied", "/p/01990000-0000-7000-8000-000000000000", "/p/x/12", "/p/x/history", "/p/x/12/history",
	"/account", "/account/sessions", "/admin", "/admin/users", "/search?q=a", "/trash",
}

func TestWorkspace_BrowserGetsPageAtDeepLinks(t *testing.T) {
	t.Parallel()
	_, want := visit(t, atRoot(), http.MethodGet, "/", "Accept", browser)
	if !strings.Contains(want, "<!doctype html>") {
		t.Fatalf("/ is %q", want)
	}
	for _, path := range deepLinks {
		response, body := visit(t, atRoot(), http.MethodGet, path, "Accept", browser)
		if response.Code != http.StatusOK || body != want {
			t.Errorf("%s answered %d: %s", path, response.Code, body)
		}
		wantHeader(t, response, "Content-Type", "text/html; charset=utf-8")
		wantHeader(t, response, "Cache-Control", "no-cache")
		if vary := strings.Join(response.Header().Values("Vary"), ", "); !regexp.MustCompile(`\bAccept\b(,|$)`).MatchString(vary) || !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("%s varies by %s", path, vary)
		}
	}
}

func TestWorkspace_OtherClientsAndPathsGetNoPage(t *testing.T) {
	t.Parallel()
	for _, path := range deepLinks {
		for _, accept := range []string{"", "*/*", "application/json", "text/html;q=0.5, application/json"} {
			response, body := visit(t, atRoot(), http.MethodGet, path, "Accept", accept)
			if response.Code != http.StatusNotFound || !strings.Contains(body, `"code":"route_not_found"`) {
				t.Errorf("%s with Accept: %s answered %d: %s", path, accept, response.Code, body)
			}
			wantHeader(t, response, "Content-Type", "application/problem+json")
		}
	}
	for _, path := range []string{"/p", "/p/", "/p/x/1/history/2", "/trash/", "/settings", "/sign-in/x", "/workspace", "/workspace/", "/workspace/index.html", "/workspace/app.js.map"} {
		response, body := visit(t, atRoot(), http.MethodGet, path, "Accept", browser)
		if response.Code != http.StatusNotFound || !strings.Contains(body, "There is nothing at this path") {
			t.Errorf("%s answered %d: %s", path, response.Code, body)
		}
	}
	response, _ := visit(t, atRoot(), http.MethodPost, "/trash", "Accept", browser)
	if response.Code != http.StatusMethodNotAllowed || response.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
		t.Errorf("POST answered %d, Allow: %s", response.Code, response.Header().Get("Allow"))
	}
}

func TestWorkspace_PolicyForbidsForeignAndGeneratedCode(t *testing.T) {
	t.Parallel()
	response, body := visit(t, atRoot(), http.MethodGet, "/p/x/1", "Accept", browser)
	wantHeader(t, response, "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
		"img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "+
		"require-trusted-types-for 'script'; trusted-types svelte-trusted-html")
	wantHeader(t, response, "X-Content-Type-Options", "nosniff")
	wantHeader(t, response, "Referrer-Policy", "no-referrer")
	wantHeader(t, response, "X-Frame-Options", "DENY")
	for _, forbidden := range []string{`style=`, `<style`, `onload=`, `<script>`, `="http`, `="//`} {
		if strings.Contains(body, forbidden) {
			t.Errorf("the page has %s, which the policy forbids:\n%s", forbidden, body)
		}
	}
}

func TestWorkspace_PageIsCompressedAndRevalidated(t *testing.T) {
	t.Parallel()
	plain, content := visit(t, atRoot(), http.MethodGet, "/", "Accept", browser)
	packed, unpacked := visit(t, atRoot(), http.MethodGet, "/", "Accept", browser, "Accept-Encoding", "gzip, br")
	if content != unpacked {
		t.Errorf("compressed, the page is %q", unpacked)
	}
	wantHeader(t, plain, "Content-Encoding", "")
	wantHeader(t, packed, "Content-Encoding", "gzip")
	if plain.Header().Get("ETag") == packed.Header().Get("ETag") {
		t.Error("the page has one tag for different bytes")
	}
	cached, nothing := visit(t, atRoot(), http.MethodGet, "/", "Accept", browser, "If-None-Match", packed.Header().Get("ETag"))
	if cached.Code != http.StatusNotModified || nothing != "" {
		t.Errorf("with its tag, the page answered %d: %s", cached.Code, nothing)
	}
	server := httptest.NewServer(atRoot())
	defer server.Close()
	for _, path := range []string{"/p/x", "/workspace/app.js"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", browser)
		r.Header.Set("Accept-Encoding", "identity")
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ContentLength <= 0 || response.Header.Get("ETag") == "" {
			t.Errorf("HEAD %s answered %d, %d bytes, tag %s", path, response.StatusCode, response.ContentLength, response.Header.Get("ETag"))
		}
	}
}

// reference is a reference of the page to one of its files.
var reference = regexp.MustCompile(`(?:src|href)="([^"]*?(/workspace/[a-z.]+)[^"]*)"`)

func TestWorkspace_FilesAreImmutableAtTheirDigest(t *testing.T) {
	t.Parallel()
	_, page := visit(t, atRoot(), http.MethodGet, "/", "Accept", browser)
	found := map[string]bool{}
	for _, match := range reference.FindAllStringSubmatch(page, -1) {
		url, path := match[1], match[2]
		found[path] = true
		if !regexp.MustCompile(`^/workspace/[a-z.]+\?v=[0-9a-f]{12}$`).MatchString(url) {
			t.Errorf("the page refers to %s", url)
		}
		media := map[string]string{"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[path[strings.LastIndex(path, ".")+1:]]
		for _, encoding := range []string{"identity", "gzip"} {
			response, body := visit(t, atRoot(), http.MethodGet, url, "Accept-Encoding", encoding)
			if response.Code != http.StatusOK || body == "" {
				t.Errorf("%s answered %d", url, response.Code)
			}
			wantHeader(t, response, "Content-Type", media+"; charset=utf-8")
			wantHeader(t, response, "Cache-Control", "public, max-age=31536000, immutable")
			again, _ := visit(t, atRoot(), http.MethodGet, url, "If-None-Match", response.Header().Get("ETag"))
			if again.Code != http.StatusNotModified {
				t.Errorf("%s with its tag answered %d", url, again.Code)
			}
		}
		other, _ := visit(t, atRoot(), http.MethodGet, path+"?v=0123456789ab") // of another release
		wantHeader(t, other, "Cache-Control", "no-cache")
	}
	for _, name := range []string{"app.js", "app.css", "icon.svg"} {
		if !found["/workspace/"+name] {
			t.Errorf("the page does not refer to %s:\n%s", name, page)
		}
	}
}

func TestWorkspace_BehindPrefixRefersToFilesBelowIt(t *testing.T) {
	t.Parallel()
	_, page := visit(t, behindProxy(), http.MethodGet, "/p/x", "Accept", browser)
	references := reference.FindAllStringSubmatch(page, -1)
	if len(references) < 3 {
		t.Fatalf("the page refers to %v", references)
	}
	for _, match := range references {
		if !strings.HasPrefix(match[1], "/requirements/workspace/") {
			t.Errorf("the page refers to %s", match[1])
		}
	}
	_, missing := visit(t, behindProxy(), http.MethodGet, "/nothing", "Accept", browser)
	for _, link := range []string{"/requirements/", "/requirements/docs"} {
		if !strings.Contains(missing, `href="`+link+`"`) {
			t.Errorf("the page for a missing path has no link to %s", link)
		}
	}
}

// A page at a path of the API, of the documents or of checks would hide these.
func TestWorkspace_PathsAreNotThoseOfOtherRoutes(t *testing.T) {
	t.Parallel()
	for _, path := range workspace.Paths {
		for _, taken := range []string{"/api", "/docs", "/problems", "/health", "/metrics", "/.well-known", "/workspace"} {
			if strings.HasPrefix(path, taken) {
				t.Errorf("%s is below %s", path, taken)
			}
		}
	}
}

// Package workspace serves the workspace: the page in which people write requirements.
// The program contains its files, which are built from the sources in web/.
//
// It knows which paths lead to the page, but neither the API that the page calls nor
// what the page shows.
package workspace

import (
	"embed"
	"net/http"
	"strings"
	"sync"

	"github.com/codegenapp/codegenapp/internal/httpapi/static"
)

// Paths are the patterns of the paths that lead to the page. All have the same
// response: the page reads the path, and shows what is there.
var Paths = []string{
	"/{$}",
	"/p/{project}",
	"/p/{project}/{part}",        // a specification by number, or history, baselines, …
	"/p/{project}/{part}/{view}", // such as the history of a specification
	"/account", "/account/{part}",
	"/admin", "/admin/{part}",
	"/search",
	"/trash",
}

// AssetPath is the pattern of the files of the page.
const AssetPath = base + "{asset}"

const base = "/workspace/"

// index is the page. Its references to the files have neither prefix nor digest.
//
//go:embed assets/index.html
var index string

//go:embed assets/app.css assets/app.js assets/icon.svg
var embedded embed.FS

// files reads them once.
var files = sync.OnceValue(func() *static.Files { return static.NewFiles(embedded, "assets", base) })

// policy is the Content-Security-Policy of the page. Only the server's own scripts run,
// and only Svelte's templates become HTML: a text of a user cannot.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types svelte-trusted-html"

// Workspace serves the page and its files.
type Workspace struct {
	prefix       string
	publicPrefix func(*http.Request) string
	page         *static.File
}

// New returns the workspace. The prefix is the path that clients see in front of the
// server's own paths; publicPrefix is that of a request.
func New(prefix string, publicPrefix func(*http.Request) string) *Workspace {
	return &Workspace{prefix: prefix, publicPrefix: publicPrefix, page: render(prefix)}
}

// Page is the page, at any of Paths.
func (s *Workspace) Page(w http.ResponseWriter, r *http.Request) {
	page := s.page
	if prefix := s.publicPrefix(r); prefix != s.prefix { // a proxy has named another one
		page = render(prefix)
	}
	page.Serve(w, r)
}

// Asset writes the file {asset}, and reports whether there is one.
func (*Workspace) Asset(w http.ResponseWriter, r *http.Request) bool {
	return files().Serve(w, r, r.PathValue("asset"))
}

// render returns the page for clients that see a prefix. The page itself finds the
// prefix in the URL of its script.
func render(prefix string) *static.File {
	var urls []string
	for _, name := range files().Names() {
		url, err := files().URL(name)
		if err != nil {
			panic(err) // names are those of files
		}
		urls = append(urls, `"`+files().Path(name)+`"`, `"`+prefix+url+`"`)
	}
	return static.NewPage(policy, []byte(strings.NewReplacer(urls...).Replace(index)))
}

package docs

import (
	"embed"
	"net/http"
	"sync"

	"github.com/codegenapp/codegenapp/internal/httpapi/static"
)

// embedded are the assets: ours uncompressed, third-party ones compressed to keep the
// program small. tools/docs says where the latter are from.
//
//go:embed assets
var embedded embed.FS

// assets reads them once.
var assets = sync.OnceValue(func() *static.Files { return static.NewFiles(embedded, "assets", referencePath+"/") })

// Asset is the file {asset} of a page.
func (p *Pages) Asset(w http.ResponseWriter, r *http.Request) {
	if !assets().Serve(w, r, r.PathValue("asset")) {
		p.Missing(w, r)
	}
}

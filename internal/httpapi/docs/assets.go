package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// embedded are the assets: ours uncompressed, third-party ones compressed to keep the
// program small. tools/docs says where the latter are from.
//
//go:embed assets
var embedded embed.FS

// assetSet is the assets by the name in their URL, and these names by the name of
// their source.
type assetSet struct {
	files map[string]*file
	names map[string]string
}

// assets reads them once. The name of an asset contains a digest of its content, so
// that browsers can cache it forever and never show an old version.
var assets = sync.OnceValue(func() assetSet {
	set := assetSet{files: map[string]*file{}, names: map[string]string{}}
	entries, err := embedded.ReadDir("assets")
	if err != nil {
		panic(fmt.Sprintf("list the embedded assets: %v", err))
	}
	for _, entry := range entries {
		content, err := embedded.ReadFile(path.Join("assets", entry.Name()))
		if err != nil {
			panic(fmt.Sprintf("read an embedded asset: %v", err))
		}
		source, isPacked := strings.CutSuffix(entry.Name(), ".gz")
		extension := path.Ext(source)
		made := newFile
		if isPacked {
			made = newPackedFile
		}
		f := made(mediaTypes[extension], content)
		f.cache = "public, max-age=31536000, immutable"
		name := strings.TrimSuffix(source, extension) + "." + f.digest + extension
		set.files[name], set.names[source] = f, name
	}
	return set
})

// mediaTypes are fixed here, because those of package mime depend on the machine.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml; charset=utf-8",
	".txt": "text/plain; charset=utf-8",
}

// assetPath is the path of the asset with this source.
func assetPath(source string) (string, error) {
	name, ok := assets().names[source]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", source)
	}
	return "/docs/" + name, nil
}

// file is a response that is the same for all callers.
type file struct {
	media, cache, policy string
	// digest names the content.
	digest string
	plain  func() []byte
	packed func() []byte
}

// newFile is a file that is compressed at the first request for it.
func newFile(media string, content []byte) *file {
	return &file{
		media: media, digest: digest(content),
		plain:  func() []byte { return content },
		packed: sync.OnceValue(func() []byte { return pack(content) }),
	}
}

// newPackedFile is a file that is stored compressed. For the few clients without gzip
// it is uncompressed each time: in memory it would be several megabytes.
func newPackedFile(media string, packed []byte) *file {
	return &file{
		media: media, digest: digest(packed),
		plain:  func() []byte { return unpack(packed) },
		packed: func() []byte { return packed },
	}
}

// serve writes the file, compressed if the client accepts gzip.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	tag, content := f.digest, f.plain
	h := w.Header()
	if middleware.AcceptsGzip(r.Header) {
		// Different bytes need a different strong tag (RFC 9110, section 8.8.3.3).
		tag, content = tag+"-gzip", f.packed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", `"`+tag+`"`)
	h.Add("Vary", "Accept-Encoding") // besides Origin
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
	}
	body := content()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the client may have disconnected
}

// digest identifies the content; it is long enough to differ between all files.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}

func pack(content []byte) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(content) // a buffer does not fail
	_ = w.Close()
	return packed.Bytes()
}

// unpack panics on what is not gzip: the content is embedded, so the program is broken.
func unpack(packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Sprintf("unpack an asset: %v", err))
	}
	content, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Sprintf("unpack an asset: %v", err))
	}
	return content
}

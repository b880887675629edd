// Package static serves files that are the same for all callers, such as pages and
// their scripts, compressed once.
//
// It knows neither which pages there are nor what is in them.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/codegenapp/codegenapp/internal/httpapi/middleware"
)

// HTML is the media type of pages.
const HTML = "text/html; charset=utf-8"

// The values of Cache-Control. Revalidated files are asked for with their tag each
// time; immutable ones have a digest of their content in the URL.
const (
	Revalidated = "no-cache"
	immutable   = "public, max-age=31536000, immutable"
)

// File is a response that is the same for all callers.
type File struct {
	media, policy string
	// digest names the content.
	digest string
	plain  func() []byte
	packed func() []byte
}

// NewPage is a page of HTML with a Content-Security-Policy.
func NewPage(policy string, content []byte) *File {
	f := newFile(HTML, content)
	f.policy = policy
	return f
}

// newFile is a file that is compressed at the first request for it.
func newFile(media string, content []byte) *File {
	return &File{
		media: media, digest: digest(content),
		plain:  func() []byte { return content },
		packed: sync.OnceValue(func() []byte { return pack(content) }),
	}
}

// newPackedFile is a file that is stored compressed. For the few clients without gzip
// it is uncompressed each time: in memory it would be several megabytes.
func newPackedFile(media string, packed []byte) *File {
	return &File{
		media: media, digest: digest(packed),
		plain:  func() []byte { return unpack(packed) },
		packed: func() []byte { return packed },
	}
}

// Serve writes the file, compressed if the client accepts gzip. Caches ask for it each
// time.
func (f *File) Serve(w http.ResponseWriter, r *http.Request) { f.serve(w, r, Revalidated) }

func (f *File) serve(w http.ResponseWriter, r *http.Request, cache string) {
	tag, content := f.digest, f.plain
	h := w.Header()
	if middleware.AcceptsGzip(r.Header) {
		// Different bytes need a different strong tag (RFC 9110, section 8.8.3.3).
		tag, content = tag+"-gzip", f.packed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", cache)
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
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level exists
	_, _ = w.Write(content)                                    // a buffer does not fail
	_ = w.Close()
	return packed.Bytes()
}

// unpack panics on what is not gzip: the content is embedded, so the program is broken.
func unpack(packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Sprintf("unpack a file: %v", err))
	}
	content, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Sprintf("unpack a file: %v", err))
	}
	return content
}

package docs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// file is an answer that is the same for everybody.
type file struct {
	media, cache, policy string
	// digest names the content.
	digest string
	plain  func() []byte
	packed func() []byte
}

// newFile is a file that is compressed once somebody asks for it.
func newFile(media string, content []byte) *file {
	return &file{
		media: media, digest: digest(content),
		plain:  func() []byte { return content },
		packed: sync.OnceValue(func() []byte { return pack(content) }),
	}
}

// newPackedFile is a file that came compressed. The few who do not take it so
// wait for it to be unpacked: kept, it would be several megabytes.
func newPackedFile(media string, packed []byte) *file {
	return &file{
		media: media, digest: digest(packed),
		plain:  func() []byte { return unpack(packed) },
		packed: func() []byte { return packed },
	}
}

// serve answers with the file, compressed for those who take that.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	tag, content := f.digest, f.plain
	h := w.Header()
	if takesGzip(r.Header) {
		// Other bytes need another strong tag (RFC 9110, section 8.8.3.3).
		tag, content = tag+"-gzip", f.packed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.media)
	h.Set("Cache-Control", f.cache)
	h.Set("ETag", `"`+tag+`"`)
	h.Add("Vary", "Accept-Encoding") // beside Origin
	if f.policy != "" {
		h.Set("Content-Security-Policy", f.policy)
	}
	body := content()
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the caller left; nothing to tell it
}

// takesGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func takesGzip(h http.Header) bool {
	for entry := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, weighted := strings.Cut(entry, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			_, value, _ := strings.Cut(weight, "=")
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return !weighted || err == nil && q > 0
		}
	}
	return false
}

// digest is long enough that no two files of ours share it.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}

func pack(content []byte) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(content) // a buffer takes everything
	_ = w.Close()
	return packed.Bytes()
}

// unpack panics on what is not gzip: it is embedded, so the program is broken.
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

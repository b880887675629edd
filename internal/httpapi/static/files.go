package static

import (
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Files are the embedded files of pages, by name. Their URLs contain a digest of the
// content, so that browsers cache them forever and never show an old version.
type Files struct {
	base  string
	files map[string]*File
}

// mediaTypes are fixed here, because those of package mime depend on the machine.
var mediaTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml; charset=utf-8",
	".txt": "text/plain; charset=utf-8",
}

// NewFiles reads the files in a directory, which are served below the path base. One
// with the extension .gz is stored compressed, and served by its name without it. The
// files are embedded, so NewFiles panics where it cannot read them.
func NewFiles(from fs.FS, dir, base string) *Files {
	set := &Files{base: base, files: map[string]*File{}}
	entries, err := fs.ReadDir(from, dir)
	if err != nil {
		panic(fmt.Sprintf("list the files of %s: %v", base, err))
	}
	for _, entry := range entries {
		content, err := fs.ReadFile(from, path.Join(dir, entry.Name()))
		if err != nil {
			panic(fmt.Sprintf("read a file of %s: %v", base, err))
		}
		name, isPacked := strings.CutSuffix(entry.Name(), ".gz")
		media, ok := mediaTypes[path.Ext(name)]
		if !ok {
			panic(fmt.Sprintf("the file %s has no media type", name))
		}
		made := newFile
		if isPacked {
			made = newPackedFile
		}
		set.files[name] = made(media, content)
	}
	return set
}

// Names are the names of the files, in no order.
func (f *Files) Names() []string {
	names := make([]string, 0, len(f.files))
	for name := range f.files {
		names = append(names, name)
	}
	return names
}

// Path is the path of a file without its digest.
func (f *Files) Path(name string) string { return f.base + name }

// URL is the path of a file and its digest.
func (f *Files) URL(name string) (string, error) {
	file, ok := f.files[name]
	if !ok {
		return "", fmt.Errorf("there is no file %s", f.Path(name))
	}
	return f.Path(name) + "?v=" + file.digest, nil
}

// Serve writes the file with a name, and reports whether there is one. While a new
// release replaces an old one, a request can have the digest of the other's file: its
// response is not cached as that.
func (f *Files) Serve(w http.ResponseWriter, r *http.Request, name string) bool {
	file, ok := f.files[name]
	if !ok {
		return false
	}
	cache := Revalidated
	if r.URL.Query().Get("v") == file.digest {
		cache = immutable
	}
	file.serve(w, r, cache)
	return true
}

// Package docscheck compares documents with the code that they describe:
// that what a document names exists, and that a list in a document is complete.
//
// It reads files only, and imports nothing of the server. `make docs-check` runs it.
package docscheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// readFile returns a file of the project, by its path from the root.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// walk calls visit with the path, from the root, of each file below dir whose name
// has the suffix. It skips the folders that the go command skips, but not nested modules.
func walk(t *testing.T, dir, suffix string, visit func(path string)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, dir), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(root, name)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && isSkipped(name):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, suffix):
			visit(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// isSkipped reports whether dir holds no code or documents of the project.
func isSkipped(dir string) bool {
	base := filepath.Base(dir)
	return base[0] == '.' || base[0] == '_' || base == "testdata" || base == "vendor" || base == "node_modules"
}

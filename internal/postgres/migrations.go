package postgres

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

var stepName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,59}$`)

const stepTemplate = `-- What this changes, and why.

-- +goose Up

-- +goose Down
`

// CreateMigration writes the next numbered migration to dir, to be filled in, and
// returns its path.
func CreateMigration(dir, name string) (string, error) {
	if !stepName.MatchString(name) {
		return "", fmt.Errorf("the name %q is not lower-case letters, digits and underscores", name)
	}
	files, err := fs.Glob(os.DirFS(dir), "*.sql")
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("there are no migrations in %s: run this from the root of the source", dir)
	}
	last := 0
	for _, file := range files {
		var number int
		if _, err := fmt.Sscanf(file, "%05d_", &number); err == nil {
			last = max(last, number)
		}
	}
	path := filepath.Join(dir, fmt.Sprintf("%05d_%s.sql", last+1, name))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // source files are for everybody to read
	if err != nil {
		return "", fmt.Errorf("create the migration: %w", err)
	}
	if _, err := f.WriteString(stepTemplate); err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	return path, f.Close()
}

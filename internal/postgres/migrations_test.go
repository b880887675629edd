package postgres_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codegenapp/codegenapp/internal/postgres"
)

func TestCreateMigration_GetsTheNextNumber(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		have []string
		want string
	}{
		"after one":     {[]string{"00001_a.sql"}, "00002_more_rows.sql"},
		"after nine":    {[]string{"00001_a.sql", "00002_a.sql", "00003_a.sql", "00004_a.sql", "00005_a.sql", "00006_a.sql", "00007_a.sql", "00008_a.sql", "00009_a.sql"}, "00010_more_rows.sql"},
		"after a gap":   {[]string{"00001_a.sql", "00003_b.sql"}, "00004_more_rows.sql"},
		"beside others": {[]string{"00001_a.sql", "README.md", "schema.txt"}, "00002_more_rows.sql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, file := range tc.have {
				if err := os.WriteFile(filepath.Join(dir, file), []byte("-- +goose Up\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			path, err := postgres.CreateMigration(dir, "more_rows")
			if err != nil || path != filepath.Join(dir, tc.want) {
				t.Fatalf("%s, %v; want %s", path, err, tc.want)
			}
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), "-- +goose Up\n") || !strings.Contains(string(text), "-- +goose Down\n") {
				t.Errorf("it holds %q, %v", text, err)
			}
		})
	}
}

func TestCreateMigration_RejectsBadNamesAndFolders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", " ", "A", "addRows", "1_a", "_a", "a-b", "a b", "a.sql", "../a", "a/b", "a\n", "ä", strings.Repeat("a", 61)} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "00001_a.sql"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if path, err := postgres.CreateMigration(dir, name); err == nil {
			t.Errorf("%q made %s", name, path)
		}
		if found, err := fs.Glob(os.DirFS(dir), "*"); err != nil || len(found) != 1 {
			t.Errorf("%q left %v, %v", name, found, err)
		}
	}
	for what, dir := range map[string]string{"an empty directory": t.TempDir(), "a missing directory": filepath.Join(t.TempDir(), "missing")} {
		if path, err := postgres.CreateMigration(dir, "fine"); err == nil {
			t.Errorf("%s got %s", what, path)
		}
	}
}

func TestMigrations_AreNumberedWithoutAGap(t *testing.T) {
	t.Parallel()
	for n, name := range files(t) {
		if !strings.HasPrefix(name, strings.Repeat("0", 5-len(itoa(n+1)))+itoa(n+1)+"_") {
			t.Errorf("%s is number %d", name, n+1)
		}
	}
}

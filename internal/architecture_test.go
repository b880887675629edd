// Package internal_test holds the rules that no single package can hold for
// itself: which package may import which, and how long a file may be.
package internal_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "github.com/codegenapp/codegenapp"
	root   = ".."

	// longest is where a file has more than one subject; 250 lines are the aim.
	longest = 400
)

// allowed is the drawing of the project in docs/architecture.md: the folder on
// the left may import those on the right. A folder speaks for all below it,
// unless one below has its own line. Files of tests may import anything.
var allowed = map[string][]string{
	"cmd/codegenapp": {"internal/server"},
	"internal/server": {
		"internal/httpapi", "internal/postgres", "internal/gate", "internal/google",
		"internal/telemetry", "internal/devkit",
		"internal/requirements", "internal/auth", "internal/problem", "internal/id",
	},

	"internal/httpapi":   {"internal/requirements", "internal/auth", "internal/problem", "internal/id"},
	"internal/postgres":  {"internal/requirements", "internal/auth", "internal/problem", "internal/id"},
	"internal/gate":      {"internal/requirements", "internal/auth", "internal/problem", "internal/id"},
	"internal/google":    {"internal/requirements", "internal/auth", "internal/problem", "internal/id"},
	"internal/telemetry": {},
	"internal/devkit":    {},

	"internal/requirements":  {"internal/auth", "internal/problem", "internal/id"},
	"internal/auth": {"internal/problem", "internal/id"},
	"internal/problem":    {},
	"internal/id":       {},

	// What only tests use; nothing above names it, so nothing above imports it.
	"internal/testkit": {
		"internal/server", "internal/httpapi", "internal/postgres", "internal/gate", "internal/google",
		"internal/telemetry", "internal/devkit",
		"internal/requirements", "internal/auth", "internal/problem", "internal/id",
		"internal/testkit/redisserver",
	},
	"internal/testkit/withservers": {"internal/devkit", "internal/testkit/redisserver"},
	"internal/testkit/redisserver": {},
	"internal/testkit/race":        {},
	"internal/testkit/pgbouncer":   {},

	// The benchmark measures built programs. What it compares the product with
	// shares nothing with it.
	"bench":           {"internal/devkit"},
	"bench/reference": {},
	"tools/docs":      {},
	"bench/bare":      {},

	// What runs the built program under load and breaks it.
	"test/fleet":    {"internal/devkit", "internal/testkit/redisserver"},
	"test/chaos":    {"test/fleet", "internal/devkit"},
	"test/overload": {"test/fleet", "internal/devkit"},
}

// confined names the libraries that shape the code around them, and the only
// folders that may know of each.
var confined = map[string][]string{
	"github.com/jackc/pgx/v5": {
		"internal/postgres", "internal/id", "internal/devkit/pgserver", "internal/testkit", "bench", "test/fleet",
	},
	"github.com/redis/rueidis":         {"internal/gate", "internal/testkit", "test/chaos"},
	"github.com/danielgtaylor/huma/v2": {"internal/httpapi"},
	"github.com/jub0bs/cors":           {"internal/httpapi"},
	"github.com/coreos/go-oidc/v3":     {"internal/google", "internal/devkit/issuer"},
	"github.com/go-jose/go-jose/v4":    {"internal/google", "internal/devkit/issuer"},
	"golang.org/x/oauth2":              {"internal/google"},
	"go.opentelemetry.io":              {"internal/telemetry", "internal/testkit"},
}

func TestArrowsPointInwards(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file.path, "_test.go") {
			continue
		}
		from := folder(path.Dir(file.path))
		if from == "" {
			t.Errorf("%s: no rule speaks of this folder. Add it to allowed in internal/architecture_test.go, "+
				"with the folders it may import, and draw it in docs/architecture.md.", file.path)
			continue
		}
		for _, imported := range file.imports {
			inner, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			if to := folder(inner); to != from && !slices.Contains(allowed[from], to) {
				t.Errorf("%s imports %s, but %s may import only these: %s. Turn the arrow round: "+
					"let %s say in an interface what it needs, and let internal/server pass it in.",
					file.path, inner, from, strings.Join(allowed[from], ", "), from)
			}
		}
	}
}

func TestLibrariesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file.path, "_test.go") {
			continue
		}
		for library, homes := range confined {
			isIt := func(imported string) bool { return within(imported, library) }
			isHome := func(home string) bool { return within(file.path, home) }
			if slices.ContainsFunc(file.imports, isIt) && !slices.ContainsFunc(homes, isHome) {
				t.Errorf("%s imports %s, which belongs to %s.", file.path, library, strings.Join(homes, ", "))
			}
		}
	}
}

func TestFilesHaveOneSubject(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if file.lines >= longest && !file.generated {
			t.Errorf("%s has %d lines. Give its second subject a file of its own, "+
				"named like the same noun in the other layers.", file.path, file.lines)
		}
	}
}

// folder is the entry of allowed that speaks for dir, or empty.
func folder(dir string) string {
	for ; dir != "."; dir = path.Dir(dir) {
		if _, known := allowed[dir]; known {
			return dir
		}
	}
	return ""
}

// within tells whether name is parent or lies below it.
func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, parent+"/")
}

type goFile struct {
	path      string // from the root of the module, with slashes
	imports   []string
	lines     int
	generated bool
}

// goFiles reads the files of this module itself instead of asking the go
// command, so that the test cache sees when one changes.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && foreign(name):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		file, err := read(name)
		files = append(files, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no Go files were found; does this test still lie in internal/?")
	}
	return files
}

// foreign tells whether the go command, too, would leave dir out of ./...
func foreign(dir string) bool {
	base := filepath.Base(dir)
	if base[0] == '.' || base[0] == '_' || base == "testdata" || base == "vendor" || base == "node_modules" {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func read(name string) (goFile, error) {
	source, err := os.ReadFile(name)
	if err != nil {
		return goFile{}, err
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return goFile{}, err
	}
	relative, err := filepath.Rel(root, name)
	if err != nil {
		return goFile{}, err
	}
	file := goFile{
		path:      filepath.ToSlash(relative),
		lines:     bytes.Count(source, []byte("\n")),
		generated: ast.IsGenerated(syntax),
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return goFile{}, err
		}
		file.imports = append(file.imports, imported)
	}
	return file, nil
}

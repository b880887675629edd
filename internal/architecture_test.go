// Package internal_test checks rules across packages: which package may import which,
// how long a file may be, and which words texts avoid.
package internal_test

import (
	"bytes"
	"cmp"
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

	// maxFileLines is the limit at which a file has more than one subject; the goal is 250.
	maxFileLines = 400
)

// allowed is the drawing in docs/architecture.md: the folder on the left may import those
// on the right. A line covers all folders below, unless they have lines of their own.
// Test files may import anything.
var allowed = map[string][]string{
	".":              {},
	"cmd/codegenapp": {".", "internal/server", "internal/doctor", "internal/devserver"},
	"internal/server": {
		"internal/httpapi", "internal/httpapi/middleware", "internal/postgres", "internal/google", "internal/telemetry",
		"internal/cache", "internal/ratelimit", "internal/admission",
		"internal/events", "internal/history", "internal/members", "internal/requirements", "internal/auth", "internal/problem", "internal/id",
	},

	"internal/httpapi": {
		"internal/httpapi/middleware", "internal/httpapi/login", "internal/httpapi/openapi", "internal/httpapi/docs", "internal/httpapi/workspace", "internal/httpapi/body",
		"internal/cache", "internal/ratelimit", "internal/admission",
		"internal/events", "internal/history", "internal/members", "internal/requirements", "internal/search", "internal/auth", "internal/page", "internal/seal", "internal/problem", "internal/id",
	},
	"internal/httpapi/middleware": {"internal/problem", "internal/id"},
	"internal/httpapi/login":      {"internal/httpapi/middleware", "internal/auth", "internal/seal", "internal/problem"},
	"internal/httpapi/openapi":    {"internal/problem"},
	"internal/httpapi/docs":       {"internal/httpapi/static", "internal/problem"},
	"internal/httpapi/workspace":  {"internal/httpapi/static"},
	"internal/httpapi/static":     {"internal/httpapi/middleware"},
	"internal/httpapi/body":       {"internal/problem"},

	"internal/doctor":    {"internal/server", "internal/postgres", "internal/cache", "internal/ratelimit", "internal/google", "internal/telemetry"},
	"internal/devserver": {"internal/server", "internal/devkit"},

	"internal/postgres":  {"internal/events", "internal/history", "internal/members", "internal/requirements", "internal/search", "internal/auth", "internal/page", "internal/problem", "internal/id"},
	"internal/cache":     {"internal/auth", "internal/ratelimit"},
	"internal/ratelimit": {},
	"internal/admission": {"internal/problem"},
	"internal/google":    {"internal/requirements", "internal/auth", "internal/problem", "internal/id", "internal/text"},
	"internal/telemetry": {},
	"internal/devkit":    {},

	"internal/events":       {"internal/history", "internal/requirements", "internal/auth", "internal/problem"},
	"internal/history":      {"internal/requirements", "internal/auth", "internal/page", "internal/problem", "internal/id", "internal/text"},
	"internal/members":      {"internal/requirements", "internal/auth", "internal/problem", "internal/id"},
	"internal/requirements": {"internal/search", "internal/auth", "internal/page", "internal/problem", "internal/id", "internal/text"},
	"internal/search":       {},
	"internal/auth":         {"internal/page", "internal/problem", "internal/id", "internal/text"},
	"internal/page":         {},
	"internal/seal":         {},
	"internal/problem":      {},
	"internal/id":           {},
	"internal/text":         {},

	// Test helpers; no line above lists them.
	"internal/testkit": {
		"internal/server", "internal/httpapi", "internal/postgres", "internal/cache", "internal/ratelimit", "internal/admission", "internal/google",
		"internal/telemetry", "internal/devkit",
		"internal/events", "internal/history", "internal/requirements", "internal/auth", "internal/problem", "internal/id",
		"internal/testkit/redisserver",
	},
	"internal/testkit/withservers": {"internal/devkit", "internal/testkit/redisserver"},
	"internal/testkit/redisserver": {},
	"internal/testkit/race":        {},
	"internal/testkit/chromium":    {},
	"internal/testkit/pgbouncer":   {},
	"internal/testkit/gotest":      {},

	// The benchmark measures built programs. Its peers share no code with the product.
	"bench":           {"internal/devkit", "bench/seed"},
	"bench/seed":      {},
	"bench/reference": {},
	"bench/bare":      {},

	// Programs that run the built program under load, with faults.
	"test/fleet":    {"internal/devkit", "internal/testkit/redisserver"},
	"test/chaos":    {"test/fleet", "internal/devkit", "bench/seed"},
	"test/overload": {"test/fleet", "internal/devkit"},
	"test/attack":   {"test/fleet", "internal/devkit"},
}

// libraries lists the libraries that shape the code around them, with the only folders
// that may import them.
var libraries = map[string][]string{
	"github.com/jackc/pgx/v5": {
		"internal/postgres", "internal/id", "internal/devkit/pgserver", "internal/testkit", "bench", "test/fleet",
	},
	"github.com/redis/rueidis":         {"internal/cache", "internal/ratelimit", "internal/testkit", "test/chaos"},
	"github.com/danielgtaylor/huma/v2": {"internal/httpapi"},
	"github.com/coreos/go-oidc/v3":     {"internal/google", "internal/devkit/issuer"},
	"github.com/go-jose/go-jose/v4":    {"internal/google", "internal/devkit/issuer"},
	"golang.org/x/oauth2":              {"internal/google"},
	"go.opentelemetry.io":              {"internal/telemetry", "internal/testkit"},
}

// excluded names folders that must not know a library although their parent may.
var excluded = map[string]string{
	"internal/httpapi/middleware": "github.com/danielgtaylor/huma/v2",
	"internal/httpapi/docs":       "github.com/danielgtaylor/huma/v2",
	"internal/httpapi/workspace":  "github.com/danielgtaylor/huma/v2",
	"internal/httpapi/static":     "github.com/danielgtaylor/huma/v2",
}

func TestArchitecture_ImportsPointInwards(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file.path, "_test.go") {
			continue
		}
		from := folder(path.Dir(file.path))
		if from == "" {
			t.Errorf("%s: this folder has no line in allowed, in internal/architecture_test.go. Add one "+
				"with the folders that it may import, and draw it in docs/architecture.md.", file.path)
			continue
		}
		for _, imported := range file.imports {
			inner, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			inner = cmp.Or(strings.TrimPrefix(inner, "/"), ".")
			if to := folder(inner); to != from && !slices.Contains(allowed[from], to) {
				t.Errorf("%s imports %s, but %s may import only these: %s. Invert the dependency: "+
					"declare an interface in %s, and let internal/server pass the implementation.",
					file.path, inner, from, strings.Join(allowed[from], ", "), from)
			}
		}
	}
}

func TestArchitecture_LibrariesStayInTheirPackages(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file.path, "_test.go") {
			continue
		}
		for dir, library := range excluded {
			if within(file.path, dir) && slices.ContainsFunc(file.imports, func(imported string) bool { return within(imported, library) }) {
				t.Errorf("%s imports %s, which %s must not know.", file.path, library, dir)
			}
		}
		for library, homes := range libraries {
			isIt := func(imported string) bool { return within(imported, library) }
			isHome := func(home string) bool { return within(file.path, home) }
			if slices.ContainsFunc(file.imports, isIt) && !slices.ContainsFunc(homes, isHome) {
				t.Errorf("%s imports %s, which only these may import: %s.", file.path, library, strings.Join(homes, ", "))
			}
		}
	}
}

func TestArchitecture_FilesAreShort(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if file.lines >= maxFileLines && !file.generated {
			t.Errorf("%s has %d lines. Move its second subject to a file of its own, "+
				"named like the same noun in the other layers.", file.path, file.lines)
		}
	}
}

// folder is the line of allowed that covers dir, or empty.
func folder(dir string) string {
	if dir == "." {
		return dir
	}
	for ; dir != "."; dir = path.Dir(dir) {
		if _, known := allowed[dir]; known {
			return dir
		}
	}
	return ""
}

// within reports whether name is parent or lies below it.
func within(name, parent string) bool {
	return name == parent || strings.HasPrefix(name, parent+"/")
}

type goFile struct {
	path      string // from the root of the module, with slashes
	imports   []string
	lines     int
	generated bool
}

// goFiles reads the files of this module itself, not through the go command, so that the
// test cache notices changes.
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
		t.Fatal("no Go files found; is this test still in internal/?")
	}
	return files
}

// foreign reports whether the go command leaves dir out of ./...
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

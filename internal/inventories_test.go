package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// textOf is a file of the project.
func textOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section is a part of a document, from its heading to the next.
func section(t *testing.T, name, heading string) string {
	t.Helper()
	_, after, found := strings.Cut(textOf(t, name), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no part %q", name, heading)
	}
	part, _, _ := strings.Cut(after, "\n## ")
	return part
}

// listed compares what the code has with what an inventory says in backticks.
func listed(t *testing.T, where, inventory, code string, form *regexp.Regexp) {
	t.Helper()
	var said []string
	for _, found := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(inventory, -1) {
		said = append(said, found[1])
	}
	found := form.FindAllStringSubmatch(code, -1)
	if len(found) == 0 {
		t.Fatalf("nothing in the code looks like what %s lists", where)
	}
	for _, f := range found {
		if !slices.ContainsFunc(said, func(s string) bool {
			beginning, cut := strings.CutSuffix(s, "…")
			return s == f[1] || cut && strings.HasPrefix(f[1], beginning)
		}) {
			t.Errorf("%s does not tell of %q", where, f[1])
		}
	}
}

func TestEverySecretIsAmongTheKeys(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile("(?m)^\t(?:\\w+ +(?:\\[\\])?Secret|TLSKeyFile +string) +`env:\"(\\w+)\"`")
	listed(t, "docs/security.md, Keys and algorithms", section(t, "docs/security.md", "Keys and algorithms"), textOf(t, "internal/server/settings.go"), form)
}

func TestEveryTableIsAmongWhatIsKept(t *testing.T) {
	t.Parallel()
	var schema strings.Builder
	files, err := filepath.Glob(root + "/internal/postgres/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		schema.WriteString(textOf(t, strings.TrimPrefix(file, root)))
	}
	listed(t, "docs/security.md, Stored data", section(t, "docs/security.md", "Stored data"), schema.String(), regexp.MustCompile(`CREATE TABLE (\w+)`))
}

func TestEveryActionOfTheAuditIsToldToOperators(t *testing.T) {
	t.Parallel()
	listed(t, "docs/operations/users-and-audit.md", section(t, "docs/operations/users-and-audit.md", "Audit events"), textOf(t, "internal/auth/events.go"), regexp.MustCompile(`Action += "([^"]+)"`))
}

// Messages at DEBUG, and those of development, are told of in summary.
func TestEveryMessageOfTheLogIsToldToOperators(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "devkit" || entry.Name() == "testkit"):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			code.WriteString(textOf(t, strings.TrimPrefix(name, root)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`(?:(?:Info|Warn|Error)Context\([^"\n]*|LogAttrs\([^"\n]*)"([^"]+)"`)
	listed(t, "docs/operations/logs-and-traces.md", section(t, "docs/operations/logs-and-traces.md", "The log"), code.String(), form)
}

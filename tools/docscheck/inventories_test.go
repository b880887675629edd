package docscheck

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// section returns the part of a document below a heading, up to the next heading.
func section(t *testing.T, name, heading string) string {
	t.Helper()
	_, after, found := strings.Cut(readFile(t, name), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", name, heading)
	}
	part, _, _ := strings.Cut(after, "\n## ")
	return part
}

// wantListed fails the test for each match of pattern in code that the section does
// not list in backticks. An entry that ends with "…" stands for all with that prefix.
func wantListed(t *testing.T, document, heading, code string, pattern *regexp.Regexp) {
	t.Helper()
	var listed []string
	for _, found := range codePattern.FindAllStringSubmatch(section(t, document, heading), -1) {
		listed = append(listed, found[1])
	}
	matches := pattern.FindAllStringSubmatch(code, -1)
	if len(matches) == 0 {
		t.Fatalf("the code has nothing that matches %s; has it moved?", pattern)
	}
	for _, match := range matches {
		if !slices.ContainsFunc(listed, func(entry string) bool {
			prefix, isPrefix := strings.CutSuffix(entry, "…")
			return entry == match[1] || isPrefix && strings.HasPrefix(match[1], prefix)
		}) {
			t.Errorf("%s, section %q, does not list %q", document, heading, match[1])
		}
	}
}

func TestInventory_SecretSettingsAreListed(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile("(?m)^\t(?:\\w+ +(?:\\[\\])?Secret|TLSKeyFile +string) +`env:\"(\\w+)\"`")
	wantListed(t, "docs/security.md", "Keys and algorithms", readFile(t, "internal/server/settings.go"), pattern)
}

func TestInventory_TablesAreListed(t *testing.T) {
	t.Parallel()
	var schema strings.Builder
	walk(t, "internal/postgres/migrations", ".sql", func(path string) { schema.WriteString(readFile(t, path)) })
	wantListed(t, "docs/security.md", "Stored data", schema.String(), regexp.MustCompile(`CREATE TABLE (\w+)`))
}

func TestInventory_AuditActionsAreListed(t *testing.T) {
	t.Parallel()
	wantListed(t, "docs/operations/users-and-audit.md", "Audit events", goCode(t, "internal/auth"), regexp.MustCompile(`Action += "([^"]+)"`))
}

// Messages at DEBUG, and those of development, are documented in summary.
func TestInventory_LogMessagesAreListed(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`(?:(?:Info|Warn|Error)Context\([^"\n]*|LogAttrs\([^"\n]*)"([^"]+)"`)
	wantListed(t, "docs/operations/logs-and-traces.md", "The log", goCode(t, "internal"), pattern)
}

// goCode is the product code below dir, in one text.
func goCode(t *testing.T, dir string) string {
	t.Helper()
	var code strings.Builder
	walk(t, dir, ".go", func(path string) {
		slashed := filepath.ToSlash(path)
		if !strings.HasSuffix(path, "_test.go") && !strings.HasPrefix(slashed, "internal/devkit/") && !strings.HasPrefix(slashed, "internal/testkit/") {
			code.WriteString(readFile(t, path))
		}
	})
	return code.String()
}

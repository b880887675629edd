// Command links checks what the Markdown files of the repository refer to: every
// linked file exists, and every linked heading; and in docs and README.md every
// path in backticks.
//
//	go -C tools run ./docs/links
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

var (
	link    = regexp.MustCompile(`!?\[[^\]]*\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`^#{1,6} (.+)$`)
	inline  = regexp.MustCompile("`[^`]*`")
	skipped = map[string]bool{".git": true, "node_modules": true, "bin": true, ".codegenapp": true}

	ownPath   = regexp.MustCompile("`((?:api|bench|cmd|docker|docs|infrastructure|internal|test|tools|\\.github)/[\\w./-]*)`")
	innerPath = regexp.MustCompile("`((?:auth|httpapi|postgres|requirements|server)/[\\w./-]*|[a-z]+/architecture_test.go)`")
	// invented are paths of examples, and of folders that a build makes.
	invented = regexp.MustCompile(`NNNNN|labels|^bin/`)
)

func main() {
	broken, checked, err := []string(nil), 0, os.Chdir("..") // from tools to the root
	if err == nil {
		broken, checked, err = check(".")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "links:", err)
		os.Exit(1)
	}
	for _, line := range broken {
		fmt.Fprintln(os.Stderr, line)
	}
	if len(broken) > 0 {
		os.Exit(1)
	}
	fmt.Fprintf(os.Stdout, "links: %d references checked\n", checked)
}

// check returns a line for each broken reference in a Markdown file below root.
func check(root string) (broken []string, checked int, err error) {
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped[entry.Name()]:
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(name) //nolint:gosec // a file of the repository
		if err != nil {
			return err
		}
		for _, line := range proseLines(string(text)) {
			reasons, references := checkLine(name, line)
			broken = append(broken, reasons...)
			checked += references
		}
		return nil
	})
	return broken, checked, err
}

// checkLine returns a line for each broken reference in a line of the file name.
func checkLine(name, line string) (broken []string, checked int) {
	for _, match := range link.FindAllStringSubmatch(inline.ReplaceAllString(line, "x"), -1) {
		checked++
		if reason := problem(name, match[1]); reason != "" {
			broken = append(broken, fmt.Sprintf("%s: %s: %s", name, match[1], reason))
		}
	}
	for _, reference := range paths(filepath.ToSlash(name), line) {
		checked++
		if _, err := os.Stat(reference); err != nil {
			broken = append(broken, fmt.Sprintf("%s: there is no %s", name, reference))
		}
	}
	return broken, checked
}

// paths are the paths in backticks of a line that have to exist. Decisions
// describe the code of their time, and the architecture leaves out internal/.
func paths(file, line string) (names []string) {
	form, folder := ownPath, ""
	switch {
	case file == "docs/architecture.md":
		line = strings.ReplaceAll(line, "`internal/", "`")
		form, folder = innerPath, "internal"
	case file != "README.md" && !strings.HasPrefix(file, "docs/"), strings.HasPrefix(file, "docs/decisions/"):
		return nil
	}
	for _, match := range form.FindAllStringSubmatch(line, -1) {
		if !invented.MatchString(match[1]) {
			names = append(names, path.Join(folder, match[1]))
		}
	}
	return names
}

// problem says what is wrong with a link in the file from; empty if nothing is.
func problem(from, target string) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "/") {
		return "" // another site, or a path of the server
	}
	name, anchor, _ := strings.Cut(target, "#")
	file := from
	if name != "" {
		file = filepath.Join(filepath.Dir(from), filepath.FromSlash(name))
	}
	info, err := os.Stat(file)
	if err != nil {
		return "the file does not exist"
	}
	if anchor == "" || info.IsDir() {
		return ""
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if !anchors(string(text))[anchor] {
		return "the file has no such heading"
	}
	return ""
}

// anchors are the names that GitHub gives to the headings of a text.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, line := range proseLines(text) {
		match := heading.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ' || r == '-':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_':
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, match[1])
		for unique, n := name, 1; ; n++ {
			if !names[unique] {
				names[unique] = true
				break
			}
			unique = fmt.Sprintf("%s-%d", name, n)
		}
	}
	return names
}

// proseLines are the lines of a Markdown text outside of code blocks.
func proseLines(text string) (lines []string) {
	code := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			code = !code
		case !code:
			lines = append(lines, line)
		}
	}
	return lines
}

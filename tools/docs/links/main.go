// Command links checks the links between the Markdown files of the repository:
// every file exists, and every heading that a link names. Run it in the root
// folder: go run ./tools/docs/links
package main

import (
	"fmt"
	"io/fs"
	"os"
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
)

func main() {
	broken, checked, err := check(".")
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
	fmt.Printf("links: %d links checked\n", checked)
}

// check returns a line for each broken link in a Markdown file below root.
func check(root string) (broken []string, checked int, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && skipped[entry.Name()]:
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // a file of the repository
		if err != nil {
			return err
		}
		for _, line := range proseLines(string(text)) {
			for _, match := range link.FindAllStringSubmatch(inline.ReplaceAllString(line, "x"), -1) {
				if strings.Contains(match[1], "://") || strings.HasPrefix(match[1], "/") {
					continue // another site, or a path of the server
				}
				checked++
				if reason := problem(path, match[1]); reason != "" {
					broken = append(broken, fmt.Sprintf("%s: %s: %s", path, match[1], reason))
				}
			}
		}
		return nil
	})
	return broken, checked, err
}

// problem says what is wrong with a link of the file at path; empty if nothing is.
func problem(path, target string) string {
	name, anchor, _ := strings.Cut(target, "#")
	file := path
	if name != "" {
		file = filepath.Join(filepath.Dir(path), filepath.FromSlash(name))
	}
	info, err := os.Stat(file)
	if err != nil {
		return "the file does not exist"
	}
	if anchor == "" || info.IsDir() {
		return ""
	}
	text, err := os.ReadFile(file) //nolint:gosec // a file of the repository
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

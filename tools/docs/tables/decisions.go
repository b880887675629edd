package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var recordTitle = regexp.MustCompile(`^# (\d{4}): (.+)\n`)

// decisionsTable lists every record by number and title.
func decisionsTable() (string, error) {
	files, err := filepath.Glob("docs/decisions/0*.md")
	if err != nil {
		return "", err
	}
	var table strings.Builder
	table.WriteString("\n| record | decision |\n| --- | --- |\n")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		name := filepath.Base(file)
		match := recordTitle.FindStringSubmatch(string(text))
		if len(match) != 3 || !strings.HasPrefix(name, match[1]+"-") {
			return "", fmt.Errorf("%s does not begin with its number and title: # %s: …", file, name[:4])
		}
		fmt.Fprintf(&table, "| [%s](%s) | %s |\n", match[1], name, match[2])
	}
	return table.String(), nil
}

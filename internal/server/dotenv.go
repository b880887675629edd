package server

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// byteOrderMark is what editors on Windows put before the first line.
const byteOrderMark = "\ufeff"

// utf16Mark is what PowerShell puts before a file that it writes as UTF-16.
const utf16Mark = "\xff\xfe"

// readDotenv parses the NAME=value lines of a file. It ignores blank lines and lines
// that start with #. A $ has no meaning, so secrets may contain it. A missing file is
// empty.
func readDotenv(path string) (map[string]string, error) {
	values := map[string]string{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil
	}
	if err != nil {
		return values, fmt.Errorf("%s cannot be read", path)
	}
	defer f.Close() //nolint:errcheck // only read from
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), utf16Mark) {
			return values, fmt.Errorf("%s is encoded in UTF-16: save it as UTF-8", path)
		}
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), byteOrderMark))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			return values, fmt.Errorf("line %d of %s is not NAME=value", n, path)
		}
		values[strings.TrimSpace(name)] = dotenvValue(strings.TrimSpace(value))
	}
	if lines.Err() != nil { // a line that is too long, or a directory
		return values, fmt.Errorf("%s cannot be read", path)
	}
	return values, nil
}

// dotenvValue removes the quotes around a value, and a comment after it: a # after a
// blank. Within quotes a # is part of the value.
func dotenvValue(text string) string {
	if text == "" || strings.HasPrefix(text, "#") {
		return ""
	}
	if quote := text[:1]; quote == `"` || quote == `'` {
		for end := 1; ; end++ {
			next := strings.Index(text[end:], quote)
			if next < 0 {
				break // the quote is not closed, so it is part of the value
			}
			end += next
			if rest := strings.TrimSpace(text[end+1:]); rest == "" || strings.HasPrefix(rest, "#") {
				return text[1:end]
			}
		}
	}
	for n := 1; n < len(text); n++ {
		if text[n] == '#' && (text[n-1] == ' ' || text[n-1] == '\t') {
			return strings.TrimSpace(text[:n])
		}
	}
	return text
}

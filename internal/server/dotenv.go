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
	if inner, quoted := quotedValue(text); quoted {
		return inner
	}
	if strings.HasPrefix(text, "#") {
		return ""
	}
	for n := range len(text) {
		if text[n] == '#' && strings.ContainsAny(text[n-1:n], " \t") {
			return strings.TrimSpace(text[:n])
		}
	}
	return text
}

// quotedValue returns what is between the quotes that begin a text and end it, or that
// end it before a comment. Other quotes are part of the value.
func quotedValue(text string) (inner string, quoted bool) {
	if !strings.HasPrefix(text, `"`) && !strings.HasPrefix(text, `'`) {
		return "", false
	}
	for end := 1; end < len(text); end++ {
		if text[end] != text[0] {
			continue
		}
		if rest := strings.TrimSpace(text[end+1:]); rest == "" || strings.HasPrefix(rest, "#") {
			return text[1:end], true
		}
	}
	return "", false
}

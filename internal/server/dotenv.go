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

// readDotenv parses the NAME=value lines of a file. It ignores blank lines and lines
// that start with #, and removes quotes around a value. A $ has no meaning, so secrets
// may contain it. A missing file is empty.
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
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), byteOrderMark))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			return values, fmt.Errorf("line %d of %s is not NAME=value", n, path)
		}
		value = strings.TrimSpace(value)
		for _, quote := range []string{`"`, `'`} {
			if inner, ok := strings.CutPrefix(value, quote); ok && strings.HasSuffix(inner, quote) {
				value = strings.TrimSuffix(inner, quote)
				break
			}
		}
		values[strings.TrimSpace(name)] = value
	}
	if lines.Err() != nil { // a line that is too long, or a directory
		return values, fmt.Errorf("%s cannot be read", path)
	}
	return values, nil
}

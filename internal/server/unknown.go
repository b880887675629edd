package server

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// maxMisspelling is the number of edits up to which a name counts as a misspelt
// setting.
const maxMisspelling = 2

// unknownSettings returns a sentence for each name in the file dotenv that is not a
// setting, and for each variable of the environment that is nearly one.
func unknownSettings(dotenv string, inFile map[string]string, environ []string) []string {
	known := settingNames()
	var warnings []string
	for name := range inFile {
		if slices.Contains(known, name) {
			continue
		}
		warning := fmt.Sprintf("%s in %s is not a setting of codegenapp", name, dotenv)
		if meant := nearest(name, known); meant != "" {
			warning += "; did you mean " + meant + "?"
		}
		warnings = append(warnings, warning)
	}
	for name := range env.ToMap(environ) {
		_, reported := inFile[name]
		if meant := nearest(name, known); meant != "" && !reported && !slices.Contains(known, name) {
			warnings = append(warnings, fmt.Sprintf("%s in the environment is not a setting of codegenapp; did you mean %s?", name, meant))
		}
	}
	slices.Sort(warnings)
	return warnings
}

// settingNames returns the names of all settings, those of files included.
func settingNames() []string {
	// The last one is a variable of Google's client libraries, which .env.example explains.
	names := []string{"PORT", "GOOGLE_APPLICATION_CREDENTIALS"}
	for field := range reflect.TypeFor[Settings]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			names = append(names, name)
		}
	}
	for _, name := range secretSettings() {
		names = append(names, name+"_FILE")
	}
	return names
}

// nearest returns the setting that a name is a misspelling of, or an empty string.
// Short names are nearly anything, so they have none.
func nearest(name string, known []string) string {
	best, distance := "", maxMisspelling+1
	for _, other := range known {
		if d := editDistance(strings.ToUpper(name), other); d < distance && len(other) > 3*maxMisspelling {
			best, distance = other, d
		}
	}
	return best
}

// editDistance returns how many characters must be inserted, deleted or replaced to
// make b of a (the Levenshtein distance).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for n := range row {
		row[n] = n
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

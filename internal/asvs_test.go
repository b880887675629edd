package internal_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// comparison is where docs/evidence/asvs lies: what this program does about each
// requirement of OWASP ASVS, a file for each chapter.
const comparison = root + "/docs/evidence/asvs"

// states are what a requirement can be, in the order of the table of counts.
var states = []string{"met", "partly", "not met", "not ours", "does not apply"}

// verdict is a row of a chapter.
type verdict struct{ file, number, asks, state, where string }

var (
	rowForm     = regexp.MustCompile(`^\| *(\d[^|]*?) *\|(.*)\| *$`)
	chapterFile = regexp.MustCompile(`^v(\d\d)-[a-z-]+\.md$`)
	inBackticks = regexp.MustCompile("`([^`\n]+)`")
	linkForm    = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	testName    = regexp.MustCompile(`^(?:Test|Fuzz)[A-Z]\w*$`)
	testFunc    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
	// elsewhere is what has a slash in it and is no path of ours: media types,
	// rates, and packages of others.
	elsewhere = regexp.MustCompile(`^(?:application|text|image|crypto|encoding|html|log|math|net|\d+|N|[a-z]+\.(?:org|com))/`)
)

func TestEveryRequirementOfASVSHasItsRow(t *testing.T) {
	t.Parallel()
	rows := map[string]int{}
	for _, v := range verdicts(t) {
		rows[v.number]++
	}
	missing := map[string][]string{}
	for number := range requirements(t) {
		switch rows[number] {
		case 0:
			chapter, _, _ := strings.Cut(number, ".")
			missing[chapter] = append(missing[chapter], number)
		case 1:
		default:
			t.Errorf("%s has %d rows", number, rows[number])
		}
	}
	for chapter, numbers := range missing {
		t.Errorf("chapter V%s lacks rows of %s", chapter, strings.Join(slices.Sorted(slices.Values(numbers)), ", "))
	}
}

func TestARowOfASVSSaysWhatIsSo(t *testing.T) {
	t.Parallel()
	known := requirements(t)
	for _, v := range verdicts(t) {
		chapter := strings.TrimPrefix(chapterFile.FindStringSubmatch(v.file)[1], "0")
		switch {
		case !known[v.number]:
			t.Errorf("%s: there is no requirement %s of the levels 1 and 2", v.file, v.number)
		case !strings.HasPrefix(v.number, chapter+"."):
			t.Errorf("%s: %s belongs to another chapter", v.file, v.number)
		case !slices.Contains(states, v.state):
			t.Errorf("%s: %s is %q, which is none of %s", v.file, v.number, v.state, strings.Join(states, ", "))
		case v.asks == "" || v.where == "":
			t.Errorf("%s: %s does not say what it asks, or where it is met or what is missing", v.file, v.number)
		}
	}
}

func TestTheComparisonWithASVSNamesWhatExists(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	for _, name := range comparisonFiles(t) {
		text := readFile(t, filepath.Join(comparison, name))
		for _, found := range inBackticks.FindAllStringSubmatch(text, -1) {
			switch said := found[1]; {
			case testName.MatchString(said):
				if !tests[said] {
					t.Errorf("%s names the test %s, which does not exist", name, said)
				}
			case !strings.Contains(said, "/") || strings.HasPrefix(said, "/") || strings.ContainsAny(said, " {<\"") || elsewhere.MatchString(said):
			default:
				if _, err := os.Stat(filepath.Join(root, said)); err != nil {
					t.Errorf("%s names %s, which does not exist", name, said)
				}
			}
		}
		for _, found := range linkForm.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(comparison, found[1])); err != nil && !strings.Contains(found[1], "://") {
				t.Errorf("%s links to %s, which does not exist", name, found[1])
			}
		}
	}
}

func TestTheCountsOfASVSAreThoseOfItsRows(t *testing.T) {
	t.Parallel()
	counts := map[string]map[string]int{}
	for _, v := range verdicts(t) {
		if counts[v.file] == nil {
			counts[v.file] = map[string]int{}
		}
		counts[v.file][v.state]++
	}
	total := map[string]int{}
	var want []string
	for _, file := range slices.Sorted(maps.Keys(counts)) {
		want = append(want, countsOf("["+chapterName(t, file)+"]("+file+")", counts[file]))
		for state, n := range counts[file] {
			total[state] += n
		}
	}
	want = append(want, countsOf("together", total))
	var got []string
	for line := range strings.Lines(readFile(t, filepath.Join(comparison, "README.md"))) {
		if strings.HasPrefix(line, "| [V") || strings.HasPrefix(line, "| V") || strings.HasPrefix(line, "| together") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(want, got) {
		t.Errorf("the table of counts in docs/evidence/asvs/README.md has to be\n%s", strings.Join(want, "\n"))
	}
}

// countsOf is a line of the table of counts.
func countsOf(name string, of map[string]int) string {
	cells, sum := []string{name}, 0
	for _, state := range states {
		cells = append(cells, strconv.Itoa(of[state]))
		sum += of[state]
	}
	return "| " + strings.Join(append(cells, strconv.Itoa(sum)), " | ") + " |"
}

// chapterName is the heading of a chapter's file.
func chapterName(t *testing.T, file string) string {
	t.Helper()
	heading, _, _ := strings.Cut(readFile(t, filepath.Join(comparison, file)), "\n")
	return strings.TrimPrefix(heading, "# ")
}

// requirements are the numbers of the levels 1 and 2.
func requirements(t *testing.T) map[string]bool {
	t.Helper()
	numbers := map[string]bool{}
	for line := range strings.Lines(readFile(t, filepath.Join(comparison, "requirements.txt"))) {
		number, _, _ := strings.Cut(line, " ")
		numbers[number] = true
	}
	return numbers
}

func comparisonFiles(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(comparison)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == ".md" {
			names = append(names, entry.Name())
		}
	}
	return names
}

// verdicts are the rows of all chapters.
func verdicts(t *testing.T) (all []verdict) {
	t.Helper()
	for _, name := range comparisonFiles(t) {
		if !chapterFile.MatchString(name) {
			continue
		}
		for line := range strings.Lines(readFile(t, filepath.Join(comparison, name))) {
			row := rowForm.FindStringSubmatch(strings.TrimSpace(line))
			if row == nil {
				continue
			}
			cells := strings.SplitN(row[2]+"||", "|", 4)
			for number := range strings.SplitSeq(row[1], ", ") { // one row may speak of several
				all = append(all, verdict{name, number, strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])})
			}
		}
	}
	return all
}

// testNames are the tests of this module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && foreign(name):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		for _, found := range testFunc.FindAllStringSubmatch(readFile(t, name), -1) {
			names[found[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

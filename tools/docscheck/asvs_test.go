package docscheck

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// asvsDir holds the comparison with OWASP ASVS: one file per chapter, one row per
// requirement, and a table of counts in README.md.
const asvsDir = "docs/evidence/asvs"

// states are the values of a row's state, in the column order of the table of counts.
var states = []string{"met", "partly", "not met", "not ours", "does not apply"}

// asvsRow is one row of a chapter.
type asvsRow struct{ file, number, requirement, state, where string }

var (
	rowPattern     = regexp.MustCompile(`^\| *(\d[^|]*?) *\|(.*)\| *$`)
	chapterPattern = regexp.MustCompile(`^v(\d\d)-[a-z-]+\.md$`)
	codePattern    = regexp.MustCompile("`([^`\n]+)`")
	linkPattern    = regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	testNameOnly   = regexp.MustCompile(`^(?:Test|Fuzz)[A-Z]\w*$`)
	testFunc       = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z]\w*)\(`)
	// notAPath matches code with a slash that is not a path of this repository:
	// media types, rates, and packages of others.
	notAPath = regexp.MustCompile(`^(?:application|text|image|crypto|encoding|html|log|math|net|\d+|N|[a-z]+\.(?:org|com))/`)
)

func TestASVS_EveryRequirementHasOneRow(t *testing.T) {
	t.Parallel()
	rows := map[string]int{}
	for _, row := range asvsRows(t) {
		rows[row.number]++
	}
	missing := map[string][]string{}
	for number := range asvsRequirements(t) {
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

func TestASVS_RowsAreComplete(t *testing.T) {
	t.Parallel()
	known := asvsRequirements(t)
	for _, row := range asvsRows(t) {
		chapter := strings.TrimPrefix(chapterPattern.FindStringSubmatch(row.file)[1], "0")
		switch {
		case !known[row.number]:
			t.Errorf("%s: there is no requirement %s at levels 1 and 2", row.file, row.number)
		case !strings.HasPrefix(row.number, chapter+"."):
			t.Errorf("%s: %s belongs to another chapter", row.file, row.number)
		case !slices.Contains(states, row.state):
			t.Errorf("%s: the state of %s is %q; it must be one of %s", row.file, row.number, row.state, strings.Join(states, ", "))
		case row.requirement == "" || row.where == "":
			t.Errorf("%s: %s lacks the requirement, or where it is met or what is missing", row.file, row.number)
		}
	}
}

func TestASVS_NamedTestsFilesAndLinksExist(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	for _, name := range asvsFiles(t) {
		text := readFile(t, filepath.Join(asvsDir, name))
		for _, found := range codePattern.FindAllStringSubmatch(text, -1) {
			switch code := found[1]; {
			case testNameOnly.MatchString(code):
				if !tests[code] {
					t.Errorf("%s names the test %s, which does not exist", name, code)
				}
			case !strings.Contains(code, "/") || strings.HasPrefix(code, "/") || strings.ContainsAny(code, " {<\"") || notAPath.MatchString(code):
			default:
				if _, err := os.Stat(filepath.Join(root, code)); err != nil {
					t.Errorf("%s names %s, which does not exist", name, code)
				}
			}
		}
		for _, found := range linkPattern.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, asvsDir, found[1])); err != nil && !strings.Contains(found[1], "://") {
				t.Errorf("%s links to %s, which does not exist", name, found[1])
			}
		}
	}
}

func TestASVS_CountsMatchRows(t *testing.T) {
	t.Parallel()
	counts := map[string]map[string]int{}
	for _, row := range asvsRows(t) {
		if counts[row.file] == nil {
			counts[row.file] = map[string]int{}
		}
		counts[row.file][row.state]++
	}
	total := map[string]int{}
	var want []string
	for _, file := range slices.Sorted(maps.Keys(counts)) {
		want = append(want, countsLine("["+chapterName(t, file)+"]("+file+")", counts[file]))
		for state, n := range counts[file] {
			total[state] += n
		}
	}
	want = append(want, countsLine("together", total))
	var got []string
	for line := range strings.Lines(readFile(t, filepath.Join(asvsDir, "README.md"))) {
		if strings.HasPrefix(line, "| [V") || strings.HasPrefix(line, "| V") || strings.HasPrefix(line, "| together") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(want, got) {
		t.Errorf("the table of counts in %s/README.md must be\n%s", asvsDir, strings.Join(want, "\n"))
	}
}

// countsLine is one line of the table of counts.
func countsLine(name string, counts map[string]int) string {
	cells, sum := []string{name}, 0
	for _, state := range states {
		cells = append(cells, strconv.Itoa(counts[state]))
		sum += counts[state]
	}
	return "| " + strings.Join(append(cells, strconv.Itoa(sum)), " | ") + " |"
}

// chapterName is the heading of a chapter's file.
func chapterName(t *testing.T, file string) string {
	t.Helper()
	heading, _, _ := strings.Cut(readFile(t, filepath.Join(asvsDir, file)), "\n")
	return strings.TrimPrefix(heading, "# ")
}

// asvsRequirements are the numbers of all requirements at levels 1 and 2.
func asvsRequirements(t *testing.T) map[string]bool {
	t.Helper()
	numbers := map[string]bool{}
	for line := range strings.Lines(readFile(t, filepath.Join(asvsDir, "requirements.txt"))) {
		number, _, _ := strings.Cut(line, " ")
		numbers[number] = true
	}
	return numbers
}

func asvsFiles(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, asvsDir))
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

// asvsRows are the rows of all chapters.
func asvsRows(t *testing.T) (all []asvsRow) {
	t.Helper()
	for _, name := range asvsFiles(t) {
		if !chapterPattern.MatchString(name) {
			continue
		}
		for line := range strings.Lines(readFile(t, filepath.Join(asvsDir, name))) {
			found := rowPattern.FindStringSubmatch(strings.TrimSpace(line))
			if found == nil {
				continue
			}
			cells := strings.SplitN(found[2]+"||", "|", 4)
			for number := range strings.SplitSeq(found[1], ", ") { // a row may list several
				all = append(all, asvsRow{
					file: name, number: number, requirement: strings.TrimSpace(cells[0]),
					state: strings.TrimSpace(cells[1]), where: strings.TrimSpace(cells[2]),
				})
			}
		}
	}
	return all
}

// testNames are the tests of all modules of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	walk(t, ".", "_test.go", func(path string) {
		for _, found := range testFunc.FindAllStringSubmatch(readFile(t, path), -1) {
			names[found[1]] = true
		}
	})
	return names
}

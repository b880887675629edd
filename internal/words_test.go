package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// enforceWords makes TestWords_TextsUseTheTermsOfTheField fail for each word that it
// finds. If it is false, the test only logs them.
const enforceWords = true

// avoidedWords are patterns that code, SQL, scripts and documents do not use, with the
// words to use instead. They match case-insensitively, within one line.
var avoidedWords = []struct{ pattern, instead string }{
	// Persons in place of things.
	{`\bwhom\b`, "name the thing"},
	{`\bwhoever\b`, "name the thing: a request that, a caller that"},
	{`\b(nobody|somebody|everybody)('s)?\b`, "no request, a caller, all users, no other process"},
	{`\bbehalf of somebody\b`, "name the user"},
	{`\b(is|are|be|was|were) told\b`, "gets, receives, is notified"},
	{`\bbeliev(e|es|ed|ing)\b`, "trust, assume"},
	{`\burgent(ly)?\b`, "priority, reserved"},
	// Negation as in another language.
	{`\b(is|are|was|were) none\b`, "is not a, there is no"},
	{`\bof (ours|theirs|its own making)\b`, "our, their"},
	// Metaphors with a term of the field.
	{`\bpassengers?\b`, "waiter"},
	{`\b(one|the same|each|a single|per|two|both) flights?\b`, "batch, round trip"},
	{`\b(boards?|boarded|boarding|handon|betold)\b`, "join, pass on, wait"},
	{`\blend(s|ing)?\b|\blent\b|\bkeptback\b`, "pool, acquire, reserve"},
	{`\b(confine|confines|confined|confinement|confineto)\b`, "scope, tenant scope"},
	{`\bbelief\b|\bdoubts?\b|\bdoubted\b|\bdeaf\b`, "cached, untrusted, not listening"},
	{`\bpayers?\b`, "limit keys"},
	{`\bcrowd(s|ed)?\b`, "concurrent clients, saturated"},
	{`\bstrangers?\b`, "another user"},
	{`\bthe (house|hall|town|wall|room|door|stage)\b`, "service, queue, dataset, layer, space, listener, fixture"},
	{`\b(keeps|keeping) house\b|\bwho cannot\b`, "name the thing"},
	{`\bpatience\b`, "timeout"},
	{`(//|--).*\b(worlds?|walls?)\b`, "fixture, dataset, layer"},
	{`(//|--).*\b(anybody|told|heard|hears|in vain)\b`, "notify, receive, without a result"},
	{`\b(redis|the database|the store|postgresql) (is|was|were) (not )?(last )?asked\b`, "queried"},
	{`\bnewborn\b|\bnewcomers?\b`, "as created, new user"},
	{`\bmoment's\b|\ba moment ago\b`, "just, before"},
}

// allowedWords are uses that stay, by path below the root and the matched text.
var allowedWords = []struct{ path, text string }{
	// The words are listed here.
	{`internal/words_test\.go`, `.*`},
	// The POSIX account, and an identifier of net/http.
	{`.*`, `nobody:|"nobody"|` + "`nobody`" + `|macOS has -2 for nobody|http\.NoBody`},
	// None of Python.
	{`docs/guides/scripts\.md`, `\bis (not )?None\b`},
	// Test data, and what others have published.
	{`docs/evidence/asvs/requirements\.txt`, `.*`},
	{`.*testdata/.*`, `.*`},
	{`CHANGELOG\.md`, `.*`},
}

// wordFiles are the files whose text is read by people.
var wordFiles = regexp.MustCompile(`(\.(go|sql|md|sh|lua|ya?ml|tf|ts|py|service|timer|conf|env|example)|/Makefile|^Makefile|Dockerfile[.a-z]*)$`)

// generatedFiles repeat the text of others.
var generatedFiles = regexp.MustCompile(`^(internal/postgres/internal/db/|api/openapi\.yaml|.*package-lock\.json)`)

func TestWords_TextsUseTheTermsOfTheField(t *testing.T) {
	t.Parallel()
	patterns := make([]*regexp.Regexp, len(avoidedWords))
	var all []string
	for n, word := range avoidedWords {
		patterns[n] = regexp.MustCompile(`(?i)` + word.pattern)
		all = append(all, word.pattern)
	}
	anyPattern := regexp.MustCompile(strings.Join(all, "|")) // over lower case, which is faster than (?i)
	report := t.Logf
	if enforceWords {
		report = t.Errorf
	}
	found := 0
	for _, path := range textFiles(t) {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		number := 0
		for line := range strings.Lines(string(text)) {
			number++
			if !anyPattern.MatchString(strings.ToLower(line)) {
				continue
			}
			for n, pattern := range patterns {
				if match := pattern.FindString(line); match != "" && !isAllowedWord(path, line) {
					found++
					report("%s:%d: %q; instead: %s", path, number, match, avoidedWords[n].instead)
				}
			}
		}
	}
	t.Logf("%d words to avoid", found)
}

func isAllowedWord(path, line string) bool {
	for _, allowed := range allowedWords {
		if regexp.MustCompile(`^`+allowed.path+`$`).MatchString(path) && regexp.MustCompile(allowed.text).MatchString(line) {
			return true
		}
	}
	return false
}

// textFiles are the paths of the files that the rule is about, from the root. Unlike
// goFiles it includes nested modules.
func textFiles(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(root, name)
		path = filepath.ToSlash(path)
		switch base := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (base == "node_modules" || base == "bin" || base == "vendor" || base[0] == '.' && base != ".github" && base != ".ci"):
			return filepath.SkipDir
		case !entry.IsDir() && wordFiles.MatchString(path) && !generatedFiles.MatchString(path):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

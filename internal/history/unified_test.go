package history

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/codegenapp/codegenapp/internal/problem"
	"github.com/codegenapp/codegenapp/internal/requirements"
)

func TestUnifiedDiff_IsReadable(t *testing.T) {
	t.Parallel()
	from := state(3, "Bills", "A bill has a number.\n\nIt is sent\nby mail.", item(1, "One."), item(2, "Two."), item(4, "Four."), item(5, "Five."), item(6, "Six."), item(7, "Seven."))
	to := state(9, "Bills", "An invoice has a number.\n\nIt is sent\nby mail.", item(1, "One."), item(3, "Three."), item(2, "Two."), item(4, "Four."), item(5, "Five."), item(6, "Six."))
	const want = `--- 3.md	v3
+++ 3.md	v9
@@ -1,6 +1,6 @@
 # 3 Bills
 
-A bill has a number.
+An invoice has a number.
 
 It is sent
 by mail.
@@ -8,8 +8,8 @@
 ## Items
 
 -   **3.1** One.
+-   **3.3** Three.
 -   **3.2** Two.
 -   **3.4** Four.
 -   **3.5** Five.
 -   **3.6** Six.
--   **3.7** Seven.
`
	if diff := cmp.Diff(want, unified(t, from, to)); diff != "" {
		t.Error(diff)
	}
	if same := unified(t, from, from); same != "" {
		t.Errorf("two equal states: %s", same)
	}
}

func unified(t *testing.T, from, to requirements.ItemList) string {
	t.Helper()
	text, err := UnifiedDiff(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestUnifiedDiff_IsBounded(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("a\n", maxDiffLines/2)
	for _, c := range []struct {
		from, to string
		want     problem.Code
	}{{half[4:], half[4:] + "b", ""}, {half, half + "b\n", problem.InvalidParameter}} {
		if _, err := unifiedDiff("a", "b", c.from, c.to); problem.CodeOf(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("%d lines: %v, want %q", strings.Count(c.from+c.to, "\n"), err, c.want)
		}
	}
}

// apply lets a program apply patches to the files of first states, and compares them with
// the second states.
func apply(t *testing.T, from, to []requirements.ItemList, program string, args ...string) {
	t.Helper()
	dir := t.TempDir()
	var patch strings.Builder
	for n := range from {
		name := filepath.Join(dir, fmt.Sprintf("%d.md", from[n].Specification.Number))
		if err := os.WriteFile(name, []byte(Markdown(from[n])), 0o600); err != nil {
			t.Fatal(err)
		}
		patch.WriteString(unified(t, from[n], to[n]))
	}
	command := exec.CommandContext(t.Context(), program, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	command.Stdin = strings.NewReader(patch.String())
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s\n%s", program, err, output, patch.String())
	}
	for n := range from {
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.md", from[n].Specification.Number)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Markdown(to[n]), string(got)); diff != "" {
			t.Errorf("%s of specification %d: (-want +got)\n%s", program, from[n].Specification.Number, diff)
		}
	}
}

// somePairs returns 200 specifications, each in two states.
func somePairs() (from, to []requirements.ItemList) {
	for n := range 200 {
		pair := rapid.Custom(func(t *rapid.T) [2]requirements.ItemList {
			before, after := states(t, true)
			before.Specification.Number, after.Specification.Number = n+1, n+1
			lines := strings.Repeat("a line\n", rapid.IntRange(0, 12).Draw(t, "lines"))
			before.Specification.Content = lines + before.Specification.Content
			after.Specification.Content = lines + after.Specification.Content
			return [2]requirements.ItemList{before, after}
		}).Example(n)
		from, to = append(from, pair[0]), append(to, pair[1])
	}
	return from, to
}

func TestUnifiedDiff_IsAppliedByGit(t *testing.T) {
	t.Parallel()
	from, to := somePairs()
	apply(t, from, to, "git", "apply", "-p0", "--whitespace=nowarn")
}
